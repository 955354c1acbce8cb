from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.errors import ReportError
from rbio_kg.report.run_data import read_run, rollout
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import Run
from tests.support.runs import ROLLOUTS, STEPS, make_run


def _rewrite(run: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = run / "rollouts" / "00000.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


def _all_rollouts(run: Path) -> list[object]:
    return [rollout(row) for row in read_run(run).rollouts.iter_rows(named=True)]


def test_a_whole_run_is_read(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "run"))
    assert (run.name, run.simulated, run.remarks) == ("run", True, ())
    assert run.rollouts.height == ROLLOUTS
    assert run.rollouts["step"].to_list() == sorted(run.rollouts["step"])
    assert set(run.evaluations) == {"before", "after_warmup", "after"}
    assert len(run.log) == STEPS + 8
    first = rollout(run.rollouts.row(0, named=True))
    assert (first.claim.subject, first.claim.object, first.claim.cell_line) == ("MYC", "CDK4", "k562")
    assert [verdict.verifier for verdict in first.verdicts][-1] == "experiment"
    assert first.verdicts[0].evidence[1].detail["sign"] == -1
    assert set(first.parts) == {"answer", "reasoning_trace", "format"}


def test_only_the_manifest_must_be_there(tmp_path: Path) -> None:
    manifest = RunManifest("alone", "training", "", "b1", "0", {}, {}, simulated=False)
    Run(tmp_path).write_manifest(manifest)
    run = read_run(tmp_path)
    assert (run.log, run.rollouts.height, dict(run.evaluations), run.reasoning) == ((), 0, {}, {})
    assert (run.name, run.simulated) == ("alone", False)


def test_a_last_line_that_was_cut_off_is_said_not_fatal(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": 13, "rew')
    read = read_run(run)
    assert len(read.log) == STEPS + 8
    assert "incomplete" in read.remarks[0]


def test_numbers_that_are_none_become_none(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "evaluation" / "after.json").write_text('{"ece": NaN, "low": -Infinity, "n": 1}')
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": 13, "reward": NaN}\n')
    read = read_run(run)
    assert read.evaluations["after"] == {"ece": None, "low": None, "n": 1}
    assert read.log[-1] == {"step": 13, "reward": None}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda run: (run / "manifest.json").unlink(), "no manifest.json"),
        (lambda run: (run / "manifest.json").write_text("{"), "manifest.json: the run's manifest is corrupt"),
        (lambda run: (run / "manifest.json").write_text("[]"), "it holds a list"),
        (lambda run: (run / "manifest.json").write_bytes(b"\xff\xfe{}"), "the run's manifest is corrupt"),
        (lambda run: (run / "log.jsonl").write_text("{}\nnot json\n{}\n"), "log.jsonl, line 2: is not a JSON object"),
        (lambda run: (run / "log.jsonl").write_text("{}\n3\n"), "log.jsonl, line 2: is not a JSON object"),
        (lambda run: (run / "log.jsonl").write_bytes(b"\xff\n"), "log.jsonl: cannot be read"),
        (lambda run: (run / "evaluation" / "after.json").write_text(""), "after.json: cannot be read as a JSON object"),
        (lambda run: (run / "rollouts" / "00000.parquet").write_bytes(b"PAR1"), "cannot be read as Parquet"),
        (lambda run: _rewrite(run, lambda frame: frame.drop("q", "reward")), "lacks the columns q, reward"),
        (lambda run: _rewrite(run, lambda rows: rows.with_columns(reward=pl.lit("much"))), "of the wrong type"),
    ],
)  # fmt: skip
def test_a_corrupt_folder_is_named(tmp_path: Path, spoil: Callable[[Path], object], said: str) -> None:
    run = make_run(tmp_path / "run")
    spoil(run)
    with pytest.raises(ReportError) as caught:
        read_run(run)
    assert said in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("verdicts", "{"),
        ("verdicts", '[{"verifier": "x", "score": 1.5, "status": "ok"}]'),
        ("verdicts", '[{"verifier": "x", "score": null, "status": "ok"}]'),
        ("verdicts", '[{"verifier": "x", "score": null, "status": "bored"}]'),
        ("verdicts", '[{"verifier": "x", "score": 0.5, "status": "ok", "evidence": [{"type": "A"}]}]'),
        ("parts", "[1]"),
        ("parts", '{"format": "good"}'),
        ("subject", ""),
        ("relation", "likes"),
        ("answer", "maybe"),
    ],
)
def test_a_corrupt_row_is_named(tmp_path: Path, column: str, value: str) -> None:
    run = make_run(tmp_path / "run")
    _rewrite(run, lambda frame: frame.with_columns(pl.lit(value).alias(column)))
    with pytest.raises(ReportError, match=r"00000\.parquet, row 1: "):
        _all_rollouts(run)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no such run folder"):
        read_run(tmp_path / "nowhere")


def test_rewards_that_are_no_number_are_none(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    _rewrite(run, lambda frame: frame.with_columns(reward=pl.lit(float("nan")), parts=pl.lit(json.dumps({"a": None}))))
    read = rollout(read_run(run).rollouts.row(0, named=True))
    assert read.reward is None
    assert read.parts == {"a": None}
