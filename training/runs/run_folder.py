"""Runs: one folder each, with a manifest that says what it was made of and how far it got."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import TrainingError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.runs.trackers import NoTracker, Tracker

RunStatus = Literal["running", "interrupted", "stopped", "failed", "finished"]
_OBJECT = (Mapping, "an object")
_KINDS: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(("seeds", "config", "result"), _OBJECT),
    "alarms": (Sequence, "a list"),
    "simulated": (bool, "true or false"),
}
"""Types of the manifest's fields, and what they are called; the others are texts."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class RunManifest:
    """What a run is.

    Args:
        name: the folder's name.
        kind: training or evaluation.
        started: ISO 8601, UTC.
        build_id: the graph it used.
        version: of rbio-kg.
        seeds: by what they seed.
        config: the whole recipe.
        simulated: whether labels come from a model instead of a laboratory.
        status: running, interrupted, stopped (by an alarm), failed or finished.
        stage: the last thing that was finished.
        result: what the run reported at its end.
        alarms: what was raised while it trained (see `rbio_kg.training.grpo.alarms`).
    """

    name: str
    kind: str
    started: str
    build_id: str
    version: str
    seeds: Mapping[str, int]
    config: Mapping[str, Any]
    simulated: bool
    status: RunStatus = "running"
    stage: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    alarms: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> RunManifest:
        """The manifest that `to_json` wrote.

        Raises:
            ValueError: a field is missing, unknown or of the wrong type.
        """
        if not isinstance(values, dict):
            raise ValueError(f"a manifest is a JSON object, not {type(values).__name__}")
        try:
            manifest = cls(**values)
        except TypeError as error:
            raise ValueError(str(error).removeprefix("RunManifest.__init__() ")) from error
        for name, value in values.items():
            kind, called = _KINDS.get(name, (str, "text"))
            if not isinstance(value, kind):
                raise ValueError(f"{name} is not {called}")
        return manifest


@dataclass(frozen=True)
class BrokenRun:
    """A run folder whose manifest cannot be read.

    Args:
        name: the folder's name.
        error: what is wrong with the manifest, in one line.
    """

    name: str
    error: str

    def to_json(self) -> dict[str, Any]:
        """The folder's name, the status `broken` and the error, as plain JSON values."""
        return {"name": self.name, "status": "broken", "error": self.error}


