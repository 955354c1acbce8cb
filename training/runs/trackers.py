"""Trackers: the lines of a run's log, also as curves of TensorBoard or trackio. Nothing leaves the run's folder."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Protocol

from rbio_kg.core.errors import ConfigError

if TYPE_CHECKING:
    from rbio_kg.training.runs.run_folder import Run

TRACKERS = ("none", "tensorboard", "trackio")
PROJECT = "rbio-kg"


class Tracker(Protocol):
    """Takes lines of the log."""

    def log(self, line: Mapping[str, Any]) -> None:
        """Add the numbers of one line, under its phase and step."""

    def close(self) -> None:
        """Write what is left."""


class NoTracker:
    """Keeps nothing."""

    def log(self, line: Mapping[str, Any]) -> None:
        """Add nothing."""

    def close(self) -> None:
        """Write nothing."""


class TensorBoard:
    """Event files in `tensorboard/PHASE`; steps that are made again after a resume replace the old ones."""

    def __init__(self, run: Run) -> None:
        self.folder = run.folder / "tensorboard"
        self._writers: dict[str, Any] = {}

    def log(self, line: Mapping[str, Any]) -> None:
        """Add the numbers of one line, under its phase and step."""
        from torch.utils.tensorboard import SummaryWriter

        phase, step = str(line["phase"]), int(line["step"])
        if phase not in self._writers:
            self._writers[phase] = SummaryWriter(str(self.folder / phase), purge_step=step)
        for name, value in numbers(line).items():
            self._writers[phase].add_scalar(name, value, step)
        self._writers[phase].flush()

    def close(self) -> None:
        """Write what is left."""
        for writer in self._writers.values():
            writer.close()


class Trackio:
    """A trackio project in `trackio/`; see it with `TRACKIO_DIR=FOLDER trackio show`."""

    def __init__(self, run: Run) -> None:
        os.environ["TRACKIO_DIR"] = str(run.folder / "trackio")
        import trackio

        self._trackio = trackio
        with redirect_stdout(sys.stderr):  # standard output belongs to the caller
            trackio.init(project=PROJECT, name=run.folder.name, config=dict(run.manifest.config), resume="allow")

    def log(self, line: Mapping[str, Any]) -> None:
        """Add the numbers of one line, under its phase and step."""
        phase = line["phase"]
        self._trackio.log({f"{phase}/{name}": value for name, value in numbers(line).items()}, step=int(line["step"]))

    def close(self) -> None:
        """Write what is left."""
        with redirect_stdout(sys.stderr):
            self._trackio.finish()


def numbers(line: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a log line, without its step."""
    return {key: float(value) for key, value in line.items() if key != "step" and isinstance(value, (int, float))}


def check_tracker(name: str) -> None:
    """Raise ConfigError unless a tracker is known and installed."""
    if name not in TRACKERS:
        raise ConfigError(f"there is no tracker {name!r}", where="--report-to", hint=f"known: {', '.join(TRACKERS)}")
    if name != "none" and importlib.util.find_spec(name) is None:
        raise ConfigError(f"{name} is not installed", where="--report-to", hint=f"pip install 'rbio-kg[{name}]'")


def open_tracker(name: str, run: Run) -> Tracker:
    """A tracker of a run.

    Raises:
        ConfigError: it is unknown or not installed.
    """
    check_tracker(name)
    return TensorBoard(run) if name == "tensorboard" else Trackio(run) if name == "trackio" else NoTracker()
