"""Checks statements about knockdowns against the changes that were measured in the training split."""

from __future__ import annotations

import polars as pl

from rbio_kg.core.claims import Evidence, Node, Relation

_DIRECTIONS = {Relation.INCREASES: "increase", Relation.DECREASES: "decrease"}
_OPPOSITE = {"increase": "decrease", "decrease": "increase"}


class Knockdowns:
    """The graph's KNOCKDOWN_CHANGES: what changed in which cell line. Genes measured not to change are not in it.

    Args:
        table: table `knockdowns`, training split only.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self._edges: dict[tuple[str, str], list[tuple[str, str]]] = {}
        columns = table.select("start", "end", "cell_line", "direction").sort("start", "end", "cell_line")
        for start, end, line, direction in columns.iter_rows():
            self._edges.setdefault((start, end), []).append((line, direction))

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
        agreeing = [edge for edge in edges if stated in (None, edge[1])]
        opposing = [edge for edge in edges if stated is not None and edge[1] == _OPPOSITE[stated]]
        start, end = Node("Gene", subject), Node("Gene", object)
        cited = tuple(
            Evidence(start, "KNOCKDOWN_CHANGES", end, 1.0, detail={"cell_line": line, "direction": direction})
            for line, direction in (agreeing or opposing)
        )
        return cited, bool(agreeing)
