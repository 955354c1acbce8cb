"""Fills a running Neo4j: constraints first, then rows in batches, one transaction per batch."""

from __future__ import annotations

import time

from rbio_kg.core.errors import StoreError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.schema.schema import (
    EVIDENCE_NODES,
    EVIDENCE_RELATIONSHIPS,
    NODES,
    NODES_BY_LABEL,
    RELATIONSHIPS,
    NodeType,
    RelationshipType,
)
from rbio_kg.graph.schema.tables import GraphTables, stored
from rbio_kg.graph.store.store import GraphStore

BATCH_ROWS = 20_000
_LABELS = "|".join(node.label for node in (*NODES, *EVIDENCE_NODES))
_TYPES = "|".join([*(item.type for item in RELATIONSHIPS), *EVIDENCE_RELATIONSHIPS])


def constrain(store: GraphStore, types: tuple[NodeType, ...]) -> None:
    """Make the key of each label unique, and so indexed."""
    for node in types:
        store.write(
            f"CREATE CONSTRAINT {node.label.lower()}_{node.key} IF NOT EXISTS "
            f"FOR (n:{node.label}) REQUIRE n.{node.key} IS UNIQUE"
        )


def load_by_cypher(store: GraphStore, tables: GraphTables, build_id: str, progress: Progress) -> None:
    """Fill an open store by statements, replacing the graph that rbio-kg loaded before.

    A batch is one transaction. After a transient error the driver rolls it back and repeats it. If the connection is
    lost during a commit, the driver gives up, because it cannot know whether the batch was written. There is one
    writer, because relationships lock both their nodes and two writers would deadlock.

    Raises:
        StoreError: the store fails; it holds nodes with labels of the schema that rbio-kg did not load; another client
            removes nodes meanwhile.
    """
    ours = _check_owned(store)
    store.write("MERGE (b:Build) SET b.id = $id, b.complete = false REMOVE b.base", id=build_id)
    if ours:
        _clear(store, progress)
    constrain(store, (*NODES, *EVIDENCE_NODES))
    total = tables.rows or 1
    done = 0
    steps = [(item.label, item.table, _node_statement(item)) for item in NODES]
    steps += [(item.type, item.table, _edge_statement(item)) for item in RELATIONSHIPS]
    for name, table, statement in steps:
        started, before = time.monotonic(), done
        for part in stored(tables[table]).iter_slices(BATCH_ROWS):
            # A parameter for each column, not one of rows: names do not travel with every row.
            (row,) = store.write(statement, part.to_dict(as_series=False))
            if row["written"] != part.height:
                raise StoreError(
                    f"{part.height - row['written']:,} of {part.height:,} {name} name a node that does not exist",
                    where=store.address,
                    hint="stop other clients that write to this database, then run rbio-kg build again",
                )
            done += part.height
            progress(f"store: {name}, {(done - before) / (time.monotonic() - started):,.0f} a second", done / total)
    store.write("MATCH (b:Build) SET b.complete = true")


def _check_owned(store: GraphStore) -> bool:
    """Whether the store holds a graph of rbio-kg. Without a Build node, labels of the schema are another program's."""
    if store.query("MATCH (b:Build) RETURN b.id AS id", limit=1):
        return True
    for row in store.query(f"MATCH (n:{_LABELS}) RETURN labels(n)[0] AS label LIMIT 1"):
        raise StoreError(
            f"the database {store.database!r} holds {row['label']} nodes that rbio-kg did not load",
            where=store.address,
            hint="name an empty database",
        )
    return False


def _clear(store: GraphStore, progress: Progress) -> None:
    """Remove the old graph and its evidence: relationships first, in batches that fit the server's memory."""
    for pattern in (f"()-[x:{_TYPES}]->()", f"(x:{_LABELS})"):
        removed = BATCH_ROWS
        while removed == BATCH_ROWS:
            progress("store: removing the old graph", None)
            removed = store.write(f"MATCH {pattern} WITH x LIMIT $top DELETE x RETURN count(*) AS n", top=BATCH_ROWS)[
                0
            ]["n"]


def _node_statement(node: NodeType) -> str:
    return (
        f"UNWIND range(0, size(${node.key}) - 1) AS i CREATE (n:{node.label} {{{_assignments(node)}}}) "
        "RETURN count(*) AS written"
    )


def _edge_statement(edge: RelationshipType) -> str:
    start, end = NODES_BY_LABEL[edge.start], NODES_BY_LABEL[edge.end]
    return (
        f"UNWIND range(0, size($start) - 1) AS i MATCH (a:{start.label} {{{start.key}: $start[i]}}) "
        f"MATCH (b:{end.label} {{{end.key}: $end[i]}}) CREATE (a)-[:{edge.type} {{{_assignments(edge)}}}]->(b) "
        "RETURN count(*) AS written"
    )


def _assignments(item: NodeType | RelationshipType) -> str:
    return ", ".join(f"{part.name}: ${part.name}[i]" for part in item.properties)
