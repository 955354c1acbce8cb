"""The file of scored rows: a metric computed from it is the one that was printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.errors import EvaluationError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.training.evaluation.predictions import (
    PredictionOptions,
    Predictions,
    evaluate_prediction_file,
    evaluate_predictions,
)
from rbio_kg.training.evaluation.scored_rows import write_scored_rows
from tests.support.evaluations import expression_document
from tests.support.graphs import small_tables
from tests.support.locations import ROOT

SAMPLE = ROOT / "graph_builders" / "sample" / "data" / "perturbqa"


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=8, genes=48)


def _auroc(labels: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> float:
    """Share of pairs of label 1 and label 0 in the right order, ties one half."""
    ones, zeros = scores[labels == 1], scores[labels == 0]
    ahead = ones[:, None] - zeros[None, :]
    return float(((ahead > 0) + 0.5 * (ahead == 0)).mean())


def recomputed(file: Path) -> float:
    """Mean AUROC within the genes that have both labels, by definition, from nothing but the file."""
    frame = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file)
    assert frame["score"].null_count() == 0
    found = [
        _auroc(rows["label"].to_numpy(), rows["score"].to_numpy())
        for _, rows in frame.group_by("cell_line", "task", "gene", maintain_order=True)
        if rows["label"].n_unique() == 2
    ]
    return float(np.mean(found))


def _questions(tables: GraphTables) -> pl.DataFrame:
    return tables["questions"].filter((pl.col("task") == "de") & (pl.col("cell_line") == "k562"))


def _scores(rows: pl.DataFrame, seed: int, scale: float = 1.0) -> pl.DataFrame:
    noise = np.random.default_rng(seed).random(len(rows))
    return rows.select("pert", "gene").with_columns(score=pl.Series((noise + rows["label"].to_numpy()) * scale / 2))


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
@pytest.mark.parametrize(("share", "scale"), [(1.0, 1.0), (0.9, 1.0), (0.85, 40.0)])
def test_the_metric_is_recomputed_from_the_file(
    tables: GraphTables, tmp_path: Path, name: str, share: float, scale: float
) -> None:
    questions = tables["questions"]
    tested = _questions(tables).filter(pl.col("split") == "test")
    given = _scores(tested, 1, scale).sample(fraction=share, seed=2)
    out = tmp_path / name
    found = evaluate_predictions(
        Predictions(given), questions, PredictionOptions(cell_line="k562"), predictions_out=out
    ).to_json()
    frame = pl.read_parquet(out) if name.endswith("parquet") else pl.read_csv(out)
    assert recomputed(out) == pytest.approx(found["per_gene_auroc"], abs=1e-12)
    assert len(frame) == found["rows"] == len(tested)
    assert frame["abstained"].sum() == found["missing_rows"] == len(tested) - len(given)
    labels = frame.join(tested.select("pert", "gene", known="label"), on=["pert", "gene"])
    assert (labels["label"] == labels["known"]).all()


def test_the_expression_models_file(tables: GraphTables, tmp_path: Path) -> None:
    file, out = tmp_path / "k562-de.csv", tmp_path / "out.csv"
    # A gene that only test rows name: the model abstains on it, and its row gets the gene prior.
    rows = _questions(tables).select("pert", "gene", "label", "split")
    known = rows.filter(pl.col("split") == "train")["pert"].unique().sort()
    more = pl.DataFrame({"pert": ["NOSUCHGENE1"], "gene": [known[0]], "label": [0], "split": ["test"]})
    pl.concat([rows, more.cast(rows.schema)]).write_csv(file)
    found = expression_document(tables, file, task="de", predictions_out=out, models_dir=tmp_path / "models")
    assert recomputed(out) == pytest.approx(found["per_gene_auroc"], abs=1e-12)
    assert pl.read_csv(out)["abstained"].sum() == found["abstained"]
    trained = expression_document(
        tables, file, task="de", split="train", predictions_out=out, models_dir=tmp_path / "models"
    )
    assert "fold" in pl.read_csv(out).columns and trained["rows"] == len(pl.read_csv(out))


def test_labels_come_from_the_questions(tables: GraphTables, tmp_path: Path) -> None:
    questions, given = tmp_path / "k562-de.csv", tmp_path / "mine.csv"
    rows = _questions(tables)
    rows.select("pert", "gene", "label", "split").write_csv(questions)
    tested = rows.filter(pl.col("split") == "test")
    _scores(tested, 3).write_csv(given)
    labelled = tmp_path / "labelled.csv"
    pl.read_csv(given).join(tested.select("pert", "gene", "label"), on=["pert", "gene"]).write_csv(labelled)
    for graph in (None, tables):
        one = evaluate_prediction_file(given, graph, questions_file=questions, against=labelled)
        two = evaluate_prediction_file(labelled, graph, questions_file=questions)
        assert one.measures == two.measures
        difference = one.differences["labelled.csv"]
        assert difference is not None and difference.mean == 0.0
    with pytest.raises(EvaluationError, match=r"columns label are missing.*--questions"):
        evaluate_prediction_file(given)


def test_the_shipped_example_is_measured_as_it_is(tmp_path: Path) -> None:
    file, out = ROOT / "examples" / "predictions.csv", tmp_path / "out.csv"
    found = evaluate_prediction_file(file, questions_file=SAMPLE / "k562-de.csv.gz", predictions_out=out).to_json()
    assert (found["missing_rows"], found["extra_rows"], found["simulated"]) == (0, 0, True)
    assert found["per_gene_auroc"] == pytest.approx(recomputed(out), abs=1e-12)
    assert found["per_gene_auroc"] > 0.6


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    rows = pl.DataFrame({"pert": ["A"], "gene": ["B"], "label": [1], "cell_line": ["k562"], "task": ["de"]})
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_scored_rows(tmp_path / "file" / "out.csv", rows, [0.5])
