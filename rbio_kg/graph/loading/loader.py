"""Fill a store from the tables of a build, so that a load that is cut short never looks whole."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rbio_kg.core.errors import BuildError, StoreError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.loading.bulkload import bulk_load
from rbio_kg.graph.loading.cypher_load import constrain, load_by_cypher
from rbio_kg.graph.loading.difference import TableDifference, differences
from rbio_kg.graph.loading.kept_evidence import keep_evidence, restore_evidence
from rbio_kg.graph.loading.lease import LoadLease
from rbio_kg.graph.loading.update import update_store
from rbio_kg.graph.schema.schema import EVIDENCE_NODES, NODES, NODES_BY_LABEL, RELATIONSHIPS
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.store.store import BuildStamp, GraphStore

SMALL_SHARE = 0.2
"""Of a graph's elements: up to here writing what differs takes less time than loading all anew."""


@dataclass(frozen=True)
class LoadReport:
    """What a load did: `loaded` is False where the same graph was there already; `changed` is how many elements were
    written by difference, None where all or nothing was loaded. Times in seconds."""

    build_id: str
    loaded: bool
    changed: int | None
    nodes: dict[str, int]
    relationships: dict[str, int]
    seconds: float
    message: str

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return asdict(self)


def load_store(
    store: GraphStore,
    tables: GraphTables,
    manifest: Mapping[str, Any],
    progress: Progress | None = None,
    *,
    builds: Path | None = None,
) -> LoadReport:
    """Put the tables' graph into the store, in the place of the graph that rbio-kg put there before.

    The graph that is there already, whole, is left alone. Where the tables of the graph that is there are at hand and
    little differs, only what differs is written. Otherwise all is loaded anew, and the evidence of runs is kept and
    put back. On a Neo4j, and while a difference is written, readers get a clear error from `GraphStore.check` until
    the load is whole; a bulk load into the embedded store keeps the old graph until the new one is put in its place.

    Args:
        store: opened to write.
        tables: all tables of the build.
        manifest: the build's manifest; its `build_id` names the graph.
        progress: told each step and the share done.
        builds: the folder of the workspace's builds; the evidence of runs is kept beside it meanwhile. Without it
            nothing is written by difference, and a load that is killed loses the evidence.

    Raises:
        StoreError: the store fails or refuses; another process loads into it; relationships whose ends are missing;
            nodes of our labels in the database that rbio-kg did not put there.
    """
    tell = progress or (lambda message, share: None)
    started = time.monotonic()
    build_id = str(manifest["build_id"])
    if store.read_only:
        raise StoreError("the store was opened to read only", where=store.address)
    with _alone(store, build_id, tell) as tell:
        there = store.build_id() == build_id
        found = None if there else _difference(store.mark(), tables, build_id, builds)
        if there:
            tell(f"store: graph {build_id} is there already", 1.0)
            constrain(store, (*NODES, *EVIDENCE_NODES))
        elif found is not None:
            update_store(store, found.parts, build_id, found.base, tell)
        else:
            _check_ends(tables)
            with _evidence_kept(store, builds, tell):
                if store.server is not None:
                    written = None if builds is None else builds / build_id / "tables"
                    with store.server.loading() as folder:
                        store.server.replace_database(bulk_load(written or tables, build_id, folder, tell))
                else:
                    load_by_cypher(store, tables, build_id, tell)
        if not there:
            tell(f"store: graph {build_id} loaded", 1.0)
    return LoadReport(
        build_id=build_id,
        loaded=not there,
        changed=None if found is None else sum(item.rows for item in found.parts),
        nodes={item.label: tables[item.table].height for item in NODES},
        relationships={item.type: tables[item.table].height for item in RELATIONSHIPS},
        seconds=round(time.monotonic() - started, 3),
        message=f"graph {build_id} {'was there already' if there else 'loaded'}",
    )


@dataclass(frozen=True)
class _Difference:
    base: str
    parts: list[TableDifference]


def _difference(mark: BuildStamp | None, tables: GraphTables, build_id: str, builds: Path | None) -> _Difference | None:
    """What to change in the graph that is there; None where loading all anew is the way."""
    if mark is None or builds is None:
        return None
    base = mark.id if mark.complete else mark.base
    if base is None or not (mark.complete or mark.id == build_id):
        return None  # Part of a load, or of the way to a third graph.
    try:
        parts = list(differences(builds / base / "tables", builds / build_id / "tables"))
    except BuildError:
        return None  # The tables of the graph that is there are gone, or of another format.
    small = sum(item.rows for item in parts) <= SMALL_SHARE * tables.rows
    return _Difference(base, parts) if small or not mark.complete else None


@contextmanager
def _alone(store: GraphStore, build_id: str, tell: Progress) -> Iterator[Progress]:
    """Nobody else changes the store meanwhile."""
    if store.server is not None:
        with store.server.changing(build_id):
            yield tell
    else:
        with LoadLease(store) as lease:
            yield lease.renewed_by(tell)


@contextmanager
def _evidence_kept(store: GraphStore, builds: Path | None, tell: Progress) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        path = (Path(folder) if builds is None else builds.parent) / "kept-evidence.jsonl"
        if store.mark() is not None:
            keep_evidence(store, path)
        yield
        restore_evidence(store, path, tell)


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
