"""Evaluation: exact keys, no leaks, clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.errors import EvaluationError, SourceError, TrainingError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.evaluation.baselines import BASELINES
from tests.support.evaluations import expression_document, prediction_file_document
from tests.support.graphs import small_tables

KEYS = {
    "per_gene_auroc",
    "interval",
    "genes",
    "rows",
    "pooled",
    "ece",
    "baselines",
    "differences",
    "audit",
    "task",
    "cell_line",
    "simulated",
    "seed",
}
POOLED = {"f1", "balanced_accuracy", "mcc", "tpr", "tnr", "auroc"}


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=8, genes=48)


def _file(tables: GraphTables, path: Path, task: str = "de", line: str = "k562") -> Path:
    rows = tables["questions"].filter((pl.col("task") == task) & (pl.col("cell_line") == line))
    rows.select("pert", "gene", "label", "split").write_csv(path)
    return path


@pytest.mark.parametrize("task", ["de", "dir"])
def test_the_document_has_the_promised_keys(tables: GraphTables, tmp_path: Path, task: str) -> None:
    file = _file(tables, tmp_path / f"k562-{task}.csv", task)
    out = tmp_path / "predictions.csv"
    found = expression_document(tables, file, task=task, seed=3, predictions_out=out, models_dir=tmp_path / "models")
    json.dumps(found, allow_nan=False)
    assert found.keys() >= KEYS | {"split", "protocol"}
    assert found["pooled"].keys() == POOLED
    assert set(found["baselines"]) == set(found["differences"]) == set(BASELINES)
    for one in found["baselines"].values():
        assert one.keys() >= {"per_gene_auroc", "interval", "genes", "rows", "pooled", "ece"}
    assert found["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5
    assert (found["task"], found["cell_line"], found["split"], found["seed"]) == (task, "k562", "test", 3)
    assert found["simulated"] is True
    written = pl.read_csv(out)
    assert len(written) == found["rows"]
    again = prediction_file_document(out, tables, task=task, cell_line="k562", seed=3)
    for key in ("per_gene_auroc", "interval", "genes", "rows", "pooled", "ece", "baselines", "differences"):
        assert again[key] == found[key], key


def test_test_labels_reach_nothing_but_the_metric(tables: GraphTables, tmp_path: Path) -> None:
    scores = []
    for name, flip in (("as_is", False), ("flipped", True)):
        rows = tables["questions"]
        if flip:
            label = pl.when(pl.col("split") == "test").then(1 - pl.col("label")).otherwise("label")
            rows = rows.with_columns(label.alias("label"))
        changed = GraphTables({**tables, "questions": rows})
        file = _file(changed, tmp_path / f"{name}.csv")
        expression_document(
            changed, file, task="de", cell_line="k562", predictions_out=tmp_path / "out.csv", models_dir=tmp_path / name
        )
        scores.append(pl.read_csv(tmp_path / "out.csv"))
    assert scores[0]["score"].to_list() == scores[1]["score"].to_list()
    assert (scores[0]["label"] + scores[1]["label"]).unique().to_list() == [1]


def test_protocols_splits_and_limits(tables: GraphTables, tmp_path: Path) -> None:
    file = _file(tables, tmp_path / "k562-de.csv")
    rows = tables["questions"].filter((pl.col("task") == "de") & (pl.col("split") == "train"))
    official, alone = (
        expression_document(tables, file, task="de", alone=alone, models_dir=tmp_path) for alone in (False, True)
    )
    assert official["train_rows"] == len(rows)
    assert alone["train_rows"] == len(rows.filter(pl.col("cell_line") == "k562"))
    few = expression_document(tables, file, task="de", limit=40, split_scheme="global", models_dir=tmp_path)
    assert 20 <= few["rows"] < official["rows"]
    train = expression_document(tables, file, task="de", split="train", alone=True, models_dir=tmp_path)
    assert train["rows"] == alone["train_rows"]
    assert train["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5


def test_unseen_names_and_other_names(tables: GraphTables, tmp_path: Path) -> None:
    file = _file(tables, tmp_path / "new-de.csv")
    text = file.read_text().replace("GENE003", "OLD3")
    (tmp_path / "renamed-de.csv").write_text(text + "\nNOSUCHGENE,GENE001,0,test\nNOSUCHGENE,GENE005,1,test\n")
    one = expression_document(tables, file, task="de", cell_line="k562", models_dir=tmp_path)
    two = expression_document(tables, tmp_path / "renamed-de.csv", task="de", cell_line="k562", models_dir=tmp_path)
    assert (one["abstained"], two["abstained"]) == (0, 2)
    assert two["rows"] == one["rows"] + 2


def test_wrong_requests_are_refused(tables: GraphTables, tmp_path: Path) -> None:
    file = _file(tables, tmp_path / "k562-de.csv")
    for options, error, words in (
        ({"task": "both"}, EvaluationError, "known: de, dir"),
        ({"task": "de", "split": "all"}, EvaluationError, "known: train, test"),
        (
            {"task": "de", "split_scheme": "local"},
            TrainingError,
            "known: official, global, leave-one-line-out, gene-disjoint",
        ),
    ):
        with pytest.raises(error, match=words):
            expression_document(tables, file, models_dir=tmp_path, **options)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="absent"):
        expression_document(tables, tmp_path / "absent.csv", task="de", cell_line="k562", models_dir=tmp_path)


@pytest.mark.slow
def test_real_k562_reaches_the_similarity_vote(shared: Path, tmp_path: Path) -> None:
    from rbio_kg.graph_builders.build.build import build_tables

    tables, _ = build_tables(shared / "sources")
    file = shared / "sources" / "perturbqa" / "k562-de.csv"
    found = expression_document(tables, file, task="de", cell_line="k562", models_dir=tmp_path)
    assert found["per_gene_auroc"] >= 0.67
    assert (found["genes"], found["rows"]) == (665, 23_212)
    assert found["ece"] < 0.03
    assert found["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5
    assert found["baselines"]["gene_prior"]["pooled"]["mcc"] == pytest.approx(0.697, abs=0.01)


def test_the_perceptron_stands_under_the_same_measures(tables: GraphTables, tmp_path: Path) -> None:
    file = _file(tables, tmp_path / "k562-de.csv")
    found = expression_document(tables, file, task="de", models_dir=tmp_path / "models", model="mlp")
    other = expression_document(tables, file, task="de", models_dir=tmp_path / "models")
    assert found.keys() == other.keys()
    assert (found["model"], other["model"]) == ("mlp", "graph")
    assert found["baselines"] == other["baselines"]
    vectors = tmp_path / "vectors.parquet"
    pl.DataFrame({"gene": tables["genes"]["symbol"]}).with_columns(
        vector=pl.concat_list(pl.col("gene").str.slice(4).cast(pl.Float64), pl.lit(1.0))
    ).write_parquet(vectors)
    own = expression_document(tables, file, task="de", models_dir=tmp_path, model="mlp", embeddings=vectors)
    assert own["per_gene_auroc"] != found["per_gene_auroc"]
    for wrong, message in (
        ({"model": "forest"}, "known: graph, mlp"),
        ({"embeddings": vectors}, "only the mlp reads embeddings"),
        ({"model": "mlp", "split": "train"}, "out of fold"),
    ):
        with pytest.raises(EvaluationError, match=message):
            expression_document(tables, file, task="de", models_dir=tmp_path, **wrong)  # type: ignore[arg-type]
