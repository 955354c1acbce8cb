"""Anyone's predictions: clear refusals, the same measures, differences between two models, split schemes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.splits import held_out_genes
from rbio_kg.verifiers.stats.metrics import paired_bootstrap, per_gene_auroc
from tests.support.evaluations import prediction_file_document, predictions_document
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=8, genes=48)


def _predictions(path: Path, text: str) -> Path:
    path.write_text("pert,gene,label,score\n" + text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A,X,1,0.5\nB,X,2,0.1\n", "line 3: label is not 0 or 1"),
        ("A,X,1,0.5\nB,X,0,nan\n", "line 3: score is not a finite number"),
        ("A,X,1,0.5\nB,X,0,high\n", "line 3: score is not a finite number"),
        ("A,X,1,0.5\nB,X,0,0.1\nA,X,1,0.4\n", "line 4: the pair occurs twice"),
        ("A,X,1,0.5\n,X,0,0.1\n", "line 3: pert or gene is empty"),
        ("A,X,1,0.5\nB,Y,0,0.1\n", "no gene has both labels"),
        ("", "no rows"),
    ],
)
def test_wrong_predictions_are_refused_by_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        prediction_file_document(_predictions(tmp_path / "p.csv", text))


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no such file"):
        prediction_file_document(tmp_path / "absent.csv")
    (tmp_path / "p.csv").write_text("pert,gene,probability\nA,X,0.4\n")
    with pytest.raises(EvaluationError, match="the columns label, score are missing"):
        prediction_file_document(tmp_path / "p.csv")


def test_a_scored_train_pair_is_a_leak(tables: GraphTables) -> None:
    train = tables["questions"].filter((pl.col("split") == "train") & (pl.col("task") == "de"))
    frame = train.filter(pl.col("cell_line") == "k562").select("pert", "gene", "label").with_columns(score=pl.lit(0.5))
    with pytest.raises(EvaluationError, match=r"leak: the row .* is in the training data"):
        predictions_document(frame, train, cell_line="k562")


def test_predictions_without_a_graph_have_no_priors() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "pert": [f"P{i}" for i in range(60)],
            "gene": [f"G{i % 6}" for i in range(60)],
            "label": rng.integers(0, 2, 60).tolist(),
            "score": (rng.random(60) * 9).tolist(),
        }
    )
    found = predictions_document(frame)
    expected = per_gene_auroc(frame["gene"].to_list(), frame["label"].to_numpy(), frame["score"].to_numpy())
    assert found["per_gene_auroc"] == expected.mean and found["ece"] is None
    assert found["baselines"]["gene_prior"] is None and found["baselines"]["pair_copy"] is None
    assert found["baselines"]["all_no"]["per_gene_auroc"] == 0.5


def _scored(tables: GraphTables, seed: int = 0, split: str = "test") -> pl.DataFrame:
    """K562's rows with scores that know a little."""
    here = (pl.col("split") == split) & (pl.col("task") == "de") & (pl.col("cell_line") == "k562")
    rows = tables["questions"].filter(here).select("pert", "gene", "label")
    noise = np.random.default_rng(seed).random(len(rows))
    return rows.with_columns(score=pl.col("label") * 0.3 + pl.Series(noise))


def test_a_difference_is_paired_over_genes(tables: GraphTables) -> None:
    one, two = _scored(tables, 0), _scored(tables, 1).sample(fraction=1.0, shuffle=True, seed=3)
    found = predictions_document(one, tables["questions"], cell_line="k562", against=two, against_where=Path("b.csv"))
    same = one.join(two.select("pert", "gene", other="score"), on=["pert", "gene"])
    measured = [
        per_gene_auroc(same["gene"].to_list(), same["label"].to_numpy(), same[name].to_numpy())
        for name in ("score", "other")
    ]
    expected = paired_bootstrap(*measured, seed=0)
    assert expected is not None
    assert found["differences"]["b.csv"] == pytest.approx(
        {"mean": expected.mean, "low": expected.low, "high": expected.high}
    )
    assert found["against"]["name"] == "b.csv"
    assert found["against"]["per_gene_auroc"] == pytest.approx(measured[1].mean)
    assert found["differences"]["gene_prior"]["mean"] == pytest.approx(found["per_gene_auroc"] - 0.5)
    swapped = predictions_document(two, tables["questions"], cell_line="k562", against=one, against_where=Path("a.csv"))
    assert swapped["differences"]["a.csv"]["mean"] == pytest.approx(-expected.mean)


def test_only_the_same_rows_are_compared(tables: GraphTables) -> None:
    one = _scored(tables)
    for other, place in ((one[1:], "b.csv"), (pl.concat([one[1:], one[:1].with_columns(pert=pl.lit("X"))]), "b.csv")):
        with pytest.raises(EvaluationError, match=f"{place}: 1 rows of the other file are missing"):
            predictions_document(one, against=other, where=Path("a.csv"), against_where=Path("b.csv"))
    with pytest.raises(EvaluationError, match=r"a\.csv: 1 rows of the other file are missing"):
        predictions_document(one[1:], against=one, where=Path("a.csv"), against_where=Path("b.csv"))
    with pytest.raises(EvaluationError, match=r"b\.csv: .* labels differ"):
        flipped = one.with_columns(label=1 - pl.col("label"))
        predictions_document(one, against=flipped, where=Path("a.csv"), against_where=Path("b.csv"))


def test_labels_are_those_of_the_questions(tables: GraphTables) -> None:
    wrong = _scored(tables).with_columns(label=1 - pl.col("label"))
    with pytest.raises(EvaluationError, match=r"labels differ from the known ones.*--task"):
        predictions_document(wrong, tables["questions"], cell_line="k562")
    part = predictions_document(_scored(tables)[:40], tables["questions"], cell_line="k562")
    assert part["missing_rows"] == len(_scored(tables)) - 40
    assert predictions_document(_scored(tables))["missing_rows"] is None


def test_disjoint_genes_are_measured_alone(tables: GraphTables) -> None:
    scored = _scored(tables)
    found = predictions_document(scored, tables["questions"], cell_line="k562", split_scheme="gene-disjoint", seed=4)
    apart = held_out_genes(scored["gene"].unique().to_list(), 4)
    assert found["rows"] == len(scored.filter(pl.col("gene").is_in(apart))) < len(scored)
    assert found["missing_rows"] == 0
    for split_scheme in ("leave-one-line-out", "global"):
        again = predictions_document(scored, tables["questions"], cell_line="K562", split_scheme=split_scheme)
        assert again["rows"] == len(scored)
        assert again["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5
    with pytest.raises(TrainingError, match="unknown split scheme"):
        predictions_document(scored, tables["questions"], cell_line="k562", split_scheme="lenient")


def test_a_line_that_nobody_knows_has_the_other_lines_priors(tables: GraphTables) -> None:
    found = predictions_document(_scored(tables), tables["questions"], cell_line="HeLa 3")
    assert found["cell_line"] == "hela 3"
    assert found["baselines"]["gene_prior"]["pooled"]["auroc"] != 0.5
    with pytest.raises(EvaluationError, match="cannot be called"):
        predictions_document(_scored(tables), tables["questions"], cell_line="../hela")
