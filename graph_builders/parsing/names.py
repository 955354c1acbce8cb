"""Labels of a source that name no gene, and the rows lost to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass
class Unmapped:
    """Labels of a source that name no gene, or several, with the rows lost to them."""

    rows: int = 0
    _labels: dict[str, int] = field(default_factory=dict)

    def drop(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
        """The rows whose symbols are all known; the others are counted here.

        Args:
            frame: rows with labels and resolved symbols.
            columns: column of the resolved symbol -> column of the label as given.
        """
        lost = frame.filter(pl.any_horizontal(pl.col(list(columns)).is_null()))
        if not lost.is_empty():
            self.rows += lost.height
            for symbol, label in columns.items():
                counts = lost.filter(pl.col(symbol).is_null())[label].value_counts()
                for name, count in counts.iter_rows():
                    self._labels[name] = self._labels.get(name, 0) + count
        return frame.drop_nulls(list(columns))

    def ranked(self) -> list[tuple[str, int]]:
        """Every label with its rows, the most frequent first."""
        return sorted(self._labels.items(), key=lambda item: (-item[1], item[0]))

    def kept(self) -> dict[str, Any]:
        """What `again` takes: `rows` and every label with its rows."""
        return {"rows": self.rows, "labels": self._labels}

    @classmethod
    def again(cls, content: Mapping[str, Any]) -> Unmapped:
        """What `kept` gave."""
        return cls(content["rows"], dict(content["labels"]))
