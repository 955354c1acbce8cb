"""Rows that cannot be used: their number, and the first of them with file, line and reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.errors import SourceError

SHOWN = 10
"""The number of reasons to keep."""


@dataclass(frozen=True, order=True)
class Reason:
    """One rejected row and the reason."""

    file: str
    line: int
    why: str


class Rejections:
    """The rejected rows of one file.

    Attributes:
        seen: rows of the file, without blank lines, comments and header.
        count: rows rejected.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = f"{path.parent.name}/{path.name}"
        self.seen = 0
        self.count = 0
        self._reasons: list[Reason] = []

    def to_json(self) -> dict[str, Any]:
        """`path`, `seen`, `count` and the first `reasons`, each `[line, why]`, as JSON values."""
        reasons = [[reason.line, reason.why] for reason in self.reasons]
        return {"path": str(self.path), "seen": self.seen, "count": self.count, "reasons": reasons}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Rejections:
        """The inverse of `to_json`."""
        restored = cls(Path(content["path"]))
        restored.seen, restored.count = content["seen"], content["count"]
        restored._reasons = [Reason(restored.file, line, why) for line, why in content["reasons"]]
        return restored

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The first ten, by line."""
        return tuple(sorted(self._reasons)[:SHOWN])

    def add(self, line: int, why: str) -> None:
        """Reject the row on `line`."""
        self.count += 1
        self._reasons.append(Reason(self.file, line, why))
        if len(self._reasons) > 100 * SHOWN:
            self._reasons = sorted(self._reasons)[:SHOWN]

    def drop(self, frame: pl.DataFrame, bad: pl.Expr, why: str) -> pl.DataFrame:
        """The rows of `frame` (with a column `line`) that are not `bad`; the others are rejected."""
        mask = frame.select(bad.fill_null(True).alias("bad")).to_series()
        if not mask.any():
            return frame
        lines = frame.filter(mask)["line"].sort()
        self.count += lines.len()
        self._reasons.extend(Reason(self.file, line, why) for line in lines.head(SHOWN))
        return frame.filter(~mask)

    def require_some(self, kept: int, kind: str) -> None:
        """Raise if no row of the file is usable: it is probably another kind of file.

        Raises:
            SourceError: no row is left, with the first reason and its line.
        """
        if kept:
            return
        first = self.reasons[0] if self.reasons else None
        raise SourceError(
            f"no row of the file is usable as {kind}" + (f": {first.why}" if first else ""),
            where=self.path,
            line=first.line if first else None,
            hint="is it the right file?",
        )


def merged(parts: Iterable[Rejections]) -> tuple[int, tuple[Reason, ...]]:
    """Rejections of several files: their number, and the first ten reasons in the order of the files."""
    parts = list(parts)
    reasons = [reason for part in parts for reason in part.reasons]
    return sum(part.count for part in parts), tuple(reasons[:SHOWN])
