"""The plain similarity vote: what a knockdown's likest known ones did, without anything learnt of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl


def plain_vote(model: Any, asked: pl.DataFrame) -> Any:
    """The sharp similarity vote alone, by the knockdowns of the asked line (mean over the lines where it has none)."""
    task, line = asked["task"][0], asked["cell_line"][0]
    lines = (line,) if line in model.lines else model.lines
    perts, genes = (np.array([model.place(name) for name in asked[column]]) for column in ("pert", "gene"))
    out = np.zeros((len(lines), len(asked)))
    for row, name in enumerate(lines):
        columns = model.columns(name)
        known = (perts >= 0) & np.isin(genes, columns)
        folds = np.array([model.fold((name, task), int(pert)) for pert in perts])
        for fold in np.unique(folds[known]).tolist():
            mine = known & (folds == fold)
            jury = model.jury((name, task), frozenset() if fold < 0 else frozenset({fold}))
            out[row, mine] = jury.features(perts[mine], genes[mine])[:, jury.names.index("vote")]
    return out.mean(axis=0)
