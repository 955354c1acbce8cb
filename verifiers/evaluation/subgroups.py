"""Where a verifier is wrong most: its ranking and calibration on parts of the questions that a person can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from rbio_kg.verifiers.stats.metrics import bootstrap_interval, per_gene_auroc

FEWEST_GENES = 20
"""A part with fewer genes that have both labels is left out."""


def named_subgroups(questions: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> dict[str, NDArray[np.bool_]]:
    """Rows of each part, bool (n,): partners of the knocked-down gene, habit of the monitored gene, whether they touch.

    Args:
        questions: rows with `pert,gene,label,cell_line,task`.
        tables: of the graph; `interactions` and `regulations` are read.
    """
    edges = pl.concat([tables[name].select("start", "end") for name in ("interactions", "regulations")])
    both = pl.concat([edges, edges.select(start="end", end="start")]).unique()
    degrees = dict(both.group_by("start").len().iter_rows())
    partners = np.array([degrees.get(pert, 0) for pert in questions["pert"].to_list()])
    low, high = np.quantile(partners, (1 / 3, 2 / 3)) if len(partners) else (0.0, 0.0)
    # The gene's own labels among these rows say how often it changes: a description of the rows, not a prediction.
    rate = questions.select(pl.col("label").mean().over("task", "cell_line", "gene"))["label"].to_numpy()
    touching = (
        questions.select(start="pert", end="gene").with_row_index("row").join(both, on=["start", "end"], how="semi")
    )
    touch = np.zeros(len(questions), dtype=np.bool_)
    touch[touching["row"].to_numpy()] = True
    return {
        f"knockdowns of genes with at most {low:.0f} partners": partners <= low,
        f"knockdowns of genes with {low:.0f} to {high:.0f} partners": (partners > low) & (partners <= high),
        f"knockdowns of genes with over {high:.0f} partners": partners > high,
        "genes that change in under 5 % of knockdowns": rate < 0.05,
        "genes that change in 5 to 30 %": (rate >= 0.05) & (rate < 0.3),
        "genes that change in over 30 %": rate >= 0.3,
        "pairs that interact or regulate": touch,
        "pairs that do not touch": ~touch,
    }


def measured_subgroups(  # noqa: PLR0917
    parts: Mapping[str, NDArray[np.bool_]],
    genes: NDArray[np.str_],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    folds: NDArray[np.int64] | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Each part's `subgroup`, `rows`, `genes`, `per_gene_auroc`, `interval` and `gap`, the worst ranked first.

    `gap` is the mean probability minus the rate of label 1: positive where the verifier says too much. Parts with too
    few genes are left out.
    """
    found: list[dict[str, Any]] = []
    for name, mask in parts.items():
        if not mask.any():
            continue
        ranked = per_gene_auroc(genes[mask], labels[mask], scores[mask], None if folds is None else folds[mask])
        if ranked.genes < FEWEST_GENES:
            continue
        found.append(
            {
                "subgroup": name,
                "rows": int(mask.sum()),
                "genes": ranked.genes,
                "per_gene_auroc": ranked.mean,
                "interval": list(bootstrap_interval(ranked.values, seed) or ()),
                "gap": float(scores[mask].mean() - labels[mask].mean()),
            }
        )
    return sorted(found, key=lambda part: (part["per_gene_auroc"], part["subgroup"]))


def rank_agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[str, Any]:
    """Spearman's rank correlation of two verifiers where both speak: `spearman` (None where undefined) and `rows`."""
    both = ~np.isnan(first) & ~np.isnan(second)
    a, b = rankdata(first[both]), rankdata(second[both])
    defined = len(a) > 1 and a.std() > 0 and b.std() > 0
    return {"spearman": float(np.corrcoef(a, b)[0, 1]) if defined else None, "rows": int(both.sum())}
