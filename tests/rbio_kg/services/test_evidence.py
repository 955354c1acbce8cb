"""The evidence of a run, read from its folder: every field that training writes, and errors that name the file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.claims import Claim, Evidence, Node, Status, Verdict
from rbio_kg.core.errors import TrainingError
from rbio_kg.services.evidence import read_evidence
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.rollout_file import CheckedStatement, Rollout, write_rollouts
from rbio_kg.training.runs.run_folder import Run

CLAIM = Claim("MYC", "changes_expression_of", "CDK4", "k562")
EDGE = Evidence(Node("Gene", "MYC"), "REGULATES", Node("Gene", "CDK4"), 0.75, 2, {"sign": 1})
VERDICT = Verdict(0.8, Status.OK, (EDGE,), "a regulator", "graph_path")
STATEMENT = CheckedStatement("MYC", "regulates", "CDK4", "affirmed", "hedged", "supported")


def rollout(step: int, reward: float | None) -> Rollout:
    return Rollout(
        "run", step, CLAIM, "?", "<answer>yes 8</answer>", "yes", 0.8, 0.8, reward, {"answer": reward},
        (VERDICT, Verdict(None, Status.ABSTAIN, verifier="experiment")), (STATEMENT, STATEMENT),
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of three equal completions in two steps."""
    run = Run(tmp_path / "run")
    run.write_manifest(RunManifest("run", "training", "2026-11-30T00:00:00", "b1", "0", {}, {}, simulated=True))
    write_rollouts(run.rollouts, 1, [rollout(1, 0.5)])
    write_rollouts(run.rollouts, 2, [rollout(2, 1.0), rollout(2, None)])
    return run


def test_each_thing_is_there_once_with_its_counts(run: Run) -> None:
    found = read_evidence(run.folder)
    assert found.run == {
        "id": "run 2026-11-30T00:00:00",
        "name": "run",
        "kind": "training",
        "build_id": "b1",
        "started": "2026-11-30T00:00:00",
        "simulated": True,
    }
    stated = Claim("MYC", "regulates", "CDK4")
    assert found.claims == {CLAIM.id: CLAIM, stated.id: stated}
    scored, abstained = found.verdicts.values()
    assert {key: value for key, value in scored.items() if key != "id"} == {
        "claim": CLAIM.id,
        "completions": 3,
        "first_step": 1,
        "last_step": 2,
        "verifier": "graph_path",
        "score": 0.8,
        "status": "ok",
        "reason": "a regulator",
        "reward": 0.75,
    }
    assert (abstained["verifier"], abstained["score"], abstained["status"]) == ("experiment", None, "abstain")
    shared = {"verdict": scored["id"], "rank": 0, "path": 2, "weight": 0.75, "type": "REGULATES", "label": "Gene"}
    assert found.citations == [{**shared, "side": "start", "key": "MYC"}, {**shared, "side": "end", "key": "CDK4"}]
    assert list(found.stated.values()) == [
        {"claim": stated.id, "finding": "supported", "polarity": "affirmed", "certainty": "hedged", "completions": 3}
    ]


def test_a_run_without_rollouts_has_no_evidence(tmp_path: Path) -> None:
    Run(tmp_path).write_manifest(RunManifest("run", "training", "", "b1", "0", {}, {}, simulated=False))
    found = read_evidence(tmp_path)
    assert (found.claims, found.verdicts, found.citations, found.stated) == ({}, {}, [], {})


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "training"}'])
def test_a_run_that_is_missing_or_broken(tmp_path: Path, text: str) -> None:
    with pytest.raises(TrainingError, match="has no manifest"):
        read_evidence(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(TrainingError, match=r"manifest\.json: the run's manifest is corrupt"):
        read_evidence(tmp_path)


def test_broken_rollouts_name_the_file_and_the_row(run: Run) -> None:
    path = run.rollouts / "step-00002.parquet"
    good = pl.read_parquet(path)
    for column, value in (("relation", "hugs"), ("verdicts", '[{"score": 2}]'), ("statements", '[{"subject": "A"}]')):
        good.with_columns(pl.lit(value).alias(column)).write_parquet(path)
        with pytest.raises(TrainingError, match=r"step-00002\.parquet, row 1: is malformed"):
            read_evidence(run.folder)
    path.write_bytes(b"PAR1 cut")
    with pytest.raises(TrainingError, match=r"step-00002\.parquet: cannot be read as Parquet"):
        read_evidence(run.folder)
