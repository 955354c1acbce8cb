"""Experiment trackers: the trainers report to them through transformers. A run's own log is always written.

TensorBoard, trackio and a local MLflow store write into the run's folder. Weights & Biases, and MLflow with a server,
send the figures to where the user's environment says.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, Literal, get_args

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.runs.run_folder import Run

TrackerName = Literal["none", "tensorboard", "trackio", "wandb", "mlflow"]
TRACKERS: tuple[str, ...] = get_args(TrackerName)
PROJECT = "rbio-kg"


def check_tracker(name: str) -> None:
    """Raise ConfigError unless a tracker is known and its package installed."""
    if name not in TRACKERS:
        raise ConfigError(f"there is no tracker {name!r}", where="--report-to", hint=f"known: {', '.join(TRACKERS)}")
    if name != "none" and importlib.util.find_spec(name) is None:
        raise ConfigError(f"{name} is not installed", where="--report-to", hint=f"pip install {name}")


def tracker_arguments(name: str) -> dict[str, Any]:
    """What a trainer's arguments need to report to a tracker.

    Raises:
        ConfigError: it is unknown or not installed.
    """
    check_tracker(name)
    return {"report_to": name, "project": PROJECT, "trackio_static_space_id": False}


@contextmanager
def tracker_environment(name: str, run: Run) -> Iterator[None]:
    """Let a tracker write into the run's folder, unless the environment says where; nothing goes to standard output.

    Standard output belongs to the caller, and some trackers print to it.
    """
    if name == "none":
        yield
        return
    settings = {key: value for key, value in _environment(name, run).items() if key not in os.environ}
    os.environ.update(settings)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        for key in settings:
            os.environ.pop(key, None)


def _environment(name: str, run: Run) -> dict[str, str]:
    folder = run.folder / name
    return {
        "tensorboard": {"TENSORBOARD_LOGGING_DIR": str(folder)},
        "trackio": {"TRACKIO_DIR": str(folder)},
        "wandb": {"WANDB_PROJECT": PROJECT, "WANDB_DIR": str(run.folder)},
        "mlflow": {"MLFLOW_EXPERIMENT_NAME": PROJECT, "MLFLOW_TRACKING_URI": f"sqlite:///{run.folder / 'mlflow.db'}"},
    }[name]
