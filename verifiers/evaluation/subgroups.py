"""Ranking and calibration of a verifier on named subgroups of the questions, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import spearmanr

from rbio_kg.verifiers.stats.metrics import bootstrap_interval, per_gene_auroc

MIN_GENES = 20
"""A subgroup with fewer genes that have both labels is left out."""


def named_subgroups(questions: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> dict[str, NDArray[np.bool_]]:
    """Rows of each subgroup, bool (n,), by partners of the perturbed gene, base rate of the monitored gene, and edge.

    Args:
        questions: rows with `pert,gene,label,cell_line,task`.
        tables: of the graph; `interactions` and `regulations` are read.
    """
    edges = pl.concat([tables[name].select("start", "end") for name in ("interactions", "regulations")])
    both = pl.concat([edges, edges.select(start="end", end="start")]).unique()
    degrees = dict(both.group_by("start").len().iter_rows())
    partners = np.array([degrees.get(pert, 0) for pert in questions["pert"].to_list()])
    low, high = np.quantile(partners, (1 / 3, 2 / 3)) if len(partners) else (0.0, 0.0)
    # The base rate is that of these rows: it describes them and predicts nothing.
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
    """`subgroup`, `rows`, `genes`, `per_gene_auroc`, `interval` and `gap` of each subgroup, the worst ranked first.

    `gap` is the mean probability minus the rate of label 1: positive where the verifier is too high. Subgroups
    with too few genes are left out.
    """
    found: list[dict[str, Any]] = []
    for name, mask in parts.items():
        if not mask.any():
            continue
        ranked = per_gene_auroc(genes[mask], labels[mask], scores[mask], None if folds is None else folds[mask])
        if ranked.genes < MIN_GENES:
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
    """Spearman's rank correlation on the rows that both verifiers score.

    Returns:
        `spearman` (None where undefined) and `rows`.
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    a, b = first[both], second[both]
    defined = len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0
    return {"spearman": float(spearmanr(a, b).statistic) if defined else None, "rows": int(both.sum())}
