"""The rollout files of a run: their columns, their one writer and their one reader.

A run has one Parquet file a GRPO step, with one row a completion. `Rollout` is such a row as a typed value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.atomic_io import atomic_file
from rbio_kg.core.claims import Claim, Verdict
from rbio_kg.core.errors import ClaimError, TrainingError

ROLLOUT_SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "step": pl.Int64(),
    "claim_id": pl.String(),
    "subject": pl.String(),
    "relation": pl.String(),
    "object": pl.String(),
    "cell_line": pl.String(),
    "prompt": pl.String(),
    "completion": pl.String(),
    "answer": pl.String(),
    "confidence": pl.Float64(),
    "q": pl.Float64(),
    "reward": pl.Float64(),
    "parts": pl.String(),
    "verdicts": pl.String(),
    "statements": pl.String(),
}
"""One row a completion. `parts` is a JSON object, `verdicts` a JSON list of `Verdict.to_json()`: with evidence for the
first few completions of a step, score and status for the others, because explaining is slower than scoring.
`statements` is a JSON list of what the completion states about genes, each with `subject`, `relation`, `object`,
`polarity`, `certainty` and the graph's `verdict`; null where nothing reads them."""

_OPTIONAL = ("run", "claim_id", "statements")
"""Columns that a file may lack; they are read as null."""
_REMAKE = "make the run again, or restore the file"


@dataclass(frozen=True)
class CheckedStatement:
    """What a completion states about two genes, and what the graph says of it.

    Args:
        subject, relation, object: what is stated.
        polarity: `affirmed` or `negated`.
        certainty: `asserted` or `hedged`.
        verdict: `supported`, `contradicted` or `unknown`.
    """

    subject: str
    relation: str
    object: str
    polarity: str
    certainty: str
    verdict: str


def checked_statements(statements: Iterable[Any]) -> tuple[CheckedStatement, ...]:
    """What is stored of the statements that a `StatementChecker` returns."""
    names = CheckedStatement.__dataclass_fields__
    return tuple(CheckedStatement(**{name: str(getattr(item, name)) for name in names}) for item in statements)


