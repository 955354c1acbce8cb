"""What knockdowns in the training split were measured to change, to check statements by."""

from __future__ import annotations

import polars as pl

from rbio_kg.core.claims import Evidence, Node, Relation

_WAYS = {Relation.INCREASES: "increase", Relation.DECREASES: "decrease"}
_OTHER = {"increase": "decrease", "decrease": "increase"}


class Knockdowns:
    """The graph's KNOCKDOWN_CHANGES: what changed in which cell line. What was measured not to change is not in it.

    Args:
        table: table `knockdowns`, training split only.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self._edges: dict[tuple[str, str], list[tuple[str, str]]] = {}
        columns = table.select("start", "end", "cell_line", "direction").sort("start", "end", "cell_line")
        for start, end, line, direction in columns.iter_rows():
            self._edges.setdefault((start, end), []).append((line, direction))

    def find(self, subject: str, relation: Relation, object: str) -> tuple[tuple[Evidence, ...], bool]:
        """The changes that decide a statement about a knockdown, and whether they show it (else its opposite).

        A change in any cell line shows that there is one; only where every line that knows the direction has the
        other one do they show the opposite. No change found decides nothing.
        """
        edges = self._edges.get((subject, object), [])
        way = _WAYS.get(relation)
        agreeing = [edge for edge in edges if way in (None, edge[1])]
        opposing = [edge for edge in edges if way is not None and edge[1] == _OTHER[way]]
        start, end = Node("Gene", subject), Node("Gene", object)
        cited = tuple(
            Evidence(start, "KNOCKDOWN_CHANGES", end, 1.0, detail={"cell_line": line, "direction": direction})
            for line, direction in (agreeing or opposing)
        )
        return cited, bool(agreeing)
