"""Trackers: TensorBoard's files hold the log's numbers; what is missing or unknown is said before anything runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rbio_kg.core.errors import ConfigError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.runs.run_folder import Run, start_run
from rbio_kg.training.runs.trackers import check_tracker, numbers, open_tracker
from tests.support.locations import ROOT


def new_run(root: Path) -> Run:
    return start_run(
        WorkspacePaths(root), "one", kind="training", build_id="b", version="0", seeds={}, config={"seed": 0},
        simulated=True, resume=False,
    )  # fmt: skip


def test_unknown_and_missing_ones_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="there is no tracker 'paper'; known: none, tensorboard, trackio"):
        check_tracker("paper")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("tensorboard", "trackio"):
        with pytest.raises(ConfigError, match=rf"{name} is not installed; pip install 'rbio-kg\[{name}\]'"):
            check_tracker(name)
    check_tracker("none")


def test_only_numbers_are_tracked() -> None:
    line = {"phase": "grpo", "step": 3, "reward": 0.5, "entropy": None, "message": "x", "n": 2}
    assert numbers(line) == {"reward": 0.5, "n": 2.0}


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_has_the_numbers_of_the_log(tmp_path: Path) -> None:
    # In a process of its own: tensorboard's import warns, and tests turn warnings into errors.
    run = new_run(tmp_path)
    code = f"""
import sys
from pathlib import Path
from rbio_kg.training.runs.run_folder import Run
from rbio_kg.training.runs.trackers import open_tracker
run = Run(Path({str(run.folder)!r}))
for steps in ((1, 2, 3), (3, 4)):  # killed after step 3, gone on from step 2
    run.track(open_tracker("tensorboard", run))
    run.log({{"phase": "warmup", "step": 1, "loss": 2.0}}) if steps[0] == 1 else None
    for step in steps:
        run.log({{"phase": "grpo", "step": step, "reward": step / 10 + steps[0] / 1000, "entropy": None}})
    run.close()
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
for phase, tag in (("warmup", "loss"), ("grpo", "reward")):
    events = EventAccumulator(str(run.folder / "tensorboard" / phase)).Reload()
    print(events.Tags()["scalars"], sorted((item.step, round(item.value, 3)) for item in events.Scalars(tag)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "['loss'] [(1, 2.0)]",
        "['reward'] [(1, 0.101), (2, 0.201), (3, 0.303), (4, 0.403)]",
    ]


def test_without_a_tracker_nothing_is_written(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.track(open_tracker("none", run))
    run.log({"phase": "grpo", "step": 1, "reward": 0.25})
    run.close()
    assert sorted(path.name for path in run.folder.iterdir()) == ["log.jsonl", "manifest.json"]
