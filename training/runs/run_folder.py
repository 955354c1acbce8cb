"""The run folder: the one reader and writer of its manifest, log, questions and evaluations.

A run has one folder, with a manifest that says what it was made of and how far it got. The rollouts have a module of
their own, `rbio_kg.training.runs.rollout_file`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import TrainingError
from rbio_kg.core.lock import is_held
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.runs.manifest import BrokenRun, RunManifest, RunStatus
from rbio_kg.training.runs.resume import recipe_differences, resume_command

EVALUATIONS = ("before", "after_warmup", "after")
"""The evaluations that a training makes, in their order."""
REASONING = "reasoning"
"""The evaluation of a policy's reasoning, made on request."""
_REMAKE = "make the run again, or restore the file"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class RunLog:
    """The lines of a run's log.

    Args:
        lines: one mapping a line, in the order written.
        cut_off: whether the last line was incomplete, because the process was killed; it is left out.
    """

    lines: tuple[dict[str, Any], ...]
    cut_off: bool


class Run:
    """A run's folder: manifest, log, rollouts, checkpoints, model and evaluations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def manifest_file(self) -> Path:
        """What the run is, JSON."""
        return self.folder / "manifest.json"

    @property
    def lock_file(self) -> Path:
        """Held by the process that trains the run."""
        return self.folder / "run.lock"

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
        """The JSON of one of `EVALUATIONS`, or of `REASONING`."""
        return self.folder / "evaluation" / f"{stage}.json"

    @property
    def manifest(self) -> RunManifest:
        """The manifest as it was written, read anew each time.

        Raises:
            TrainingError: it is missing or corrupt.
        """
        return _read_manifest(self.folder)

    @property
    def status(self) -> RunStatus:
        """The status in the manifest; a run whose process died without a word is `interrupted`."""
        status = self.manifest.status
        return "interrupted" if status == "running" and not is_held(self.lock_file) else status

    @property
    def resume_command(self) -> str | None:
        """The command that goes on with the run; None where it is finished, is running, or is no training."""
        goes_on = self.manifest.kind == "training" and self.status not in ("finished", "running")
        return resume_command(self.folder) if goes_on else None

    def update(self, **changes: Any) -> RunManifest:
        """Change fields of the manifest."""
        changed = replace(self.manifest, **changes)
        self.write_manifest(changed)
        return changed

    def write_manifest(self, manifest: RunManifest) -> None:
        """Write the manifest, complete or not at all."""
        write_text(self.manifest_file, dump(manifest.to_json()))

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

    def read_log(self) -> RunLog:
        """The log. Numbers that are not finite become None.

        Raises:
            TrainingError: a line is not a JSON object.
        """
        if not self.log_file.is_file():
            return RunLog((), cut_off=False)
        try:
            text = self.log_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TrainingError(f"cannot be read ({error})", where=self.log_file, hint=_REMAKE) from error
        lines: list[dict[str, Any]] = []
        texts = text.split("\n")
        for number, line in enumerate(texts, start=1):
            if not line.strip():
                continue
            try:
                lines.append(_json_object(line))
            except ValueError as error:
                if number == len(texts):
                    return RunLog(tuple(lines), cut_off=True)
                raise TrainingError(
                    f"is not a JSON object ({error})", where=self.log_file, line=number, hint=_REMAKE
                ) from error
        return RunLog(tuple(lines), cut_off=False)

    def logged(self, phase: str | None = None) -> list[dict[str, Any]]:
        """The log's lines of one phase, or of all; a last line that was cut off is left out."""
        return [line for line in self.read_log().lines if phase is None or line.get("phase") == phase]

    def write_evaluation(self, stage: str, document: Mapping[str, Any]) -> None:
        """Keep the document of an evaluation."""
        write_text(self.evaluation_file(stage), dump(document))

    def read_evaluation(self, stage: str) -> dict[str, Any] | None:
        """The document of an evaluation, or None where it is not made yet. Numbers that are not finite become None.

        Raises:
            TrainingError: the file is corrupt.
        """
        path = self.evaluation_file(stage)
        try:
            return _json_object(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise TrainingError(f"cannot be read as a JSON object ({error})", where=path, hint=_REMAKE) from error

    def rewrite_log(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replace the log, for example to drop steps that will be made again."""
        write_text(self.log_file, "".join(json.dumps(record, allow_nan=False) + "\n" for record in records))


def dump(value: Any) -> str:
    """JSON for people, without NaN."""
    return json.dumps(value, indent=1, sort_keys=False, allow_nan=False, default=str) + "\n"


def _json_object(text: str) -> dict[str, Any]:
    """A JSON object; numbers that are not finite become None.

    Raises:
        ValueError: it is no JSON, or no object.
    """
    value = json.loads(text, parse_constant=lambda _: None)
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}")
    return value


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


def start_run(paths: WorkspacePaths, manifest: RunManifest, *, resume: bool = False) -> Run:
    """A new run's folder; with `resume`, the folder of that name if it exists.

    Args:
        paths: the workspace.
        manifest: of the run, as `RunManifest.new` makes it.
        resume: go on with a run of the same name, recipe and graph.

    Raises:
        TrainingError: the name is taken, or the run to go on with has another recipe or graph.
    """
    run = Run(paths.run(check_name(manifest.name)))
    if not run.manifest_file.is_file():
        run.folder.mkdir(parents=True, exist_ok=True)
        run.write_manifest(manifest)
        return run
    known = run.manifest
    if not resume:
        raise TrainingError(
            f"there is already a run called {manifest.name!r} ({run.status})",
            where=run.folder,
            hint=f"choose another --name, or go on with: {resume_command(run.folder)}",
        )
    check_continues(run, manifest.build_id, manifest.config)
    changed = known.changed_inputs(manifest)
    if changed:
        raise TrainingError(
            f"what the run rests on has changed since it began ({', '.join(changed)}), so it cannot go on",
            where=run.folder,
            hint="restore the files or fit the verifiers as they were, or choose another --name",
        )
    if known.status != "finished":
        run.update(status="running")
    return run


def check_continues(run: Run, build_id: str, config: Mapping[str, Any]) -> None:
    """Raise TrainingError unless a run has this graph and this recipe; the error lists the settings that differ."""
    known = run.manifest
    if known.build_id != build_id:
        raise TrainingError(
            f"the run has another graph ({known.build_id}) than the one in use ({build_id}), so it cannot go on",
            where=run.folder,
            hint="build that graph again, or choose another --name",
        )
    differences = recipe_differences(known.config, config)
    if differences:
        raise TrainingError(
            f"the run has another recipe, so it cannot go on: {'; '.join(map(str, differences))}",
            where=run.folder,
            hint=f"go on with the recorded recipe: {resume_command(run.folder)}; or choose another --name",
        )


def check_finished(run: Run, *, unfinished: bool) -> bool:
    """Whether a run is unfinished.

    Args:
        run: whose policy is to be used.
        unfinished: whether the caller accepts an unfinished run.

    Raises:
        TrainingError: the run is unfinished and the caller does not accept that.
    """
    status = run.status
    if status != "finished" and not unfinished:
        command = run.resume_command
        raise TrainingError(
            f"run {run.folder.name} is {status}, not finished",
            where=run.folder,
            hint=("wait for it" if command is None else f"finish it: {command}")
            + "; or use what is saved of it with --unfinished",
        )
    return status != "finished"


def read_run(folder: Path) -> RunManifest:
    """The manifest of a run's folder, with the status of `Run.status`.

    Raises:
        TrainingError: it is missing or corrupt.
    """
    return replace(_read_manifest(folder), status=Run(folder).status)


def _read_manifest(folder: Path) -> RunManifest:
    path = folder / "manifest.json"
    try:
        return RunManifest.from_json(_json_object(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise TrainingError("the run has no manifest", where=path, hint="start it again under another name") from None
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"the run's manifest is corrupt ({error})", where=path, hint="restore the file, or delete the run's folder"
        ) from error


def find_run(paths: WorkspacePaths, name: str) -> Path:
    """The folder of a run.

    Raises:
        TrainingError: there is none of that name; the error names the known ones.
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


def free_name(paths: WorkspacePaths, wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`, ... where it is taken."""
    number, name = 1, wanted
    while paths.run(name).exists():
        number += 1
        name = f"{wanted}-{number}"
    return name
