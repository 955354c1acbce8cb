"""Benchmarks of policies, on the sample and a tiny model: what they compare, and that nothing is computed twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.policy import policy, policy_choice, policy_settings
from benchmarks.policy.policy_trials import Trials
from benchmarks.verifiers import pooling
from rbio_kg.workspace import Workspace
from tests.support.tiny_model import save_tiny_model

Trained = tuple[Path, Path, dict[str, Any]]


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_stages_are_compared_with_readers_of_the_same_facts(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tiny", "--workspace", str(trained[0]), "--lines", "k562", "--reader-rows", "80", "--json"]
    policy.main([*arguments, "--stages", "untrained", "warmup", "grpo"])
    rows = {row["predictor"]: row for row in printed(capsys)}
    stages = ("untrained", "warmup", "grpo")
    named = {*stages, *(f"{stage}, as stated" for stage in stages)}
    named |= {"regression", "boosting", "expression model", "the reward's v", "similarity vote"}
    assert named | {"gene_prior", "pair_copy", "perturbation_strength"} == set(rows)
    assert rows["gene_prior"]["per_gene_auroc"] == 0.5
    for ending in ("", ", as stated"):
        assert rows["grpo" + ending]["last stage minus it"] is None
        apart = rows["grpo" + ending]["per_gene_auroc"] - rows["warmup" + ending]["per_gene_auroc"]
        assert rows["warmup" + ending]["last stage minus it"]["mean"] == pytest.approx(apart)
    with Workspace(trained[0]) as workspace:
        test = workspace.questions("test", cell_line="k562")
        assert rows["grpo"]["rows"] == len(test.complete_genes(rows=len(test)))
    # What is kept is read: with a constant in its place no gene is ranked.
    file = trained[0] / "runs" / "tiny" / "evaluation" / "grpo-k562-de.csv"
    whole = file.read_bytes()
    pl.read_csv(file).with_columns(score=pl.lit(0.25)).write_csv(file)
    policy.main([*arguments, "--stages", "grpo"])
    again = {row["predictor"]: row for row in printed(capsys)}
    assert (again["grpo"]["per_gene_auroc"], again["grpo"]["mean"]) == (0.5, 0.25)
    # What is of other questions is not.
    pl.read_csv(file).head(3).write_csv(file)
    policy.main([*arguments, "--stages", "grpo"])
    assert printed(capsys)[0] == {**rows["grpo"], "last stage minus it": None}
    assert file.read_bytes() == whole


def test_stages_in_writing(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["tiny", "--workspace", str(trained[0]), "--lines", "k562", "--reader-rows", "80", "--written", "60"]
    policy.main([*arguments, "--samples", "2", "--json"])
    *rows, before, after = [row for row in printed(capsys) if row["predictor"].endswith(" rows")]
    named = [row["predictor"] for row in rows]
    assert [name.rsplit(", ", 1)[0] for name in named] == [
        f"{stage}{reading}{how}"
        for reading in ("", ", as stated")
        for stage in ("warmup", "grpo")
        for how in ("", ", in writing")
    ]
    for read in (rows[:4], rows[4:]):
        last = read[-1]
        for row in read[:-1]:
            assert row["better by"]["mean"] == pytest.approx(row["brier"] - last["brier"])
            assert row["better by"]["low"] <= row["better by"]["mean"] <= row["better by"]["high"]
        assert (last["better by"], last["last stage minus it"]) == (None, None)
    assert rows[3] != rows[7]
    assert [row["predictor"].rsplit(", ", 1)[0] for row in (before, after)] == [
        "warmup, votes of 2",
        "grpo, votes of 2",
    ]
    assert before["better by"]["mean"] == pytest.approx(before["brier"] - after["brier"])


def test_runs_are_compared_on_questions_that_none_was_trained_on(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace(trained[0]) as workspace:
        run = policy.EvaluatedRun(workspace, "tiny")
        questions = policy_choice.untrained_questions([run], "k562", rows=40, per_gene=5)
        trained_rows = run.run.read_questions().filter(pl.col("cell_line") == "k562")
        assert not set(questions.frame["gene"]) & set(trained_rows["gene"])
        assert set(questions.frame["split"]) == {"train"}
        assert questions.frame.group_by("gene").len()["len"].max() <= 5
    policy_choice.main(
        ["tiny", "--workspace", str(trained[0]), "--lines", "k562", "--rows", "40", "--per-gene", "5", "--json"]
    )
    rows = {row["predictor"]: row for row in printed(capsys)}
    assert set(rows) == {
        "the reward's v",
        *(f"{stage}{how}" for stage in policy_choice.STAGES for how in ("", ", as stated")),
    }
    assert (rows["the reward's v"]["gap"], rows["the reward's v"]["above v"]) == (0.0, 0.0)
    for row in rows.values():
        assert row["rows"] == len(questions)
        assert row["above v"] == pytest.approx(row["mean"] - rows["the reward's v"]["mean"])


def settings(trained: Trained, tmp_path: Path, table: str, *more: str) -> list[str]:
    model = save_tiny_model(tmp_path / "model")
    changes = {"model.name": model, "warmup.examples": 16, "grpo.steps": 1, "grpo.max_tokens": 12}
    small = [f"--set={key}={value}" for key, value in changes.items()]
    return [table, "--workspace", str(trained[0]), *small, "--rows", "60", "--json", *more]


def test_facts_are_compared_on_held_out_train_genes(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = settings(trained, tmp_path, "facts", "--seeds", "0", "1")
    policy_settings.main(arguments)
    rows = printed(capsys)
    first, *others = policy_settings.FACTS
    assert [row["name"] for row in rows if row["seed"] == 1] == [first, "the reward's v", *others]
    assert [row["name"] for row in rows if row["seed"] == 0 and "difference" in row] == others
    tokens = {row["name"]: row.get("tokens") for row in rows if row["seed"] == 0}
    names = ["closed book", "without neighbours and link", *policy_settings.FACTS, "with the neighbours' names"]
    ascending = [tokens[name] for name in (*names[:3], names[-1])]
    assert ascending == sorted(set(ascending))


def test_no_test_row_and_no_held_out_gene_is_trained_on(trained: Trained, tmp_path: Path) -> None:
    changes = {"model.name": str(save_tiny_model(tmp_path / "model")), "warmup.examples": 16}
    trials = Trials(Workspace(trained[0]), changes, rows=60, per_gene=5)
    plan = trials.plan(trials.config(0, {}))
    train = trials.workspace.questions("train", cell_line="k562").frame.select("pert", "gene")
    for part in (plan.trained_rows, plan.evaluation_rows.frame):
        assert part.select("pert", "gene").join(train, on=["pert", "gene"], how="anti").is_empty()
    assert not set(plan.trained_rows["gene"]) & set(plan.evaluation_rows.frame["gene"])
    assert plan.evaluation_rows.frame.group_by("gene").len()["len"].max() <= 5


@pytest.mark.parametrize(("table", "ways"), [("rewards", policy_settings.REWARDS), ("grpo", policy_settings.GRPO)])
def test_ways_begin_from_one_model(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, ways: dict[str, Any]
) -> None:
    only = list(ways)[::2]
    policy_settings.main(settings(trained, tmp_path, table, "--only", *only))
    rows = printed(capsys)
    assert [row["name"] for row in rows] == ["after SFT", "the reward's v", *only]
    assert all(row["difference"] is not None for row in rows[2:])


def test_ways_to_pool(fitted: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    pooling.main(["--workspace", str(fitted[0]), "--lines", "k562", "--rows", "300", "--json"])
    rows = {row["pooled"]: row for row in printed(capsys)}
    assert rows["gene prior"]["per_gene_auroc"] == 0.5
    assert {f"0.2 / 0.2 / 0.6, {how}" for how in ("mean", "log_odds")} < set(rows)
    assert rows["0.02 / 0.02 / 0.96, mean"]["brier"] == pytest.approx(rows["expression"]["brier"], abs=0.02)
