"""Predictions of any model as a verifier: added, listed, checked, used by name in each interface, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import StaleError
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.tiny_model import save_tiny_model
from tests.support.workspaces import RECIPE

Fitted = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def predictions(built: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores of the change questions of one line, that know a little of the labels, on a scale of their own."""
    with Workspace(built[0]) as workspace:
        rows = workspace.tables["questions"].filter((pl.col("task") == "de") & (pl.col("cell_line") == "k562"))
    noise = np.random.default_rng(0).normal(size=len(rows))
    file = tmp_path_factory.mktemp("predictions") / "state.csv.gz"
    scored = rows.select("pert", "gene").with_columns(score=pl.Series(2.0 * rows["label"].to_numpy() + noise))
    import gzip

    file.write_bytes(gzip.compress(scored.write_csv().encode()))
    return file


@pytest.fixture(scope="module")
def added(fitted: Fitted, predictions: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    workspace, _ = fitted
    arguments = ("--predictions", str(predictions), "--cell-line", "K-562", "--model", "STATE 600M")
    yield workspace, invoke(workspace, "verifiers", "add", "vcm", *arguments)
    if (workspace / "models" / "vcm").is_dir():
        invoke(workspace, "verifiers", "remove", "vcm")


def test_it_is_added_listed_carded_and_checked(added: Fitted) -> None:
    workspace, document = added
    assert document.keys() >= {"name", "rows", "genes", "calibration", "coverage"}
    assert document["calibration"]["changes_expression_of"]["method"] == "out of fold"
    assert (document["name"], document["simulated"], document["unrecognised"]) == ("vcm", True, {})
    assert document["questions"]["k562 de"] == 1.0 and document["questions"]["rpe1 de"] == 0.0
    assert 0.0 < document["coverage"] < 1.0
    listed = {item["name"]: item for item in invoke(workspace, "verifiers", "list")["verifiers"]}
    assert listed["vcm"]["status"] == "ready" and "STATE 600M" in listed["vcm"]["knows"]
    card = invoke(workspace, "verifiers", "card", "vcm")
    assert card["coverage"] == 1.0 and card["per_gene_auroc"] > 0.6 and card["ece"] < 0.1
    assert card["simulated"] is True
    assert invoke(workspace, "verifiers", "check", "vcm")["passes"] is True


def test_it_is_used_by_name(added: Fitted, predictions: Path, tmp_path: Path) -> None:
    workspace, _ = added
    subject, target, score = pl.read_csv(predictions).row(5)
    claim = (subject, target, "--cell-line", "k562")
    verdicts = {item["verifier"]: item for item in invoke(workspace, "explain", *claim)["verdicts"]}
    cited = verdicts["vcm"]["evidence"][0]["detail"]
    assert (cited["file"], cited["row"], cited["model"]) == ("state.csv.gz", 7, "STATE 600M")
    assert cited["raw_score"] == pytest.approx(score)
    claims, out = tmp_path / "claims.csv", tmp_path / "out.csv"
    claims.write_text(f"subject,relation,object,cell_line\n{subject},changes_expression_of,{target},k562\n")
    invoke(workspace, "score", str(claims), "--verifier", "vcm", "--out", str(out))
    assert pl.read_csv(out)["vcm"][0] == pytest.approx(verdicts["vcm"]["score"])
    with Workspace(workspace) as opened:
        reward = opened.reward({"vcm": 0.9, "graph_path": 0.1})
        assert reward.describe()["verifiers"] == {"vcm": 0.9, "graph_path": 0.1}
        claim_of = Claim(subject, "changes_expression_of", target, "k562")
        texts = [f"<think>x</think><answer>{word} 9</answer>" for word in ("yes", "no")]
        yes, no = (item.reward or 0.0 for item in opened.reward({"vcm": 1.0}).score_completions([claim_of] * 2, texts))
        assert (yes > no) is (verdicts["vcm"]["score"] > 0.5)
    check = invoke(workspace, "rewards", "check", "--config", "vcm", "--claims", "4")
    assert [row["name"] for row in check["exploits"] if row["pays"]] == []


def test_its_origin_is_recorded_and_another_build_is_refused(added: Fitted) -> None:
    workspace, _ = added
    file = workspace / "models" / "vcm" / "origin.json"
    kept = file.read_text()
    origin = json.loads(kept)
    assert origin["verifier"] == "table" and "state.csv.gz" in origin["data"]
    try:
        file.write_text(json.dumps({**origin, "build_id": "another"}))
        with (
            Workspace(workspace) as opened,
            pytest.raises(StaleError, match=r"verifiers add vcm .*--predictions .*csv"),
        ):
            opened.verifier("vcm")
        stale = {item["name"]: item for item in invoke(workspace, "verifiers", "list")["verifiers"]}
        assert stale["vcm"]["status"] == "stale"
    finally:
        file.write_text(kept)


@pytest.mark.precision
def test_a_policy_is_trained_with_it_by_the_shipped_recipe(added: Fitted, tmp_path: Path) -> None:
    workspace, _ = added
    save_tiny_model(tmp_path / "model")
    shipped = Path(__file__).parents[3] / "training" / "config" / "recipes" / "vcm.toml"
    recipe = tmp_path / "vcm.toml"
    recipe.write_text(
        RECIPE.format(model=tmp_path / "model").replace("generations = 2", "generations = 3") + shipped.read_text()
    )
    document = invoke(workspace, "train", "policy", "--config", str(recipe), "--name", "with_table")
    assert document["steps"] == 2 and document["reward"]["first"] is not None
    manifest = json.loads((workspace / "runs" / "with_table" / "manifest.json").read_text())
    assert manifest["origin"]["verifiers"]["vcm"]["verifier"] == "table"
    import shutil

    shutil.rmtree(workspace / "runs" / "with_table")


@pytest.mark.parametrize(
    ("name", "words"),
    [("expression", "already"), ("My-Model", "cannot be called"), ("object", "cannot be called"), ("9", "cannot be")],
)
def test_names_that_cannot_be_used(built: Fitted, predictions: Path, name: str, words: str) -> None:
    assert words in fails(built[0], "verifiers", "add", name, "--predictions", str(predictions))


def test_other_models_are_not_replaced_or_removed(fitted: Fitted, predictions: Path) -> None:
    workspace, _ = fitted
    folder = workspace / "models" / "mine"
    folder.mkdir()
    try:
        assert "another model" in fails(workspace, "verifiers", "add", "mine", "--predictions", str(predictions))
        assert "made of predictions" in fails(workspace, "verifiers", "remove", "mine")
        assert "made of predictions" in fails(workspace, "verifiers", "remove", "expression")
    finally:
        folder.rmdir()


def test_raw_scores_and_a_table_that_was_never_added(built: Fitted, predictions: Path) -> None:
    said = fails(built[0], "verifiers", "add", "raw_one", "--raw", "--predictions", str(predictions))
    assert "outside 0 to 1" in said and "leave --raw out" in said
    assert not (built[0] / "models" / "raw_one").exists()
    said = fails(built[0], "verifiers", "card", "nowhere")
    assert "there is no verifier 'nowhere'" in said and "verifiers add" in said


def test_it_is_removed(added: Fitted) -> None:
    workspace, _ = added
    assert invoke(workspace, "verifiers", "remove", "vcm") == {"name": "vcm", "removed": True}
    assert "vcm" not in {item["name"] for item in invoke(workspace, "verifiers", "list")["verifiers"]}
    assert not (workspace / "models" / "vcm").exists()
