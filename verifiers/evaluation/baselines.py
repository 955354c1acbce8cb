"""Trivial predictors, reported with every model: most of them know nothing about the perturbation."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.verifiers.splits import fold_of

BASELINES = ("all_no", "all_yes", "gene_prior", "pair_copy", "perturbation_strength")

_LINE = ["task", "cell_line"]
_GENE = [*_LINE, "gene"]
_PAIR = ["task", "pert", "gene"]
_PERT = ["task", "pert"]


def with_folds(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The frame with the column `fold`, 0 to 9, of each row's perturbation."""
    folds = {pert: fold_of(pert, seed) for pert in frame["pert"].unique().to_list()}
    return frame.with_columns(fold=pl.col("pert").replace_strict(folds, return_dtype=pl.Int64))


def baseline_scores(
    frame: pl.DataFrame, train: pl.DataFrame, *, fold_seed: int | None = None
) -> dict[str, NDArray[np.float64]]:
    """Scores of the trivial predictors for each row, 0 to 1, shape (n,), keyed by `BASELINES`.

    With r(...) the rate of label 1 among the train rows of the row's task, base = r(line):

    - `all_no` 0; `all_yes` 1;
    - `gene_prior` r(line, monitored gene), else base;
    - `pair_copy` r(other lines, same perturbation and gene), else base;
    - `perturbation_strength` r(other lines, same perturbation), else base: a test perturbation has no rows in its line.

    A line without any train row (it is new, or left out) uses base and r(gene) of all other lines' rows pooled.
    The first three know nothing of the perturbation, so their AUROC within a gene is exactly 0.5.

    Args:
        frame: rows with `pert,gene,cell_line,task`.
        train: the train rows that the split scheme allows, with `pert,gene,label,cell_line,task,split`; rows of another
            split are ignored.
        fold_seed: of the folds, when the frame's rows are train rows: the gene prior then leaves the row's fold out.
    """
    train = train.filter(pl.col("split") == "train").with_columns(pl.col("label").cast(pl.Float64))
    rows = frame.select("pert", "gene", "cell_line", "task").with_row_index("row")
    own = rows.join(_rates(train, _LINE), on=_LINE, how="left").rename({"rate": "base"}).drop("ones", "rows")
    new = own.filter(pl.col("base").is_null())
    own = own.filter(pl.col("base").is_not_null()).join(_rates(train, _GENE), on=_GENE, how="left")
    if fold_seed is not None:
        own = _without_fold(own, train, fold_seed)
    pooled = _rates(train, ["task"]).select("task", base="rate")
    new = new.drop("base").join(pooled, on="task", how="left")
    new = new.join(_rates(train, ["task", "gene"]), on=["task", "gene"], how="left")
    # A task without any train row has no base rate: one half, the same for all of its rows.
    prior = pl.concat([part.select(*rows.columns, "base", "rate") for part in (own, new)]).with_columns(
        pl.col("base").fill_null(0.5)
    )
    return {
        "all_no": np.zeros(len(frame)),
        "all_yes": np.ones(len(frame)),
        "gene_prior": _scores(prior),
        "pair_copy": _scores(_elsewhere(prior, train, _PAIR)),
        "perturbation_strength": _scores(_elsewhere(prior, train, _PERT)),
    }


def _rates(train: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Label-1 rows, rows and their quotient for each value of the keys."""
    found = train.group_by(keys).agg(pl.col("label").sum().alias("ones"), pl.len().cast(pl.Float64).alias("rows"))
    return found.with_columns(rate=pl.col("ones") / pl.col("rows"))


def _without_fold(prior: pl.DataFrame, train: pl.DataFrame, fold_seed: int) -> pl.DataFrame:
    """The rates without the rows of each perturbation's fold; null where no row is left."""
    keys = [*_GENE, "fold"]
    folds = _rates(with_folds(train, fold_seed), keys).select(*keys, fold_ones="ones", fold_rows="rows")
    rows = pl.col("rows") - pl.col("fold_rows").fill_null(0.0)
    ones = pl.col("ones") - pl.col("fold_ones").fill_null(0.0)
    return (
        with_folds(prior, fold_seed)
        .join(folds, on=keys, how="left")
        .with_columns(rate=pl.when(rows > 0).then(ones / rows))
    )


def _elsewhere(prior: pl.DataFrame, train: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """For each row the rate of label 1 among other lines' train rows with the same keys."""
    every, here = _rates(train, keys), _rates(train, [*keys, "cell_line"])
    rows = pl.col("all_rows") - pl.col("here_rows").fill_null(0.0)
    ones = pl.col("all_ones") - pl.col("here_ones").fill_null(0.0)
    return (
        prior.join(every.select(*keys, all_ones="ones", all_rows="rows"), on=keys, how="left")
        .join(here.select(*keys, "cell_line", here_ones="ones", here_rows="rows"), on=[*keys, "cell_line"], how="left")
        .with_columns(rate=pl.when(rows > 0).then(ones / rows))
    )


def _scores(frame: pl.DataFrame) -> NDArray[np.float64]:
    found = frame.sort("row").select(pl.coalesce("rate", "base")).to_series()
    return found.to_numpy().astype(np.float64)
