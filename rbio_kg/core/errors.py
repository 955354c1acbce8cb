"""One tree of errors. Every error that a user can fix is an `RbioKGError`: it says what, where and what to do."""

from __future__ import annotations

from pathlib import Path


class RbioKGError(Exception):
    """The root of every error that rbio-kg raises on purpose.

    Args:
        what: what was wrong, in one sentence without a full stop.
        where: the file, address or setting concerned, with `line` where there is one.
        line: 1-based line number inside `where`.
        hint: what the user can do about it.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, line: int | None = None, hint: str = "") -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.line = line
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        place = ""
        if self.where is not None:
            place = f"{self.where}, line {self.line}: " if self.line is not None else f"{self.where}: "
        return f"{place}{self.what}" + (f"; {self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments are lost by the default pickling of exceptions; errors cross process borders.
        return _rebuild, (type(self), self.what, self.where, self.line, self.hint)


def _rebuild(kind: type[RbioKGError], what: str, where: str | None, line: int | None, hint: str) -> RbioKGError:
    return kind(what, where=where, line=line, hint=hint)


class ConfigError(RbioKGError):
    """A setting, an option or a settings file is wrong."""


class SourceError(RbioKGError):
    """A provider's file is missing, unreadable or not in the format it should have."""


class FetchError(RbioKGError):
    """A download failed."""


class BuildError(RbioKGError):
    """A graph is missing or incomplete, or could not be built."""


class StoreError(RbioKGError):
    """The graph database cannot be reached, refuses, or answers with an error."""


class QueryError(StoreError):
    """A Cypher statement is wrong, ran too long or tried to write."""


class SelectionError(RbioKGError):
    """The requested part of the graph is undefined: an unknown or ambiguous gene, or an unknown type."""


class SnapshotError(RbioKGError):
    """The memory-mapped snapshot is missing, corrupt or of another version."""


class ClaimError(RbioKGError):
    """A claim is malformed: an unknown relation, an empty name."""


class VerifierError(RbioKGError):
    """A verifier is unknown, not fitted, or broken."""


class AnswerError(VerifierError):
    """A verifier answered with something else than probabilities or a verdict."""


class StaleError(RbioKGError):
    """Something was made on another build of the graph than the one in use."""


class RewardError(RbioKGError):
    """A reward configuration cannot work."""


class ModelError(RbioKGError):
    """A language model or a fitted model cannot be loaded or saved."""


class TrainingError(RbioKGError):
    """A training run cannot start or go on."""


class EvaluationError(RbioKGError):
    """An evaluation cannot be made, or would leak test labels."""


class MetricError(EvaluationError):
    """A metric cannot be computed from these rows: no gene has both labels, for example."""


class ReportError(RbioKGError):
    """A report cannot be written."""


def fault(error: Exception) -> str:
    """An exception of other code in one line: its type and its message."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class ConvergenceWarning(UserWarning):
    """A numerical solver stopped before it reached its tolerance; the result is an approximation."""


class StaleWarning(UserWarning):
    """Something that rests on another build of the graph is in use, because `allow_stale` was given."""
