"""Baselines against obvious loops, and the split schemes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.evaluation.baselines import BASELINES, baseline_scores
from rbio_kg.verifiers.splits import divide, fold_of
from rbio_kg.verifiers.stats.metrics import per_gene_auroc
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def questions() -> pl.DataFrame:
    tables: GraphTables = small_tables(seed=4, genes=36)
    return tables["questions"].filter(pl.col("task") == "de")


@pytest.mark.parametrize("split", ["train", "test"])
def test_gene_prior_and_pair_copy_are_means_of_train_labels(questions: pl.DataFrame, split: str) -> None:
    evaluated = questions.filter(pl.col("split") == split)
    train = list(questions.filter(pl.col("split") == "train").iter_rows(named=True))
    found = baseline_scores(evaluated, questions, fold_seed=7 if split == "train" else None)
    assert not found["all_no"].any() and found["all_yes"].all()
    for row, item in enumerate(evaluated.iter_rows(named=True)):
        line = [t for t in train if t["cell_line"] == item["cell_line"]]
        base = np.mean([t["label"] for t in line])
        same = [
            t["label"]
            for t in line
            if t["gene"] == item["gene"] and (split == "test" or fold_of(t["pert"], 7) != fold_of(item["pert"], 7))
        ]
        assert found["gene_prior"][row] == pytest.approx(np.mean(same) if same else base)
        other = [t for t in train if t["cell_line"] != item["cell_line"] and t["pert"] == item["pert"]]
        strength = [t["label"] for t in other]
        copy = [t["label"] for t in other if t["gene"] == item["gene"]]
        assert found["pair_copy"][row] == pytest.approx(np.mean(copy) if copy else base)
        assert found["perturbation_strength"][row] == pytest.approx(np.mean(strength) if strength else base)


def test_a_line_without_train_rows_borrows_the_other_lines_rates(questions: pl.DataFrame) -> None:
    division = divide(questions, "leave-one-line-out", "k562")
    train = list(division.train.iter_rows(named=True))
    found = baseline_scores(division.test, division.train)
    base = np.mean([row["label"] for row in train])
    assert set(division.train["cell_line"]) == {"rpe1"}
    for row, item in enumerate(division.test.iter_rows(named=True)):
        for name, keys in (
            ("gene_prior", ["gene"]),
            ("pair_copy", ["pert", "gene"]),
            ("perturbation_strength", ["pert"]),
        ):
            same = [t["label"] for t in train if all(t[key] == item[key] for key in keys)]
            assert found[name][row] == pytest.approx(np.mean(same) if same else base), name


@pytest.mark.parametrize("split_scheme", ["global", "gene-disjoint"])
def test_what_a_split_scheme_withholds_the_baselines_do_not_know(questions: pl.DataFrame, split_scheme: str) -> None:
    division = divide(questions, split_scheme, "k562")
    found = baseline_scores(division.test, division.train)
    base = division.train.filter(pl.col("cell_line") == "k562")["label"].mean()
    silent = ["pair_copy", "perturbation_strength"] if split_scheme == "global" else ["pair_copy", "gene_prior"]
    for name in silent:
        assert found[name] == pytest.approx(np.full(len(division.test), base)), name


def test_without_train_rows_everything_is_one_half(questions: pl.DataFrame) -> None:
    evaluated = questions.filter(pl.col("split") == "test")
    found = baseline_scores(evaluated, evaluated)
    assert set(found) == set(BASELINES)
    for name in BASELINES[2:]:
        assert set(found[name].tolist()) == {0.5}


def test_the_gene_prior_ranks_nothing_within_a_gene(questions: pl.DataFrame) -> None:
    for split, folds in (("test", None), ("train", 3)):
        evaluated = questions.filter((pl.col("split") == split) & (pl.col("cell_line") == "k562"))
        prior = baseline_scores(evaluated, questions, fold_seed=folds)["gene_prior"]
        subgroups = None if folds is None else [fold_of(pert, folds) for pert in evaluated["pert"]]
        assert per_gene_auroc(evaluated["gene"].to_list(), evaluated["label"].to_numpy(), prior, subgroups).mean == 0.5
