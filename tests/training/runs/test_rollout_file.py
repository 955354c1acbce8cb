"""Rollout files: what is written is what is read, every field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.claims import Claim, Evidence, Node, Status, Verdict
from rbio_kg.core.errors import TrainingError
from rbio_kg.report.run_data import read_run, rollout
from rbio_kg.training.grpo.rollouts import RolloutRecorder
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.rollout_file import (
    ROLLOUT_SCHEMA,
    CheckedStatement,
    Rollout,
    iterate_rollouts,
    read_rollouts,
    write_rollouts,
)
from rbio_kg.training.runs.run_folder import Run
from rbio_kg.verifiers.text.statements import StatementChecker
from tests.support.named_graph import named_snapshot
from tests.support.table_verifiers import TableVerifier

EDGE = Evidence(Node("Gene", "MYC"), "REGULATES", Node("Gene", "CDK4"), 0.75, 2, {"sign": 1, "source": "CollecTRI"})
FULL = Rollout(
    run="run",
    step=3,
    claim=Claim("MYC", "changes_expression_of", "CDK4", "k562"),
    prompt="Does losing MYC change CDK4?",
    completion="<think>MYC regulates CDK4.</think><answer>yes 8</answer>",
    answer="yes",
    confidence=0.8,
    q=0.8,
    reward=0.625,
    parts={"answer": 0.75, "format": 1.0, "table": None},
    verdicts=(
        Verdict(0.875, Status.OK, (EDGE,), "a regulator", "graph_path"),
        Verdict(None, Status.ERROR, (), "no table", "table"),
    ),
    statements=(CheckedStatement("MYC", "regulates", "CDK4", "affirmed", "asserted", "supported"),),
)
EMPTY = Rollout("run", 1, Claim("A", "regulates", "B"), "", "", None, None, None, None, {}, (), None)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert write_rollouts(tmp_path, 3, [FULL]).name == "step-00003.parquet"
    write_rollouts(tmp_path, 1, [EMPTY, replace(EMPTY, statements=())])
    assert list(iterate_rollouts(tmp_path)) == [EMPTY, replace(EMPTY, statements=()), FULL]
    frame = read_rollouts(tmp_path)
    assert frame.columns == [*ROLLOUT_SCHEMA, "where"]
    assert frame["where"].to_list() == [
        f"{tmp_path}/step-00001.parquet, row 1",
        f"{tmp_path}/step-00001.parquet, row 2",
        f"{tmp_path}/step-00003.parquet, row 1",
    ]
    assert [Rollout.from_row(row) for row in frame.iter_rows(named=True)] == list(iterate_rollouts(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00001.parquet", "step-00003.parquet"]


def test_a_folder_without_files_has_no_rollouts(tmp_path: Path) -> None:
    assert read_rollouts(tmp_path / "rollouts").height == 0
    assert list(iterate_rollouts(tmp_path / "rollouts")) == []


def test_numbers_that_are_not_finite_are_none(tmp_path: Path) -> None:
    path = write_rollouts(tmp_path, 3, [FULL])
    frame = pl.read_parquet(path).with_columns(reward=pl.lit(float("nan")), q=pl.lit(float("inf")))
    frame.write_parquet(path)
    (read,) = iterate_rollouts(tmp_path)
    assert (read.reward, read.q, read.confidence) == (None, None, 0.8)


def test_columns_that_older_files_lack(tmp_path: Path) -> None:
    path = write_rollouts(tmp_path, 3, [FULL])
    pl.read_parquet(path).drop("run", "claim_id", "statements").write_parquet(path)
    assert list(iterate_rollouts(tmp_path)) == [replace(FULL, run="", statements=None)]
    pl.read_parquet(path).drop("q").write_parquet(path)
    with pytest.raises(TrainingError, match=r"step-00003\.parquet: lacks the columns q; make the run again"):
        read_rollouts(tmp_path)


def test_the_report_reads_what_grpo_records(tmp_path: Path) -> None:
    reward = ComposedReward({"table": (TableVerifier({("TP53", "MYC"): 0.8}), 1.0)})
    checker = StatementChecker(named_snapshot(tmp_path / "snapshot"))
    run = Run(tmp_path / "run")
    run.write_manifest(RunManifest("run", "training", "", "b1", "0", {}, {}, simulated=True))
    recorder = RolloutRecorder(reward, run.rollouts, "run", 1, checker=checker)
    text = "<think>TP53 is bound by MDM2.</think><answer>yes 8</answer>"
    columns = {"subject": "TP53", "relation": "changes_expression_of", "object": "MYC", "cell_line": "k562"}
    rewards = recorder(["?", "?"], [text, "maybe"], **{name: [value] * 2 for name, value in columns.items()})
    claim = Claim("TP53", "changes_expression_of", "MYC", "k562")
    scored = reward.score_completions([claim] * 2, [text, "maybe"], None, ["?", "?"])
    read = [rollout(row) for row in read_run(run.folder).rollouts.iter_rows(named=True)]
    for found, expected, reward_ in zip(read, scored, rewards, strict=True):
        assert (found.run, found.step, found.claim, found.prompt) == ("run", 1, claim, "?")
        assert (found.completion, found.answer) == (expected.text, expected.answer)
        assert (found.confidence, found.q, found.reward) == (expected.confidence, expected.q, reward_)
        assert found.parts == dict(expected.parts)
        assert {item.verifier: item.score for item in found.verdicts} == dict(expected.scores)
    assert read[0].verdicts == tuple(reward.explain(claim, text, "?"))
    assert read[0].statements == (
        CheckedStatement("TP53", "interacts_with", "MDM2", "affirmed", "asserted", "supported"),
    )
    assert read[1].statements == ()
