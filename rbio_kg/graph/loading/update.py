"""Updates the graph in a store by the difference between two builds; all other content of the store stays.

Every statement may be repeated: to finish an interrupted update, run it again from the start.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from rbio_kg.core.progress import Progress
from rbio_kg.graph.loading.difference import TableDifference
from rbio_kg.graph.schema.schema import NODES_BY_LABEL, NodeType, RelationshipType
from rbio_kg.graph.schema.tables import stored
from rbio_kg.graph.store.store import GraphStore

BATCH_ROWS = 5_000


def update_store(
    store: GraphStore, found: Sequence[TableDifference], build_id: str, base: str, progress: Progress
) -> None:
    """Apply differences. Until this is done, the Build node says that the graph is incomplete.

    Relationships are removed before their nodes and added after them. Evidence that cites a removed node loses that
    citation only.

    Args:
        store: opened to write; it holds the graph `base`, or part of the way from there to `build_id`.
        found: all differences between the two.
        build_id: the graph that it will hold.
        base: the graph that it held.
        progress: called with each step and the finished share.
    """
    store.write("MERGE (b:Build) SET b.id = $id, b.complete = false, b.base = $base", id=build_id, base=base)
    nodes = [item for item in found if isinstance(item.kind, NodeType)]
    edges = [item for item in found if isinstance(item.kind, RelationshipType)]
    steps = [(item, "removed", _removal(item.kind), item.removed) for item in (*edges, *nodes)]
    for item in (*nodes, *edges):
        steps += [(item, name, _upsert(item.kind), getattr(item, name)) for name in ("added", "changed")]
    total = sum(item.rows for item in found) or 1
    done, started = 0, time.monotonic()
    for item, name, statement, frame in steps:
        for part in stored(frame).iter_slices(BATCH_ROWS):
            store.write(statement, rows=part.to_dicts())
            done += part.height
            progress(f"store: {item.name} {name}, {done / (time.monotonic() - started):,.0f} a second", done / total)
    store.write("MATCH (b:Build) SET b.complete = true REMOVE b.base")


def _removal(kind: NodeType | RelationshipType) -> str:
    if isinstance(kind, NodeType):
        return f"UNWIND $rows AS row MATCH (x:{kind.label} {{{kind.key}: row.{kind.key}}}) DETACH DELETE x"
    start, end = _ends(kind)
    return f"UNWIND $rows AS row MATCH {start} MATCH {end} MATCH (a)-[x:{kind.type}{_identity(kind)}]->(b) DELETE x"


def _upsert(kind: NodeType | RelationshipType) -> str:
    if isinstance(kind, NodeType):
        pattern = f"MERGE (x:{kind.label} {{{kind.key}: row.{kind.key}}})"
        fixed: tuple[str, ...] = (kind.key,)
    else:
        start, end = _ends(kind)
        pattern = f"MATCH {start} MATCH {end} MERGE (a)-[x:{kind.type}{_identity(kind)}]->(b)"
        fixed = kind.unique_by
    values = ", ".join(f"x.{item.name} = row.{item.name}" for item in kind.properties if item.name not in fixed)
    return f"UNWIND $rows AS row {pattern}" + (f" SET {values}" if values else "")


def _ends(kind: RelationshipType) -> tuple[str, str]:
    start, end = NODES_BY_LABEL[kind.start], NODES_BY_LABEL[kind.end]
    return f"(a:{start.label} {{{start.key}: row.start}})", f"(b:{end.label} {{{end.key}: row.end}})"


def _identity(kind: RelationshipType) -> str:
    """The properties that make a relationship unique between its ends, as a pattern."""
    return f" {{{', '.join(f'{name}: row.{name}' for name in kind.unique_by)}}}" if kind.unique_by else ""
