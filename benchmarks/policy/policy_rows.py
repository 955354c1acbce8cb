"""Rows of a policy's tables: the measures of a predictor, its difference from another, and means over cell lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from rbio_kg.training.evaluation.comparison import difference, measure


def row_of(frame: pl.DataFrame, line: dict[str, str], name: str, scores: Any, last: Any) -> dict[str, Any]:
    """The measures of a predictor, and the difference of the last stage from it.

    Args:
        frame: the questions.
        line: columns that name them (`cell_line`, `task`).
        name: of the predictor.
        scores: its probabilities, (n,).
        last: those of the last stage, (n,).
    """
    measured = measure(frame, scores, 0)
    return {
        **line,
        "predictor": name,
        **{key: measured[key] for key in ("per_gene_auroc", "interval", "brier", "ece", "genes", "rows")},
        "mean": float(np.mean(scores)),
        "last stage minus it": None if scores is last else difference(frame, last, scores, 0),
        "better by": None if scores is last else brier_difference(frame, scores, last),
    }


def brier_difference(frame: pl.DataFrame, first: Any, second: Any) -> dict[str, float]:
    """First minus second Brier score with a 95 % interval: genes are resampled for both at once."""
    labels = frame["label"].to_numpy()
    losses = frame.select("gene", loss=pl.Series((first - labels) ** 2 - (second - labels) ** 2))
    genes = losses.group_by("gene", maintain_order=True).agg(pl.col("loss").sum(), pl.len())
    total, rows = genes["loss"].to_numpy(), genes["len"].to_numpy()
    drawn = np.random.default_rng(0).integers(0, len(genes), (1000, len(genes)))
    low, high = np.quantile(total[drawn].sum(axis=1) / rows[drawn].sum(axis=1), [0.025, 0.975])
    return {"mean": float(total.sum() / rows.sum()), "low": float(low), "high": float(high)}


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The plain mean over the cell lines of every task and predictor that has several."""
    found = []
    for task, name in dict.fromkeys((row["task"], row["predictor"]) for row in rows):
        mine = [row for row in rows if (row["task"], row["predictor"]) == (task, name)]
        if len(mine) > 1:
            keys = ("per_gene_auroc", "brier", "ece", "mean")
            average = {key: float(np.mean([row[key] for row in mine])) for key in keys}
            found.append({"cell_line": "mean", "task": task, "predictor": name, **average})
    return found


COLUMNS = (
    "task",
    "cell_line",
    "predictor",
    "per_gene_auroc",
    "interval",
    "last stage minus it",
    "brier",
    "better by",
    "ece",
    "mean",
)
