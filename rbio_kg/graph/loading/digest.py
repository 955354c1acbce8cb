"""One hash of a complete graph: equal if two stores hold the same nodes, relationships and properties.

A multiset hash by addition (Bellare and Micciancio 1997, https://doi.org/10.1007/3-540-69053-0_13, as MSet-Add-Hash
in Clarke et al. 2003, https://doi.org/10.1007/978-3-540-40061-5_12): the SHA-256 of each element's canonical bytes,
added modulo 2^256. Addition makes it independent of the order and, unlike XOR, sensitive to an element that comes
twice. It finds faults, not forgeries: with a modulus of this size sums can be made to collide on purpose.

An element's canonical bytes are JSON: `["node", label, properties]` or `["relationship", type, start key, end key,
properties]`, keys sorted, floats by their shortest text that reads back as the same number. A property without a value
and an empty list are absent, as stores hold neither. Evidence of runs and the Build node are not part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.schema.schema import NODES, NODES_BY_LABEL, RELATIONSHIPS, NodeType, RelationshipType
from rbio_kg.graph.schema.tables import GraphTables, stored
from rbio_kg.graph.store.store import GraphStore

SECONDS = 600.0
"""The time limit of each statement."""
_ROWS = 50_000
_KEYS = 250
_ELEMENTS: tuple[NodeType | RelationshipType, ...] = (*NODES, *RELATIONSHIPS)
_MODULUS = 2**256
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class GraphDigest:
    """A digest in the making: add every element once, in any order."""

    def __init__(self) -> None:
        self._sum = 0

    def add_node(self, label: str, properties: Mapping[str, Any]) -> None:
        """Add a node; values are JSON values, lists of texts among them."""
        self._add(["node", label, _present(properties)])

    def add_relationship(self, type: str, start: Any, end: Any, properties: Mapping[str, Any]) -> None:
        """Add a relationship by the keys of its ends."""
        self._add(["relationship", type, start, end, _present(properties)])

    def _add(self, element: list[Any]) -> None:
        self._sum += int.from_bytes(hashlib.sha256(_encode(element).encode()).digest())

    def hex(self) -> str:
        """64 hexadecimal digits."""
        return f"{self._sum % _MODULUS:064x}"


def _present(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value is not None and value != []}


def tables_digest(tables: GraphTables, progress: Progress | None = None) -> str:
    """The digest of the graph that the tables describe, 64 hexadecimal digits.

    Args:
        tables: all tables of a build.
        progress: called with each step and the finished share.
    """
    report = progress or silent
    digest, done, total = GraphDigest(), 0, tables.rows or 1
    for item in _ELEMENTS:
        for part in tables[item.table].iter_slices(_ROWS):
            name = item.label if isinstance(item, NodeType) else item.type
            report(f"digest of the tables: {name}", done / total)
            done += part.height
            for row in stored(part).iter_rows(named=True):
                if isinstance(item, NodeType):
                    digest.add_node(item.label, row)
                else:
                    digest.add_relationship(item.type, row.pop("start"), row.pop("end"), row)
    report("digest of the tables", 1.0)
    return digest.hex()


def store_digest(store: GraphStore, progress: Progress | None = None) -> str:
    """The digest of the graph in a store, read by Cypher in pages of start keys, so that memory stays bounded.

    Args:
        store: any store; it is only read.
        progress: called with each step and the finished share.

    Raises:
        StoreError: the store fails, or a page takes longer than `SECONDS`.
    """
    report = progress or silent
    counts = store.counts()
    total = sum(counts["nodes"].values()) + sum(counts["relationships"].values()) or 1
    digest, done = GraphDigest(), 0
    for item in _ELEMENTS:
        name, before = item.label if isinstance(item, NodeType) else item.type, done
        for rows in _pages(store, item):
            report(f"digest of the store: {name}", min(1.0, done / total))
            done += len(rows)
            for row in rows:
                if isinstance(item, NodeType):
                    digest.add_node(item.label, row["properties"])
                else:
                    digest.add_relationship(item.type, row["start"], row["end"], row["properties"])
        if isinstance(item, RelationshipType) and done - before != counts["relationships"][name]:
            # Some begin at a node of another label than the schema's, which no page holds.
            digest.add_relationship(name, None, None, {"unread": counts["relationships"][name] - (done - before)})
    report("digest of the store", 1.0)
    return digest.hex()


def _pages(store: GraphStore, item: NodeType | RelationshipType) -> Iterator[list[dict[str, Any]]]:
    """All rows of a label or type, those of `_KEYS` start nodes at a time; nodes without a key come last."""
    node = item if isinstance(item, NodeType) else NODES_BY_LABEL[item.start]
    if isinstance(item, NodeType):
        result = "RETURN properties(a) AS properties"
    else:
        key = NODES_BY_LABEL[item.end].key
        result = (
            f"MATCH (a)-[r:{item.type}]->(b) RETURN a.{node.key} AS start, b.{key} AS end, properties(r) AS properties"
        )
    keys = store.query(
        f"MATCH (a:{node.label}) WHERE a.{node.key} IS NOT NULL RETURN DISTINCT a.{node.key} AS key ORDER BY key",
        timeout=SECONDS,
    )
    for begin in range(0, len(keys), _KEYS):
        page = keys[begin : begin + _KEYS]
        yield store.query(
            f"MATCH (a:{node.label}) WHERE a.{node.key} >= $first AND a.{node.key} <= $last {result}",
            first=page[0]["key"],
            last=page[-1]["key"],
            timeout=SECONDS,
        )
    yield store.query(f"MATCH (a:{node.label}) WHERE a.{node.key} IS NULL {result}", timeout=SECONDS)
