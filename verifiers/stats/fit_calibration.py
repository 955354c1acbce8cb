"""Calibrations on labelled pairs: fitted on one part, measured on the other; training knockdowns as such pairs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.typing import BoolArray
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.stats.logistic import Logistic, fit_logistic
from rbio_kg.verifiers.stats.metrics import auroc, expected_calibration_error

MOST_QUESTIONS = 60_000
HELD_SHARE = 0.2
"""Share of the perturbations that are kept back for the metrics."""

TASK_FITS: Mapping[str, str] = MappingProxyType({"de": "changes", "dir": "rises"})
"""How the calibration on a task's questions is called."""


class KnockdownPairs(NamedTuple):
    """Perturbation and gene of questions as positions, their labels and cell lines, and which are kept back."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    labels: NDArray[np.int64]
    lines: list[str]
    held: BoolArray


def knockdown_pairs(
    snapshot: Snapshot, train: pl.DataFrame, task: str, isolated: BoolArray, rng: np.random.Generator
) -> KnockdownPairs:
    """At most `MOST_QUESTIONS` train questions of a task about two genes that the graph joins to others."""
    rows = train.filter(pl.col("task") == task).sort("cell_line", "pert", "gene")
    a = snapshot.genes.indices(rows.get_column("pert").to_list())
    b = snapshot.genes.indices(rows.get_column("gene").to_list())
    usable = np.flatnonzero((a >= 0) & (b >= 0) & (a != b))
    usable = usable[~(isolated[a[usable]] | isolated[b[usable]])]
    chosen = np.sort(rng.permutation(usable)[:MOST_QUESTIONS])
    rows, held = rows[chosen], rng.random(len(snapshot.genes))[a[chosen]] < HELD_SHARE
    lines = rows.get_column("cell_line").to_list()
    return KnockdownPairs(a[chosen], b[chosen], rows.get_column("label").to_numpy(), lines, held)


def fit_and_measure(
    matrix: NDArray[np.float64],
    labels: NDArray[Any],
    held: BoolArray,
    *,
    parts: tuple[str, ...],
    fewest: int,
    groups: list[str] | None = None,
) -> tuple[Logistic, dict[str, Any]] | None:
    """A fit on the rows that are not held and {auroc, ece, rows, positives} on those that are.

    None where fewer than `fewest` rows of either label are left to fit on.
    """
    fitted = ~held
    if min((labels[fitted] == 1).sum(), (labels[fitted] == 0).sum()) < fewest:
        return None
    fit = fit_logistic(matrix[fitted], labels[fitted], parts, _where(groups, fitted))
    probabilities = fit(matrix[held], _where(groups, held))
    return fit, {
        "auroc": auroc(labels[held], probabilities),
        "ece": expected_calibration_error(labels[held], probabilities),
        "rows": int(held.sum()),
        "positives": int(labels[held].sum()),
    }


def _where(groups: list[str] | None, mask: BoolArray) -> list[str] | None:
    return None if groups is None else [group for group, keep in zip(groups, mask, strict=True) if keep]
