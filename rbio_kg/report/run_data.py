"""A run folder read into memory and checked: what the report is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.claims import Verdict
from rbio_kg.core.errors import ReportError, TrainingError
from rbio_kg.training.runs.rollout_file import Rollout, read_rollouts, verdicts_of
from rbio_kg.training.runs.run_folder import EVALUATIONS, REASONING, Run
from rbio_kg.training.runs.run_folder import read_run as read_manifest


@dataclass(frozen=True)
class RunData:
    """Everything a run folder holds.

    `log` has one mapping per logged step, in the order written. `rollouts` is a frame as
    `rbio_kg.training.runs.rollout_file.read_rollouts` returns it. `evaluations` maps a stage of
    `rbio_kg.training.runs.run_folder.EVALUATIONS` to its JSON. `reasoning` is the JSON of the evaluation of the
    reasoning, empty where there is none. `remarks` are plain sentences about what is incomplete.
    """

    directory: Path
    manifest: Mapping[str, Any]
    log: tuple[Mapping[str, Any], ...]
    rollouts: pl.DataFrame
    evaluations: Mapping[str, Mapping[str, Any]]
    reasoning: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = field(default=())

    @property
    def simulated(self) -> bool:
        """Whether the labels came from a model instead of a laboratory."""
        return bool(self.manifest.get("simulated", False))

    @property
    def unfinished(self) -> bool:
        """Whether the run did not get to its end."""
        return bool(self.manifest.get("status", "finished") != "finished")

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.manifest.get("name") or self.directory.name)


def read_run(directory: Path) -> RunData:
    """Read and check a run folder; only `manifest.json` must be there.

    Raises:
        ReportError: the folder or its manifest is missing, or a file in it is corrupt.
    """
    if not directory.is_dir():
        raise ReportError("there is no such run folder", where=directory, hint="list the runs with rbio-kg runs list")
    run = Run(directory)
    if not run.manifest_file.is_file():
        raise ReportError(
            "the run folder has no manifest.json", where=directory, hint="give the folder of a run, runs/NAME"
        )
    with _as_report_error():
        log = run.read_log()
        evaluations = {stage: document for stage in EVALUATIONS if (document := run.read_evaluation(stage)) is not None}
        return RunData(
            directory,
            read_manifest(directory).to_json(),
            log.lines,
            read_rollouts(run.rollouts),
            evaluations,
            run.read_evaluation(REASONING) or {},
            ("The last line of log.jsonl is incomplete (the run was cut off there); it is left out.",)
            if log.cut_off
            else (),
        )


def rollout(row: Mapping[str, Any]) -> Rollout:
    """One row of `RunData.rollouts` as a typed value.

    Raises:
        ReportError: the claim, the parts or the verdicts are malformed; the error names the file and the row.
    """
    with _as_report_error():
        return Rollout.from_row(row)


def verdicts(row: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """The verdicts of one row of `RunData.rollouts`.

    Raises:
        ReportError: they are malformed.
    """
    with _as_report_error():
        return verdicts_of(row)


@contextmanager
def _as_report_error() -> Iterator[None]:
    try:
        yield
    except TrainingError as error:
        raise ReportError(error.what, where=error.where, line=error.line, hint=error.hint) from error
