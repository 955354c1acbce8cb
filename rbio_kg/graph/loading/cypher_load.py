"""Fill a Neo4j that runs: constraints first, then rows in batches, each a transaction of its own."""

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
    """Make the key of each label unique (and so indexed), where it is not yet."""
    for node in types:
        store.write(
            f"CREATE CONSTRAINT {node.label.lower()}_{node.key} IF NOT EXISTS "
            f"FOR (n:{node.label}) REQUIRE n.{node.key} IS UNIQUE"
        )


def load_by_cypher(store: GraphStore, tables: GraphTables, build_id: str, tell: Progress) -> None:
    """Fill an open store statement by statement, in the place of the graph that rbio-kg put there before.

    A batch is one transaction. A passing fault rolls it back before the driver repeats it; where the connection is
    lost while it commits, whether it was written is not known, and the driver gives up rather than write it twice.
    There is one writer: relationships lock both their nodes, so two writers would wait for each other crosswise.

    Raises:
        StoreError: the store fails; it holds nodes of our labels that rbio-kg did not put there; someone else
            removes nodes meanwhile.
    """
    ours = _check_owned(store)
    store.write("MERGE (b:Build) SET b.id = $id, b.complete = false REMOVE b.base", id=build_id)
    if ours:
        _clear(store, tell)
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
                    f"{part.height - row['written']:,} of {part.height:,} {name} found no node to hang on",
                    where=store.address,
                    hint="let nobody else write to this database, and run rbio-kg build again",
                )
            done += part.height
            tell(f"store: {name}, {(done - before) / (time.monotonic() - started):,.0f} a second", done / total)
    store.write("MATCH (b:Build) SET b.complete = true")


def _check_owned(store: GraphStore) -> bool:
    """Whether a graph of ours is there. One that holds our labels but no mark of ours belongs to someone else."""
    if store.query("MATCH (b:Build) RETURN b.id AS id", limit=1):
        return True
    for row in store.query(f"MATCH (n:{_LABELS}) RETURN labels(n)[0] AS label LIMIT 1"):
        raise StoreError(
            f"the database {store.database!r} holds {row['label']} nodes that rbio-kg did not put there",
            where=store.address,
            hint="name an empty database",
        )
    return False


def _clear(store: GraphStore, tell: Progress) -> None:
    """Remove the old graph and its evidence: relationships first, in batches that fit the server's memory."""
    for pattern in (f"()-[x:{_TYPES}]->()", f"(x:{_LABELS})"):
        removed = BATCH_ROWS
        while removed == BATCH_ROWS:
            tell("store: removing the old graph", None)
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
