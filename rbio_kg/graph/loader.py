"""Fill a store from the tables of a build, so that a load that is cut short never looks whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rbio_kg.errors import StoreError
from rbio_kg.graph.bulkload import bulk_load
from rbio_kg.graph.cypher_load import load_by_cypher
from rbio_kg.graph.schema import NODES, NODES_BY_LABEL, RELATIONSHIPS
from rbio_kg.graph.store import GraphStore
from rbio_kg.graph.tables import GraphTables

Progress = Callable[[str, float | None], None]


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
            load_by_cypher(store, tables, build_id, tell)
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
