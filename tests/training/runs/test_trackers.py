"""Trackers: transformers reports to them; what is missing or unknown is said before anything runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.runs.run_folder import Run
from rbio_kg.training.runs.trackers import check_tracker, tracker_arguments, tracker_environment
from tests.support.locations import ROOT
from tests.support.tiny_model import save_tiny_model


def test_unknown_and_missing_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigError, match="there is no tracker 'paper'; known: none, tensorboard, trackio, wandb, mlflow"
    ):
        check_tracker("paper")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("tensorboard", "trackio", "wandb", "mlflow"):
        with pytest.raises(ConfigError, match=f"{name} is not installed; pip install {name}"):
            check_tracker(name)
    check_tracker("none")


def test_the_trainer_gets_the_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    for name in ("none", "tensorboard", "trackio", "wandb", "mlflow"):
        assert tracker_arguments(name)["report_to"] == name


def test_trackers_write_into_the_run_unless_the_environment_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path)
    folders = {
        "tensorboard": ("TENSORBOARD_LOGGING_DIR", str(tmp_path / "tensorboard")),
        "trackio": ("TRACKIO_DIR", str(tmp_path / "trackio")),
        "wandb": ("WANDB_DIR", str(tmp_path)),
        "mlflow": ("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db"),
    }
    for name, (variable, folder) in folders.items():
        monkeypatch.delenv(variable, raising=False)
        with tracker_environment(name, run):
            assert os.environ[variable] == folder
            print("a tracker prints")
        assert variable not in os.environ
        monkeypatch.setenv(variable, "mine")
        with tracker_environment(name, run):
            assert os.environ[variable] == "mine"
        assert os.environ[variable] == "mine"
    with tracker_environment("none", run):
        print("the caller prints")
    assert capsys.readouterr().out == "the caller prints\n"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_has_the_figures_of_the_log(tmp_path: Path) -> None:
    # In a process of its own: tensorboard's import warns, and tests turn warnings into errors.
    model = save_tiny_model(tmp_path / "tiny")
    code = f"""
from pathlib import Path
from tests.support.small_run import run_small, small_recipe
changes = {{"evaluation.vote_rows": 0, "evaluation.rows": 8, "warmup.examples": 0, "grpo.steps": 2}}
root = Path({str(tmp_path)!r})
run_small(root, small_recipe(Path({str(model)!r}), **changes), report_to="tensorboard")
from rbio_kg.training.runs.run_folder import Run
run = Run(root / "runs" / "small")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
logged = [(line["step"], line["reward"]) for line in run.logged("grpo")]
shown = [(item.step, item.value) for item in events.Scalars("train/reward")]
assert len(shown) == 2, shown
assert all(a[0] == b[0] and abs(a[1] - b[1]) < 1e-6 for a, b in zip(logged, shown, strict=True)), (logged, shown)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""
