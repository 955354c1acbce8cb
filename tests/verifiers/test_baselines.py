"""Baselines against obvious loops, and the protocols."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rbio_kg.graph.tables import GraphTables
from tests.graphs import small_tables
from verifiers.baselines import baseline_scores
from verifiers.metrics import per_gene_auroc
from verifiers.votes import fold_of


@pytest.fixture(scope="module")
def questions() -> pl.DataFrame:
    tables: GraphTables = small_tables(seed=4, genes=36)
    return tables["questions"].filter(pl.col("task") == "de")


@pytest.mark.parametrize("split", ["train", "test"])
def test_gene_prior_and_pair_copy_are_means_of_train_labels(questions: pl.DataFrame, split: str) -> None:
    asked = questions.filter(pl.col("split") == split)
    train = list(questions.filter(pl.col("split") == "train").iter_rows(named=True))
    found = baseline_scores(asked, questions, fold_seed=7 if split == "train" else None)
    assert not found["all_no"].any() and found["all_yes"].all()
    for row, item in enumerate(asked.iter_rows(named=True)):
        line = [t for t in train if t["cell_line"] == item["cell_line"]]
        base = np.mean([t["label"] for t in line])
        same = [
            t["label"]
            for t in line
            if t["gene"] == item["gene"] and (split == "test" or fold_of(t["pert"], 7) != fold_of(item["pert"], 7))
        ]
        assert found["gene_prior"][row] == pytest.approx(np.mean(same) if same else base)
        copy = [
            t["label"]
            for t in train
            if (t["pert"], t["gene"]) == (item["pert"], item["gene"]) and t["cell_line"] != item["cell_line"]
        ]
        assert found["pair_copy"][row] == pytest.approx(np.mean(copy) if copy else base)


def test_the_gene_prior_ranks_nothing_within_a_gene(questions: pl.DataFrame) -> None:
    for split, folds in (("test", None), ("train", 3)):
        asked = questions.filter((pl.col("split") == split) & (pl.col("cell_line") == "k562"))
        prior = baseline_scores(asked, questions, fold_seed=folds)["gene_prior"]
        strata = None if folds is None else [fold_of(pert, folds) for pert in asked["pert"]]
        assert per_gene_auroc(asked["gene"].to_list(), asked["label"].to_numpy(), prior, strata).mean == 0.5
