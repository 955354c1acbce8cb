"""Trivial predictors, shown beside every real one: what an answer is worth that knows nothing of the perturbation."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from verifiers.votes import fold_of

_LINE = ["task", "cell_line"]
_GENE = [*_LINE, "gene"]
_PAIR = ["task", "pert", "gene"]


def with_folds(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The frame with the column `fold`, 0 to 9, of each row's perturbation."""
    folds = {pert: fold_of(pert, seed) for pert in frame["pert"].unique().to_list()}
    return frame.with_columns(fold=pl.col("pert").replace_strict(folds, return_dtype=pl.Int64))


def baseline_scores(
    frame: pl.DataFrame, train: pl.DataFrame, *, fold_seed: int | None = None
) -> dict[str, NDArray[np.float64]]:
    """Scores of the trivial predictors for each row, 0 to 1, shape (n,).

    `all_no` 0; `all_yes` 1; `gene_prior` the train rate of label 1 of the monitored gene in the row's cell line (the
    line's base rate for a gene without train rows); `pair_copy` the mean train label of the same pair in other cell
    lines (the base rate for a pair without one).

    Args:
        frame: rows with `pert,gene,cell_line,task`.
        train: rows with `pert,gene,label,cell_line,task,split`; only those of split `train` are used.
        fold_seed: of the folds, when the frame's rows are train rows: the gene prior then leaves the row's fold out.
    """
    train = train.filter(pl.col("split") == "train").with_columns(pl.col("label").cast(pl.Float64))
    asked = frame.select("pert", "gene", "cell_line", "task").with_row_index("row")
    base = train.group_by(_LINE).agg(pl.col("label").mean().alias("base"))
    total = train.group_by(_GENE).agg(pl.col("label").sum().alias("ones"), pl.len().cast(pl.Float64).alias("rows"))
    prior = asked.join(base, on=_LINE, how="left").join(total, on=_GENE, how="left")
    if fold_seed is not None:
        fold = with_folds(train, fold_seed).group_by([*_GENE, "fold"])
        own = fold.agg(pl.col("label").sum().alias("own_ones"), pl.len().cast(pl.Float64).alias("own_rows"))
        prior = (
            with_folds(prior, fold_seed)
            .join(own, on=[*_GENE, "fold"], how="left")
            .with_columns(
                ones=pl.col("ones") - pl.col("own_ones").fill_null(0.0),
                rows=pl.col("rows") - pl.col("own_rows").fill_null(0.0),
            )
        )
    known = pl.col("rows").fill_null(0.0) > 0
    prior = prior.with_columns(score=pl.when(known).then(pl.col("ones") / pl.col("rows")).otherwise("base"))
    pairs = train.select(*_PAIR, pl.col("cell_line").alias("other"), "label")
    copied = (
        asked.join(pairs, on=_PAIR)
        .filter(pl.col("other") != pl.col("cell_line"))
        .group_by("row")
        .agg(pl.col("label").mean().alias("copied"))
    )
    copy = prior.join(copied, on="row", how="left").with_columns(score=pl.coalesce("copied", "base"))
    return {
        "all_no": np.zeros(len(frame)),
        "all_yes": np.ones(len(frame)),
        "gene_prior": _scores(prior),
        "pair_copy": _scores(copy),
    }


def _scores(frame: pl.DataFrame) -> NDArray[np.float64]:
    # A cell line without any train row has no base rate: one half, the same for all of its rows.
    return frame.sort("row")["score"].fill_null(0.5).to_numpy().astype(np.float64)