@dataclass(frozen=True)
class Rollout:
    """One completion, what the parser read in it, its reward, and what every verifier said.

    Args:
        run: name of the run.
        step: GRPO step, from 1 on.
        claim: what the question asks.
        prompt, completion: as text.
        answer: `yes`, `no`, or None where the completion cannot be parsed.
        confidence: stated in the completion, 0 to 1, or None.
        q: probability of yes that the completion states, 0 to 1, or None.
        reward: of the completion, or None where no verifier scored it.
        parts: part of the reward to its value, None where the part abstains.
        verdicts: of the verifiers; with evidence for a few completions of a step.
        statements: what the completion states about genes; None where nothing reads them.
    """

    run: str
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
    statements: tuple[CheckedStatement, ...] | None = None

    def to_row(self) -> dict[str, Any]:
        """The rollout as a row with the columns of `ROLLOUT_SCHEMA`."""
        stated = None if self.statements is None else [asdict(item) for item in self.statements]
        return {
            "run": self.run,
            "step": self.step,
            "claim_id": self.claim.id,
            "subject": self.claim.subject,
            "relation": str(self.claim.relation),
            "object": self.claim.object,
            "cell_line": self.claim.cell_line,
            "prompt": self.prompt,
            "completion": self.completion,
            "answer": self.answer,
            "confidence": self.confidence,
            "q": self.q,
            "reward": self.reward,
            "parts": json.dumps(dict(self.parts), allow_nan=False),
            "verdicts": json.dumps([verdict.to_json() for verdict in self.verdicts], allow_nan=False),
            "statements": None if stated is None else json.dumps(stated),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Rollout:
        """The rollout of a row of `read_rollouts`.

        Raises:
            TrainingError: a value is malformed; the error names the file and the row.
        """
        try:
            if row["answer"] not in ("yes", "no", "", None):
                raise ValueError(f"an answer is yes, no or empty, not {row['answer']!r}")
            return cls(
                run=str(row["run"] or ""),
                step=int(row["step"] or 0),
                claim=Claim(row["subject"], row["relation"], row["object"], row["cell_line"]),
                prompt=str(row["prompt"] or ""),
                completion=str(row["completion"] or ""),
                answer=row["answer"] or None,
                confidence=row["confidence"],
                q=row["q"],
                reward=row["reward"],
                parts=_parts(row["parts"]),
                verdicts=_verdicts(row),
                statements=_statements(row["statements"]),
            )
        except (ClaimError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise _malformed(row, error) from error


def verdicts_of(row: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """The verdicts of a row of `read_rollouts`, without the rest of it.

    Raises:
        TrainingError: they are malformed; the error names the file and the row.
    """
    try:
        return _verdicts(row)
    except (ClaimError, ValueError, TypeError) as error:
        raise _malformed(row, error) from error


def write_rollouts(folder: Path, step: int, rollouts: Sequence[Rollout]) -> Path:
    """Write the rollouts of one step to `step-NNNNN.parquet`, complete or not at all."""
    path = folder / f"step-{step:05d}.parquet"
    frame = pl.DataFrame([rollout.to_row() for rollout in rollouts], schema=ROLLOUT_SCHEMA, orient="row")
    with atomic_file(path) as stream:
        frame.write_parquet(stream, statistics=False)
    return path


def read_rollouts(folder: Path) -> pl.DataFrame:
    """All rollouts of a run, in the order of the steps.

    Returns:
        The columns of `ROLLOUT_SCHEMA`, and `where`: the file and the 1-based row, for messages. Numbers that are not
        finite are null.

    Raises:
        TrainingError: a file is no Parquet, lacks a column, or has a column of another type.
    """
    frames = [pl.DataFrame(schema={**ROLLOUT_SCHEMA, "where": pl.String()}), *_frames(folder)]
    return pl.concat(frames).sort("step", maintain_order=True)


def iterate_rollouts(folder: Path) -> Iterator[Rollout]:
    """All rollouts of a run as typed values, one file in memory at a time.

    Raises:
        TrainingError: as `read_rollouts` and `Rollout.from_row`.
    """
    for frame in _frames(folder):
        for row in frame.iter_rows(named=True):
            yield Rollout.from_row(row)


def _frames(folder: Path) -> Iterator[pl.DataFrame]:
    for path in sorted(folder.glob("*.parquet")):
        try:
            frame = pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            cause = str(error).partition("\n")[0]
            raise TrainingError(f"cannot be read as Parquet ({cause})", where=path, hint=_REMAKE) from error
        missing = sorted(set(ROLLOUT_SCHEMA) - set(_OPTIONAL) - set(frame.columns))
        if missing:
            raise TrainingError(f"lacks the columns {', '.join(missing)}", where=path, hint=_REMAKE)
        row = pl.int_range(1, pl.len() + 1).cast(pl.String)
        absent = [pl.lit(None).alias(name) for name in _OPTIONAL if name not in frame.columns]
        try:
            yield (
                frame.with_columns(*absent, where=pl.lit(f"{path}, row ") + row)
                .select(*(pl.col(name).cast(kind) for name, kind in ROLLOUT_SCHEMA.items()), "where")
                .with_columns(_finite(pl.col(name)) for name, kind in ROLLOUT_SCHEMA.items() if kind == pl.Float64())
            )
        except pl.exceptions.PolarsError as error:
            raise TrainingError(f"has a column of the wrong type ({error})", where=path, hint=_REMAKE) from error


def _finite(column: pl.Expr) -> pl.Expr:
    return pl.when(column.is_finite()).then(column)


def _parts(text: str | None) -> dict[str, float | None]:
    items = _json(text or "{}").items()
    return {str(name): None if value is None else float(value) for name, value in items}


def _verdicts(row: Mapping[str, Any]) -> tuple[Verdict, ...]:
    return tuple(Verdict.from_json(item) for item in _json(row["verdicts"] or "[]"))


def _statements(text: str | None) -> tuple[CheckedStatement, ...] | None:
    if text is None:
        return None
    names = CheckedStatement.__dataclass_fields__
    return tuple(CheckedStatement(**{name: str(item[name]) for name in names}) for item in _json(text))


def _json(text: str) -> Any:
    """JSON in which numbers that are not finite are null."""
    return json.loads(text, parse_constant=lambda _: None)


def _malformed(row: Mapping[str, Any], error: Exception) -> TrainingError:
    message = str(error) if isinstance(error, ClaimError) else f"{type(error).__name__}: {error}"
    return TrainingError(f"is malformed ({message})", where=str(row["where"]), hint=_REMAKE)
