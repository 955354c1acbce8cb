"""`ask`: a trained policy's answer to one question, its reasoning checked against the graph."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke

Trained = tuple[Path, Path, dict[str, Any]]
Change = Callable[..., int]


@pytest.fixture(scope="module")
def row(trained: Trained) -> dict[str, str]:
    """A test question of the sample."""
    with Workspace(trained[0]) as workspace:
        return workspace.questions("test", cell_line="k562").frame.row(0, named=True)


@pytest.fixture
def manifest(trained: Trained) -> Iterator[Change]:
    """Changes the run's manifest; undone afterwards."""
    file = trained[0] / "runs" / "tiny" / "manifest.json"
    before = file.read_text()
    yield lambda **changes: file.write_text(json.dumps(json.loads(before) | changes))
    file.write_text(before)


def ask(workspace: Path, *arguments: str) -> tuple[Any, str]:
    """The document, and what is said beside it."""
    result = CliRunner().invoke(app, ["ask", *arguments, "--workspace", str(workspace), "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout), result.stderr


def test_two_genes(trained: Trained, row: dict[str, str]) -> None:
    workspace = trained[0]
    genes = ("--pert", row["pert"], "--gene", row["gene"])
    document, said = ask(workspace, *genes, "--cell-line", "K562", "--model", "tiny")
    assert {"reasoning", "answer", "confidence", "statements", "probability"} <= set(document)
    assert document["run"] == "tiny" and document["simulated"] is True
    assert document["claim"]["relation"] == "changes_expression_of"
    assert document["claim"]["cell_line"] == "k562"
    assert 0 < document["probability"] < 1
    assert 0.1 <= document["stated"] <= 0.9
    assert "was trained on questions of the kind" not in said
    # A random model writes no readable answer; what it wrote is kept.
    assert document["answer"] is document["confidence"] is None
    assert document["problem"] and document["reasoning"]
    assert ask(workspace, *genes)[0] == document
    sampled = [ask(workspace, *genes, "--temperature", "1", "--seed", seed)[0]["reasoning"] for seed in "112"]
    assert sampled[0] == sampled[1] != sampled[2]


def test_the_newest_run_answers_although_another_is_broken(trained: Trained, row: dict[str, str]) -> None:
    broken = trained[0] / "runs" / "zz"
    broken.mkdir()
    try:
        (broken / "manifest.json").write_text("{")
        assert ask(trained[0], "--pert", row["pert"], "--gene", row["gene"])[0]["run"] == "tiny"
    finally:
        shutil.rmtree(broken)


def test_the_prompt_and_the_score_are_those_of_the_examination(trained: Trained, tmp_path: Path) -> None:
    workspace = trained[0]
    questions = tmp_path / "one.csv"
    with Workspace(workspace) as opened:
        chosen = opened.questions("test", cell_line="k562").complete_genes(rows=1).frame
    chosen.select("pert", "gene", "label", "split").write_csv(questions)
    out = tmp_path / "scores.csv"
    named = ("--questions", str(questions), "--task", "de", "--cell-line", "k562")
    document = invoke(workspace, "evaluate", "policy", "tiny", *named, "--predictions", str(out), "--samples", "1")
    scores = {(pert, gene): score for pert, gene, score in pl.read_csv(out).select("pert", "gene", "score").rows()}
    prompts = {example["claim"]: example["prompt"] for example in document["examples"]}
    assert prompts
    for (pert, gene), score in scores.items():
        if (prompt := prompts.pop(f"{pert} changes_expression_of {gene} in k562", None)) is not None:
            asked = ask(workspace, "--pert", pert, "--gene", gene)[0]
            assert asked["prompt"] == prompt
            assert asked["probability"] == pytest.approx(score, abs=1e-5)
    assert not prompts


def test_words_are_understood_or_given_as_they_are(trained: Trained, row: dict[str, str]) -> None:
    workspace = trained[0]
    by_genes = ask(workspace, "--pert", row["pert"], "--gene", row["gene"])[0]
    document, said = ask(workspace, f"Does losing {row['pert']} change {row['gene']} in K562?")
    assert document == by_genes
    assert f"understood as: {row['pert']} changes_expression_of {row['gene']} in k562" in said
    document, said = ask(workspace, f"Would {row['gene']} go up after knockdown of {row['pert']}?")
    assert document["claim"]["relation"] == "increases"
    assert document["prompt"].startswith(f"Does losing {row['pert']} raise {row['gene']}?\nrate ")
    assert "was trained on questions of the kind de, not dir" in said
    document, said = ask(workspace, "Is it raining?")
    assert document["claim"] is None
    assert document["prompt"] == "Is it raining?"
    assert "given to the model as it is" in said


@pytest.fixture
def memorised(trained: Trained, row: dict[str, str]) -> Iterator[str]:
    """The reasoning of a run, newer than the tiny one, whose model knows the answer to one question by heart."""
    from rbio_kg.training.config.recipe import WarmupSettings
    from rbio_kg.training.models.adapters import save_stage
    from rbio_kg.training.models.types import LanguageModel
    from rbio_kg.training.prompts.messages import prompt_text
    from rbio_kg.training.sft.examples import SftExample
    from rbio_kg.training.sft.trainer import run_sft
    from tests.support.tiny_model import tiny_model, tiny_tokenizer

    workspace = trained[0]
    cypher = "MATCH (a:Gene)-[:INTERACTS_WITH]->(b:Gene) RETURN a.symbol AS a, b.symbol AS b ORDER BY a, b LIMIT 1"
    reasoning = "{a} binds {b}. {a} does not bind {b}.".format(**invoke(workspace, "query", cypher)[0])
    prompt = ask(workspace, "--pert", row["pert"], "--gene", row["gene"])[0]["prompt"]
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    example = SftExample(prompt_text(tokenizer, [{"role": "user", "content": prompt}]), reasoning, 0.9)
    settings = WarmupSettings(batch_size=2, learning_rate=1e-2, text_weight=2.0)
    run_sft(
        LanguageModel(model, tokenizer, "tiny"), [example] * 120, settings, seed=0, progress=lambda message, share: None
    )
    folder = workspace / "runs" / "memorised"
    shutil.copytree(workspace / "runs" / "tiny", folder, ignore=shutil.ignore_patterns("warmup", "grpo"))
    save_stage(model, tokenizer, folder / "model", "grpo")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"name": "memorised", "started": "2999-01-01T00:00:00+00:00"}
    manifest["config"]["model"]["method"] = "full"
    manifest["config"]["grpo"]["max_tokens"] = 80
    (folder / "manifest.json").write_text(json.dumps(manifest))
    yield reasoning
    shutil.rmtree(folder)


def test_a_readable_answer_is_checked(trained: Trained, row: dict[str, str], memorised: str) -> None:
    workspace = trained[0]
    genes = ("--pert", row["pert"], "--gene", row["gene"])
    document, _ = ask(workspace, *genes)
    assert (document["run"], document["answer"], document["confidence"]) == ("memorised", "yes", 0.9)
    assert "problem" not in document
    assert document["reasoning"] == memorised
    assert [item["verdict"] for item in document["statements"]] == ["supported", "contradicted"]
    assert document["statements"][0]["evidence"][0]["type"] == "INTERACTS_WITH"
    shown = CliRunner().invoke(app, ["ask", *genes, "--workspace", str(workspace)])
    assert shown.exit_code == 0
    assert "yes, confidence 0.9" in shown.stdout
    assert "SIMULATED" in shown.stdout
    assert "1 supported, 1 contradicted, 0 unknown" in shown.stdout


def test_the_answer_for_people_without_a_readable_one(trained: Trained, row: dict[str, str]) -> None:
    arguments = ["ask", "--pert", row["pert"], "--gene", row["gene"], "--workspace", str(trained[0])]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    assert "no readable answer" in shown.stdout
    assert "by likelihood: yes 0." in shown.stdout


def test_mistakes_are_reported(trained: Trained, row: dict[str, str], manifest: Change, tmp_path: Path) -> None:
    workspace = trained[0]
    genes = ("--pert", row["pert"], "--gene", row["gene"])
    assert "there is no run called 'nosuch'" in fails(workspace, "ask", *genes, "--model", "nosuch")
    assert "no gene is called 'NOSUCHGENE'" in fails(workspace, "ask", "--pert", "NOSUCHGENE", "--gene", row["gene"])
    assert "knows no cell line 'HeLa'" in fails(workspace, "ask", *genes, "--cell-line", "HeLa")
    assert "is named twice" in fails(workspace, "ask", "--pert", row["pert"], "--gene", row["pert"])
    assert "the question is empty" in fails(workspace, "ask", "  ")
    other = f"Does losing {row['pert']} change {row['gene']} in rpe1?"
    assert "is about rpe1, not about k562" in fails(workspace, "ask", other, "--cell-line", "k562")
    assert "rbio-kg build" in fails(tmp_path / "empty", "ask", *genes)
    for wrong in ((), ("text", *genes), ("--pert", "SP1"), ("text", "--task", "de")):
        assert CliRunner().invoke(app, ["ask", *wrong, "--workspace", str(workspace)]).exit_code == 2
    manifest(build_id="another")
    assert "was trained on the graph another" in fails(workspace, "ask", *genes)
    config = invoke(workspace, "runs", "show", "tiny")["config"]
    manifest(config=config | {"questions": config["questions"] | {"cell_line": None}})
    for question in (genes, (f"Does losing {row['pert']} change {row['gene']}?",)):
        assert "needs a cell line" in fails(workspace, "ask", *question)
    assert ask(workspace, f"Does losing {row['pert']} change {row['gene']} in K562?")[0]["claim"]["cell_line"] == "k562"
    manifest(kind="evaluation")
    assert "not the training of a policy" in fails(workspace, "ask", *genes, "--model", "tiny")
    assert "no finished run" in fails(workspace, "ask", *genes)
    manifest(status="interrupted")
    assert "no finished run" in fails(workspace, "ask", *genes)
    assert "run tiny is interrupted, not finished" in fails(workspace, "ask", *genes, "--model", "tiny")
    document, said = ask(workspace, *genes, "--model", "tiny", "--unfinished")
    assert document["unfinished"] is True
    assert "run tiny is interrupted" in said


def test_a_run_without_a_model_cannot_be_asked(trained: Trained, row: dict[str, str]) -> None:
    model = trained[0] / "runs" / "tiny" / "model"
    aside = model.rename(model.with_name("aside"))
    try:
        said = fails(trained[0], "ask", "--pert", row["pert"], "--gene", row["gene"])
    finally:
        aside.rename(model)
    assert "has no trained model yet" in said