class Run:
    """A run's folder: manifest, log, rollouts, checkpoints, model and evaluations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tracker: Tracker = NoTracker()

    def track(self, tracker: Tracker) -> None:
        """Send the log's lines to a tracker too."""
        self._tracker = tracker

    def close(self) -> None:
        """Let the tracker write what is left."""
        self._tracker.close()
        self._tracker = NoTracker()

    @property
    def manifest_file(self) -> Path:
        """What the run is, JSON."""
        return self.folder / "manifest.json"

    @property
    def log_file(self) -> Path:
        """One JSON object a step."""
        return self.folder / "log.jsonl"

    @property
    def questions_file(self) -> Path:
        """The questions that the policy was trained on, CSV."""
        return self.folder / "questions.csv"

    @property
    def rollouts(self) -> Path:
        """One Parquet file a GRPO step."""
        return self.folder / "rollouts"

    @property
    def checkpoints(self) -> Path:
        """State to go on from."""
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """The trained adapters or weights."""
        return self.folder / "model"

    def evaluation_file(self, stage: str) -> Path:
        """`before`, `after_warmup` or `after`, JSON."""
        return self.folder / "evaluation" / f"{stage}.json"

    @property
    def manifest(self) -> RunManifest:
        """What the manifest file says."""
        return read_run(self.folder)

    def update(self, **changes: Any) -> RunManifest:
        """Change fields of the manifest."""
        changed = replace(self.manifest, **changes)
        write_text(self.manifest_file, dump(changed.to_json()))
        return changed

    def write_questions(self, frame: pl.DataFrame) -> None:
        """Keep what the policy is trained on; what is there already stays."""
        if not self.questions_file.is_file():
            write_text(self.questions_file, frame.write_csv())

    def read_questions(self) -> pl.DataFrame:
        """What the policy was trained on, all columns but `label` as text.

        Raises:
            TrainingError: the file is missing or corrupt.
        """
        try:
            return pl.read_csv(self.questions_file, infer_schema=False).select(
                "pert", "gene", pl.col("label").cast(pl.Int64), "split", "cell_line", "task"
            )
        except (OSError, pl.exceptions.PolarsError) as error:
            raise TrainingError(
                f"the run does not say what it was trained on ({str(error).splitlines()[0]})",
                where=self.questions_file,
                hint="train it again under another name",
            ) from error

    def log(self, record: Mapping[str, Any]) -> None:
        """Add one line to the log."""
        with self.log_file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, allow_nan=False) + "\n")
        self._tracker.log(record)

    def logged(self) -> list[dict[str, Any]]:
        """The log's lines; a last line that was cut off is left out."""
        if not self.log_file.is_file():
            return []
        lines = self.log_file.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n") and line.strip()]

    def rewrite_log(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replace the log, for example to drop steps that will be made again."""
        write_text(self.log_file, "".join(json.dumps(record, allow_nan=False) + "\n" for record in records))


def dump(value: Any) -> str:
    """JSON for people, without NaN."""
    return json.dumps(value, indent=1, sort_keys=False, allow_nan=False, default=str) + "\n"


def check_name(name: str) -> str:
    """The name, if it can be a folder's.

    Raises:
        TrainingError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise TrainingError(
            f"a run cannot be called {name!r}", hint="use letters, digits, dots, dashes and underscores, at most 80"
        )
    return name


def start_run(
    paths: WorkspacePaths,
    name: str,
    *,
    kind: str,
    build_id: str,
    version: str,
    seeds: Mapping[str, int],
    config: Mapping[str, Any],
    simulated: bool,
    resume: bool,
) -> Run:
    """A new run's folder; with `resume`, the folder of that name where it is there.

    Raises:
        TrainingError: the name is taken, or the run to go on with has another recipe or graph.
    """
    run = Run(paths.run(check_name(name)))
    if run.manifest_file.is_file():
        known = run.manifest
        if not resume:
            hint = f"choose another --name, or go on with --resume --name {name}"
            raise TrainingError(f"there is already a run called {name!r} ({known.status})", where=run.folder, hint=hint)
        for what, ours, theirs in (("graph", build_id, known.build_id), ("recipe", _plain(config), known.config)):
            if ours != theirs:
                raise TrainingError(
                    f"the run has another {what}, so it cannot go on", where=run.folder, hint="choose another --name"
                )
        if known.status != "finished":
            run.update(status="running")
        return run
    run.folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    manifest = RunManifest(name, kind, now, build_id, version, dict(seeds), _plain(config), simulated)
    write_text(run.manifest_file, dump(manifest.to_json()))
    return run


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(config)))


def read_run(folder: Path) -> RunManifest:
    """The manifest of a run's folder.

    Raises:
        TrainingError: it is missing or corrupt.
    """
    path = folder / "manifest.json"
    try:
        return RunManifest.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise TrainingError("the run has no manifest", where=path, hint="start it again under another name") from None
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"the run's manifest is corrupt ({error})", where=path, hint="restore the file, or delete the run's folder"
        ) from error


def find_run(paths: WorkspacePaths, name: str) -> Path:
    """The folder of a run.

    Raises:
        TrainingError: there is none of that name (the known ones are told).
    """
    folder = paths.run(check_name(name))
    if not (folder / "manifest.json").is_file():
        known = ", ".join(run.name for run in list_runs(paths)) or "none yet"
        raise TrainingError(f"there is no run called {name!r}", where=paths.runs, hint=f"known: {known}")
    return folder


def list_runs(paths: WorkspacePaths) -> list[RunManifest]:
    """The runs whose manifest can be read, oldest first. See `broken_runs` for the others."""
    found = []
    for folder in _run_folders(paths):
        with suppress(TrainingError):
            found.append(read_run(folder))
    return sorted(found, key=lambda run: (run.started, run.name))


def broken_runs(paths: WorkspacePaths) -> list[BrokenRun]:
    """The runs whose manifest cannot be read, by name."""
    found = []
    for folder in _run_folders(paths):
        try:
            read_run(folder)
        except TrainingError as error:
            found.append(BrokenRun(folder.name, str(error)))
    return found


def _run_folders(paths: WorkspacePaths) -> list[Path]:
    return [file.parent for file in sorted(paths.runs.glob("*/manifest.json"))]


def free_name(paths: WorkspacePaths, wish: str) -> str:
    """`wish`, or `wish-2`, `wish-3`, ... where it is taken."""
    number, name = 1, wish
    while paths.run(name).exists():
        number += 1
        name = f"{wish}-{number}"
    return name
