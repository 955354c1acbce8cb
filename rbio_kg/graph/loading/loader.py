"""Fills a store from the tables of a build. An interrupted load never looks complete."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rbio_kg.core.errors import BuildError, StoreError
from rbio_kg.core.progress import Progress, silent
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
"""The share of a graph's elements up to which writing the difference is faster than a complete load."""


@dataclass(frozen=True)
class LoadReport:
    """The result of a load.

    Args:
        build_id: the graph in the store.
        loaded: False if the store held this graph already.
        changed: the number of elements written by difference; None for a complete load, or none.
        nodes: label -> count.
        relationships: type -> count.
        seconds: duration.
        message: the result in one line.
    """

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
    """Put the tables' graph into the store, replacing the graph that rbio-kg loaded before.

    - If the store holds this graph already, nothing is written.
    - If the tables of the store's graph are available and at most `SMALL_SHARE` of it differs, only the difference is
      written.
    - Otherwise everything is loaded, and the evidence of runs is saved before and restored after.

    On a Neo4j, and while a difference is written, `GraphStore.check` raises an error until the load is complete. A bulk
    load into the embedded store keeps the old graph until the new one replaces it.

    Args:
        store: opened to write.
        tables: all tables of the build.
        manifest: the build's manifest; its `build_id` names the graph.
        progress: called with each step and the finished share.
        builds: the folder of the workspace's builds. The evidence of runs is saved in its parent folder meanwhile.
            Without it nothing is written by difference, and a killed load loses the evidence.

    Raises:
        StoreError: the store fails; it is read-only; another process loads into it; a relationship's end is missing; or
            the database holds nodes with labels of the schema that rbio-kg did not load.
    """
    report = progress or silent
    started = time.monotonic()
    build_id = str(manifest["build_id"])
    if store.read_only:
        raise StoreError("the store was opened to read only", where=store.address)
    with _exclusive(store, build_id, report) as report:
        there = store.build_id() == build_id
        found = None if there else _difference(store.mark(), tables, build_id, builds)
        if there:
            report(f"store: graph {build_id} is there already", 1.0)
            constrain(store, (*NODES, *EVIDENCE_NODES))
        elif found is not None:
            update_store(store, found.parts, build_id, found.base, report)
        else:
            _check_ends(tables)
            with _evidence_kept(store, builds, report):
                if store.server is not None:
                    written = None if builds is None else builds / build_id / "tables"
                    with store.server.loading() as folder:
                        store.server.replace_database(bulk_load(written or tables, build_id, folder, report))
                else:
                    load_by_cypher(store, tables, build_id, report)
        if not there:
            report(f"store: graph {build_id} loaded", 1.0)
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
    """The difference to apply to the store's graph; None if a complete load is needed."""
    if mark is None or builds is None:
        return None
    base = mark.id if mark.complete else mark.base
    if base is None or not (mark.complete or mark.id == build_id):
        return None  # An interrupted load, or an interrupted update to a third graph.
    try:
        parts = list(differences(builds / base / "tables", builds / build_id / "tables"))
    except BuildError:
        return None  # The tables of the store's graph are gone, or have another format.
    small = sum(item.rows for item in parts) <= SMALL_SHARE * tables.rows
    return _Difference(base, parts) if small or not mark.complete else None


@contextmanager
def _exclusive(store: GraphStore, build_id: str, progress: Progress) -> Iterator[Progress]:
    """Hold the store's lock on changes; the given `Progress` also renews it where it expires."""
    if store.server is not None:
        with store.server.changing(build_id):
            yield progress
    else:
        with LoadLease(store) as lease:
            yield lease.renewed_by(progress)


@contextmanager
def _evidence_kept(store: GraphStore, builds: Path | None, report: Progress) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        path = (Path(folder) if builds is None else builds.parent) / "kept-evidence.jsonl"
        if store.mark() is not None:
            keep_evidence(store, path)
        yield
        restore_evidence(store, path, report)


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
