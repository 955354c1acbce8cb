"""Checks statements about knockdowns against the changes that were measured in the training split."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Self

import polars as pl

from rbio_kg.core.claims import Evidence, Node, Relation

_DIRECTIONS = {Relation.INCREASES: "increase", Relation.DECREASES: "decrease"}
_OPPOSITE = {"increase": "decrease", "decrease": "increase"}


class _Change(NamedTuple):
    """A change that the knockdown of one gene makes in another."""

    cell_line: str
    direction: str
    source: str


class Knockdowns:
    """The graph's KNOCKDOWN_CHANGES: what changed in which cell line. Genes measured not to change are not in it.

    Args:
        table: table `knockdowns`, training split only.
        simulated: names of the sources whose rows come from a model.
    """

    def __init__(self, table: pl.DataFrame, simulated: Collection[str] = ()) -> None:
        self._simulated = frozenset(simulated)
        self._edges: dict[tuple[str, str], list[_Change]] = {}
        columns = table.select("start", "end", "cell_line", "direction", "source").sort("start", "end", "cell_line")
        for start, end, *change in columns.iter_rows():
            self._edges.setdefault((start, end), []).append(_Change(*change))

    @classmethod
    def of_tables(cls, tables: Mapping[str, pl.DataFrame]) -> Self:
        """The changes of a build, from its tables `knockdowns` and `sources`."""
        simulated = tables["sources"].filter(pl.col("simulated").fill_null(value=False))["name"]
        return cls(tables["knockdowns"], simulated.to_list())

    def find(self, subject: str, relation: Relation, object: str) -> tuple[tuple[Evidence, ...], bool]:
        """The changes that decide a statement about a knockdown, and whether they support it.

        A change in any cell line supports a statement that there is one. A direction is supported where any line has
        it, and contradicted where every line with a known direction has the opposite one. Without a change nothing is
        decided.

        Args:
            subject: symbol of the gene that is knocked down.
            relation: a knockdown relation.
            object: symbol of the gene that changes.

        Returns:
            The changes that decide, none where nothing does, and whether they support the statement.
        """
        edges = self._edges.get((subject, object), [])
        stated = _DIRECTIONS.get(relation)
        agreeing = [edge for edge in edges if stated in (None, edge.direction)]
        opposing = [edge for edge in edges if stated is not None and edge.direction == _OPPOSITE[stated]]
        start, end = Node("Gene", subject), Node("Gene", object)
        cited = tuple(
            Evidence(start, "KNOCKDOWN_CHANGES", end, 1.0, detail=self._detail(edge)) for edge in (agreeing or opposing)
        )
        return cited, bool(agreeing)

    def _detail(self, change: _Change) -> dict[str, str | bool]:
        detail: dict[str, str | bool] = dict(change._asdict())
        return detail | ({"simulated": True} if change.source in self._simulated else {})
