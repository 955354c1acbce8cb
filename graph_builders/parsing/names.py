"""Labels of a source that name no gene, and the rows lost to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from rbio_kg.graph.identity.gene_names import GeneNames

_SHOWN = 50


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

    def note(self, labels: pl.Series) -> None:
        """Count labels that are not known, without losing their rows."""
        for name, count in labels.value_counts().iter_rows():
            self._labels[name] = self._labels.get(name, 0) + count

    def kept(self) -> dict[str, Any]:
        """What `again` takes: `rows` and every label with its rows."""
        return {"rows": self.rows, "labels": self._labels}

    @classmethod
    def again(cls, content: Mapping[str, Any]) -> Unmapped:
        """What `kept` gave."""
        return cls(content["rows"], dict(content["labels"]))

    def table(self, names: GeneNames) -> pl.DataFrame:
        """Every label, the most frequent first: `label`, `rows`, `genes` (list: what an ambiguous one may mean)."""
        ranked = pl.DataFrame(
            sorted(self._labels.items(), key=lambda item: (-item[1], item[0])),
            schema={"label": pl.String, "rows": pl.Int64},
            orient="row",
        )
        meant = names.ambiguous.rename({"symbols": "genes"})
        return ranked.join(meant, on="label", how="left", maintain_order="left")

    def to_json(self, names: GeneNames) -> dict[str, object]:
        """`rows` lost, `labels` that name no gene, how many of them are `ambiguous`, and the `first` fifty."""
        several = set(names.ambiguous["label"])
        ranked = sorted(self._labels.items(), key=lambda item: (-item[1], item[0]))
        return {
            "rows": self.rows,
            "labels": len(ranked),
            "ambiguous": sum(label in several for label, _ in ranked),
            "first": [{"label": label, "rows": rows} for label, rows in ranked[:_SHOWN]],
        }
