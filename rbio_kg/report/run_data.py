"""A run folder read into memory and checked: what the report is made from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from rbio_kg.core.claims import Claim, Evidence, Node, Status, Verdict
from rbio_kg.core.errors import ClaimError, ReportError
from rbio_kg.training.grpo.rollouts import ROLLOUT_SCHEMA

T = TypeVar("T")

STAGES = ("before", "after_warmup", "after")
"""The evaluations a run may hold, in the order in which they are made."""

_REMAKE = "make the run again, or restore the file"

_ROLLOUT_COLUMNS = {
    name: kind for name, kind in ROLLOUT_SCHEMA.items() if name not in ("run", "claim_id", "statements")
}


@dataclass(frozen=True)
class Rollout:
    """One completion, what the parser read in it, what it earned, and what every verifier said.

    `answer` is `yes`, `no` or None (unparsed); `confidence` and `q` lie in 0..1 or are None; `parts` maps each part
    of the reward to its value, None where it was silent.
    """

    step: int
    claim: Claim
    prompt: str
    completion: str
    answer: str | None
    confidence: float | None
    q: float | None
    reward: float | None
    parts: Mapping[str, float | None]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class RunData:
    """Everything a run folder holds.

    `log` has one mapping per logged step, in the order written; `rollouts` is a frame with the columns of
    `training`'s rollout files plus `where` (file and row), sorted by step; `evaluations` maps a stage of `STAGES` to
    its JSON; `reasoning` is the JSON of what was measured of the reasoning, empty where nothing was; `remarks` are
    plain sentences about what is incomplete.
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
    manifest_file = directory / "manifest.json"
    if not manifest_file.is_file():
        raise ReportError(
            "the run folder has no manifest.json", where=directory, hint="give the folder of a run, runs/NAME"
        )
    log, remarks = _read_log(directory / "log.jsonl")
    files = {stage: directory / "evaluation" / f"{stage}.json" for stage in (*STAGES, "reasoning")}
    found = {stage: read_json(path) for stage, path in files.items() if path.is_file()}
    reasoning = found.pop("reasoning", {})
    rollouts = _read_rollouts(directory / "rollouts")
    return RunData(directory, read_json(manifest_file), log, rollouts, found, reasoning, tuple(remarks))


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object; numbers that are not finite become None.

    Raises:
        ReportError: it cannot be read, or is not an object.
    """
    try:
        value = json.loads(path.read_bytes(), parse_constant=_no_number)
    except (OSError, ValueError) as error:
        raise ReportError(f"cannot be read as JSON ({error})", where=path, hint=_REMAKE) from error
    if not isinstance(value, dict):
        raise ReportError(f"holds a {type(value).__name__}, not a JSON object", where=path, hint=_REMAKE)
    return value


def _no_number(_: str) -> None:
    """What NaN and the infinities become."""


def _read_log(path: Path) -> tuple[tuple[dict[str, Any], ...], list[str]]:
    """The log's steps. A last line that was cut short (the run was killed) is left out, and said."""
    if not path.is_file():
        return (), []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"cannot be read ({error})", where=path, hint=_REMAKE) from error
    steps: list[dict[str, Any]] = []
    remarks = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            step = json.loads(line, parse_constant=_no_number)
        except ValueError as error:
            if number == len(lines):
                remarks.append("The last line of log.jsonl is incomplete (the run was cut off there); it is left out.")
                continue
            raise ReportError(f"is not JSON ({error})", where=path, line=number, hint=_REMAKE) from error
        if not isinstance(step, dict):
            raise ReportError("is not a JSON object", where=path, line=number, hint=_REMAKE)
        steps.append(step)
    return tuple(steps), remarks


def _read_rollouts(directory: Path) -> pl.DataFrame:
    """All rollout files, in the order of their names; an empty frame where there are none."""
    frames = [pl.DataFrame(schema={**_ROLLOUT_COLUMNS, "where": pl.String()})]
    for path in sorted(directory.glob("*.parquet")):
        try:
            frame = pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ReportError(f"cannot be read as Parquet ({error})", where=path, hint=_REMAKE) from error
        missing = sorted(set(_ROLLOUT_COLUMNS) - set(frame.columns))
        if missing:
            raise ReportError(f"lacks the columns {', '.join(missing)}", where=path, hint=_REMAKE)
        row = pl.int_range(1, pl.len() + 1).cast(pl.String)
        try:
            frames.append(
                frame.with_columns(where=pl.lit(f"{path}, row ") + row).select(
                    *(pl.col(name).cast(kind) for name, kind in _ROLLOUT_COLUMNS.items()), "where"
                )
            )
        except pl.exceptions.PolarsError as error:
            raise ReportError(f"has a column of the wrong type ({error})", where=path, hint=_REMAKE) from error
    return (
        pl.concat(frames)
        .with_columns(pl.col("reward", "q", "confidence").fill_nan(None))
        .sort("step", maintain_order=True)
    )


def rollout(row: Mapping[str, Any]) -> Rollout:
    """One row of `RunData.rollouts` as a typed value.

    Raises:
        ReportError: the claim, the parts or the verdicts are malformed; the place names the file and the row.
    """
    where = str(row["where"])
    if row["answer"] not in ("yes", "no", "", None):
        raise ReportError(f"an answer is yes, no or empty, not {row['answer']!r}", where=where, hint=_REMAKE)
    return Rollout(
        step=int(row["step"] or 0),
        claim=_checked(lambda: Claim(row["subject"], row["relation"], row["object"], row["cell_line"]), where),
        prompt=str(row["prompt"] or ""),
        completion=str(row["completion"] or ""),
        answer=row["answer"] or None,
        confidence=row["confidence"],
        q=row["q"],
        reward=row["reward"],
        parts=_checked(lambda: _parts(row["parts"]), where),
        verdicts=verdicts(row),
    )


def verdicts(row: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """The verdicts of one row of `RunData.rollouts`.

    Raises:
        ReportError: they are malformed.
    """
    return _checked(
        lambda: tuple(_verdict(item) for item in json.loads(row["verdicts"] or "[]", parse_constant=_no_number)),
        str(row["where"]),
    )


def _checked(read: Callable[[], T], where: str) -> T:
    try:
        return read()
    except (ClaimError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ReportError(f"is malformed ({type(error).__name__}: {error})", where=where, hint=_REMAKE) from error


def _parts(text: str | None) -> dict[str, float | None]:
    items = json.loads(text or "{}", parse_constant=_no_number).items()
    return {str(name): None if value is None else float(value) for name, value in items}


def _verdict(item: Mapping[str, Any]) -> Verdict:
    return Verdict(
        score=None if item["score"] is None else float(item["score"]),
        status=Status(item["status"]),
        evidence=tuple(_evidence(element) for element in item.get("evidence") or ()),
        reason=str(item.get("reason") or ""),
        verifier=str(item["verifier"]),
    )


def _evidence(item: Mapping[str, Any]) -> Evidence:
    weight = float(item["weight"])
    if not math.isfinite(weight):
        raise ValueError("a weight is not finite")
    start, end = (Node(str(item[side]["label"]), str(item[side]["key"])) for side in ("start", "end"))
    return Evidence(start, str(item["type"]), end, weight, int(item.get("path") or 0), dict(item.get("detail") or {}))
