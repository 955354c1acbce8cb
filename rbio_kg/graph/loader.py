"""Fill a store from the tables of a build, so that a load that is cut short never looks whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from rbio_kg.errors import StoreError
from rbio_kg.graph.bulkload import bulk_load
from rbio_kg.graph.schema import (
    EVIDENCE_NODES,
    EVIDENCE_RELATIONSHIPS,
    NODES,
    NODES_BY_LABEL,
    RELATIONSHIPS,
    NodeType,
    RelationshipType,
)
from rbio_kg.graph.store import GraphStore
from rbio_kg.graph.tables import GraphTables

Progress = Callable[[str, float | None], None]

BATCH_ROWS = 20_000
_LABELS = "|".join(node.label for node in (*NODES, *EVIDENCE_NODES))
_TYPES = "|".join([*(item.type for item in RELATIONSHIPS), *EVIDENCE_RELATIONSHIPS])


@dataclass(frozen=True)
class LoadReport:
    """What a load did: `loaded` is False where the same graph was there already. Times in seconds."""

    build_id: str
    loaded: bool
    nodes: dict[str, int]
    relationships: dict[str, int]
    seconds: float
    message: str

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return asdict(self)


def load_store(
    store: GraphStore, tables: GraphTables, manifest: Mapping[str, Any], progress: Progress | None = None
) -> LoadReport:
    """Put the tables' graph into the store, in the place of the graph that rbio-kg put there before.

    Evidence of runs goes with the old graph: load it again afterwards. The graph that is there already, whole, is
    left alone. On a Neo4j, readers get a clear error from `GraphStore.check` until the load is whole; the embedded
    store keeps the old graph until the new one is put in its place.

    Args:
        store: opened to write.
        tables: all tables of the build.
        manifest: the build's manifest; its `build_id` names the graph.
        progress: told each step and the share done.

    Raises:
        StoreError: the store fails or refuses; relationships whose ends are missing; nodes of our labels in the
            database that rbio-kg did not put there.
    """
    tell = progress or (lambda message, share: None)
    started = time.monotonic()
    build_id = str(manifest["build_id"])
    if store.read_only:
        raise StoreError("the store was opened to read only", where=store.address)
    there = store.build_id() == build_id
    if there:
        tell(f"store: graph {build_id} is there already", 1.0)
    else:
        _check_ends(tables)
        if store.server is not None:
            with store.server.loading() as folder:
                store.server.replace_database(bulk_load(tables, build_id, folder, tell))
        else:
            _load_by_cypher(store, tables, build_id, tell)
        tell(f"store: graph {build_id} loaded", 1.0)
    return LoadReport(
        build_id=build_id,
        loaded=not there,
        nodes={item.label: tables[item.table].height for item in NODES},
        relationships={item.type: tables[item.table].height for item in RELATIONSHIPS},
        seconds=round(time.monotonic() - started, 3),
        message=f"graph {build_id} {'was there already' if there else 'loaded'}",
    )


def _check_ends(tables: GraphTables) -> None:
    for item in RELATIONSHIPS:
        for column, label in (("start", item.start), ("end", item.end)):
            node = NODES_BY_LABEL[label]
            missing = tables[item.table].join(
                tables[node.table], left_on=column, right_on=node.key, how="anti", maintain_order="left"
            )
            if missing.height:
                raise StoreError(
                    f"{missing.height} rows name a {label} that is not there, first {missing[column][0]!r}",
                    where=f"table {item.table}, column {column}",
                    hint="run rbio-kg build --fresh",
                )


def constrain(store: GraphStore, types: tuple[NodeType, ...]) -> None:
    """Make the key of each label unique (and so indexed), where it is not yet."""
    for node in types:
        store.write(
            f"CREATE CONSTRAINT {node.label.lower()}_{node.key} IF NOT EXISTS "
            f"FOR (n:{node.label}) REQUIRE n.{node.key} IS UNIQUE"
        )


def _load_by_cypher(store: GraphStore, tables: GraphTables, build_id: str, tell: Progress) -> None:
    ours = _check_owned(store)
    store.write("MERGE (b:Build) SET b.id = $id, b.complete = false", id=build_id)
    if ours:
        _clear(store, tell)
    constrain(store, (*NODES, *EVIDENCE_NODES))
    total = tables.rows or 1
    done, started = 0, time.monotonic()
    steps = [(item.label, item.table, _node_statement(item)) for item in NODES]
    steps += [(item.type, item.table, _edge_statement(item)) for item in RELATIONSHIPS]
    for name, table, statement in steps:
        for rows in _batches(tables[table], BATCH_ROWS):
            store.write(statement, rows=rows)
            done += len(rows)
            tell(f"store: {name}, {done / (time.monotonic() - started):,.0f} a second", done / total)
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
    return f"UNWIND $rows AS row CREATE (n:{node.label} {{{_assignments(node)}}})"


def _edge_statement(edge: RelationshipType) -> str:
    start, end = NODES_BY_LABEL[edge.start], NODES_BY_LABEL[edge.end]
    return (
        f"UNWIND $rows AS row MATCH (a:{start.label} {{{start.key}: row.start}}) "
        f"MATCH (b:{end.label} {{{end.key}: row.end}}) CREATE (a)-[:{edge.type} {{{_assignments(edge)}}}]->(b)"
    )


def _assignments(item: NodeType | RelationshipType) -> str:
    return ", ".join(f"{part.name}: row.{part.name}" for part in item.properties)


def _batches(frame: pl.DataFrame, size: int) -> Iterator[list[dict[str, Any]]]:
    for part in frame.iter_slices(size):
        yield part.to_dicts()
