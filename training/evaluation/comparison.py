"""A predictor's measures next to those of the baselines on the same rows, with the paired differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl
from numpy.typing import ArrayLike

from rbio_kg.core.errors import MetricError
from rbio_kg.verifiers.stats.metrics import PerGene, paired_bootstrap, per_gene_auroc, summary


def measure(frame: pl.DataFrame, scores: ArrayLike, seed: int, subgroups: ArrayLike | None = None) -> dict[str, Any]:
    """All metrics of one score a question; rows of one gene in two cell lines or tasks are two genes."""
    return summary(gene_keys(frame), frame["label"].to_numpy(), scores, seed=seed, subgroups=subgroups)


def compare_with_baselines(
    frame: pl.DataFrame,
    scores: ArrayLike,
    others: Mapping[str, ArrayLike],
    seed: int,
    subgroups: ArrayLike | None = None,
) -> dict[str, Any]:
    """A predictor's measures, its baselines' and the differences.

    Args:
        frame: rows with `gene,task,cell_line,label`.
        scores: of the predictor, shape (n,).
        others: scores of the baselines, each of shape (n,).
        seed: of the intervals.
        subgroups: fold of each row where the scores are cross-validated (see `metrics.per_gene_auroc`).

    Returns:
        `metrics.summary` of the predictor; `baselines` {name: the same}; `differences` {name: `mean`, `low`, `high`}
        (see `difference`).

    Raises:
        MetricError: no gene has both labels.
    """
    own = measure(frame, scores, seed, subgroups)
    if not own["genes"]:
        counts = dict(frame.group_by("label").len().sort("label").iter_rows())
        raise MetricError(
            f"no gene has both labels, so nothing can be ranked: {counts.get(0, 0):,} rows have label 0 and "
            f"{counts.get(1, 0):,} have label 1, about {frame['gene'].n_unique():,} genes",
            hint="give rows of several perturbations for each gene",
        )
    return {
        **own,
        "baselines": {name: measure(frame, found, seed, subgroups) for name, found in others.items()},
        "differences": {name: difference(frame, scores, found, seed, subgroups) for name, found in others.items()},
    }


def difference(
    frame: pl.DataFrame, first: ArrayLike, second: ArrayLike, seed: int, subgroups: ArrayLike | None = None
) -> dict[str, float] | None:
    """First minus second per-gene AUROC on the same rows with a 95 % interval: genes are resampled for both at once.

    None where no gene has both labels.
    """
    found = paired_bootstrap(_per_gene(frame, first, subgroups), _per_gene(frame, second, subgroups), seed)
    return None if found is None else asdict(found)


def _per_gene(frame: pl.DataFrame, scores: ArrayLike, subgroups: ArrayLike | None) -> PerGene:
    return per_gene_auroc(gene_keys(frame), frame["label"].to_numpy(), scores, subgroups)


def gene_keys(frame: pl.DataFrame) -> list[str]:
    """What counts as one gene, row by row."""
    line = pl.col("cell_line").fill_null("")
    return frame.select(pl.concat_str("gene", "task", line, separator=" ")).to_series().to_list()
