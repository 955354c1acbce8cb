"""Bulk load for the embedded store: a child process with its own Java makes a new database folder from tables.

Run as `python -m rbio_kg.graph.loading.bulkload TABLES_DIR DATABASE_DIR BUILD_ID`; prints one JSON line per step, and
`{"done": true}` or `{"error": ...}` last. The caller renames the complete folder into place.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.errors import RbioKGError, StoreError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.schema.schema import EVIDENCE_NODES, EVIDENCE_RELATIONSHIPS, NODES, RELATIONSHIPS, Kind
from rbio_kg.graph.schema.tables import GraphTables, stored

HEAP = "2g"
_ROWS = 100_000
"""Rows in memory at a time."""
_TEXT_ROWS = 20_000
"""Rows per text that goes to Java, which holds all of them as objects."""
_BATCH = 100_000
"""Relationships that Java collects and sorts by node before it writes them. Fewer are slower."""
_LEAST_FREE_MB = 64
_SMALL = 1_000_000
"""With fewer rows Java does not run long enough to gain from its optimising compiler, which took half of the time."""
_TYPES: dict[Kind, str] = {"str": "STRING", "int": "LONG", "float": "DOUBLE", "bool": "BOOLEAN", "list": "LIST"}


def bulk_load(tables: GraphTables | Path, build_id: str, folder: Path, progress: Progress) -> Path:
    """Make a database in `folder/kg` and return its path.

    Args:
        tables: all tables of the build, or the folder that `GraphTables.write` filled with them.
        build_id: the graph's name.
        folder: an empty one, for the database and temporary files.
        progress: called with each step and the finished share.

    Raises:
        StoreError: the child process failed or was killed; its files are in `folder` only.
    """
    if not isinstance(tables, Path):
        try:
            tables.write(folder / "tables")
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _failure(str(error), folder) from error
        tables = folder / "tables"
    folder = folder.absolute()  # the child works there, since its database logs to where it stands
    target = folder / "kg"
    command = [sys.executable, "-m", "rbio_kg.graph.loading.bulkload", str(tables.absolute()), str(target), build_id]
    last: deque[str] = deque(maxlen=1)
    with (
        (folder / "bulkload.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as child,
    ):
        assert child.stdout is not None
        try:
            for line in child.stdout:
                if not line.startswith("{"):
                    continue  # what Java says
                step = json.loads(line)
                last.append(line)
                if "step" in step:
                    progress(step["step"], step["share"])
        except BaseException:
            child.kill()
            raise
    end = json.loads(last[0]) if last else {}
    if child.returncode != 0 or "done" not in end:
        reason = end.get("error") or f"its process ended with code {child.returncode}"
        raise _failure(reason, folder)
    return target


def _failure(reason: str, folder: Path) -> StoreError:
    free = shutil.disk_usage(folder).free / 2**20
    full = free < _LEAST_FREE_MB or "No space left" in reason
    return StoreError(
        f"the graph could not be loaded ({reason}); the graph that was there is unchanged",
        where=folder.parent,
        hint=f"free some disk space ({free:,.0f} MB are left)" if full else "run rbio-kg build again",
    )


def _slices(folder: Path, table: str) -> Iterator[pl.DataFrame]:
    """A table in slices, so that memory holds only one."""
    scan = pl.scan_parquet(folder / f"{table}.parquet")
    for start in range(0, _height(folder, table), _ROWS):
        yield stored(scan.slice(start, _ROWS).collect())


def _height(folder: Path, table: str) -> int:
    return int(pl.scan_parquet(folder / f"{table}.parquet").select(pl.len()).collect().item())


def _by_nulls(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows grouped by their null columns, without these columns: a null would be stored as a property."""
    mask = frame.select(
        pl.sum_horizontal(
            pl.lit(0, pl.Int64), *(pl.col(name).is_null().cast(pl.Int64) * 2**i for i, name in enumerate(frame.columns))
        ).alias("mask")
    )["mask"]
    for (pattern,), part in frame.with_columns(mask).partition_by("mask", as_dict=True, maintain_order=True).items():
        columns = [name for i, name in enumerate(frame.columns) if not int(pattern) >> i & 1]
        yield from part.select(columns).iter_slices(_TEXT_ROWS)


def _say(**values: object) -> None:
    print(json.dumps(values), flush=True)


def _make(folder: Path, build_id: str, target: Path) -> None:
    import arcadedb_embedded
    import jpype

    names = [*(node.table for node in NODES), *(edge.table for edge in RELATIONSHIPS)]
    total = sum(_height(folder, name) for name in names) or 1
    done = 0
    # One thread makes garbage: collecting it with several costs more processor time, and more memory.
    options = ["-XX:+UseSerialGC"]
    if total < _SMALL:
        options.append("-XX:TieredStopAtLevel=1")
    java = {"heap_size": HEAP, "jvm_args": " ".join(options)}
    with arcadedb_embedded.create_database(str(target), jvm_kwargs=java) as database:
        _make_schema(database.schema)
        vertices = jpype.JClass("com.arcadedb.python.VertexBatcher")
        edges = jpype.JClass("com.arcadedb.python.EdgeBatcher")
        positions: dict[str, pl.DataFrame] = {}
        with database.graph_batch(batch_size=_BATCH, expected_edge_count=total) as batch:
            inner = batch._java_graph_batch
            for node in NODES:
                found = [pl.DataFrame(schema={"key": pl.String(), "position": pl.String()})]
                for piece in _slices(folder, node.table):
                    _say(step=f"store: {node.label}", share=done / total)
                    for part in _by_nulls(piece):
                        created = str(vertices.createVerticesJson(inner, node.label, part.write_json()))
                        found.append(part.select(pl.col(node.key).alias("key"), position=pl.Series(created.split(";"))))
                    done += piece.height
                positions[node.label] = pl.concat(found)
            for edge in RELATIONSHIPS:
                starts = positions[edge.start].rename({"key": "start", "position": "_src"})
                ends = positions[edge.end].rename({"key": "end", "position": "_dst"})
                for piece in _slices(folder, edge.table):
                    _say(step=f"store: {edge.type}", share=done / total)
                    placed = (
                        piece.join(starts, on="start", maintain_order="left")
                        .join(ends, on="end", maintain_order="left")
                        .drop("start", "end")
                    )
                    if placed.height != piece.height:
                        raise StoreError(f"an end is missing of {piece.height - placed.height:,} {edge.type}")
                    for part in _by_nulls(placed):
                        edges.newEdgesJson(inner, edge.type, part.write_json())
                    done += piece.height
            _say(step="store: joining nodes and relationships", share=done / total)
        with database.transaction():
            database.command("opencypher", "CREATE (:Build {id: $id, complete: true})", {"id": build_id})


def _make_schema(schema: Any) -> None:
    for node in (*NODES, *EVIDENCE_NODES):
        schema.create_vertex_type(node.label)
        for item in node.properties:
            schema.create_property(node.label, item.name, _TYPES[item.kind])
        schema.create_index(node.label, [node.key], unique=True)
    schema.create_vertex_type("Build")
    for relationship in RELATIONSHIPS:
        schema.create_edge_type(relationship.type)
    for name in EVIDENCE_RELATIONSHIPS:
        schema.create_edge_type(name)


def _main(tables: Path, target: Path, build_id: str) -> int:
    if sys.platform == "linux":  # without its parent, no process would use the database
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    try:
        _make(tables, build_id, target)
    except RbioKGError as error:
        _say(error=str(error))
        return 1
    except Exception as error:  # Java's errors come as many classes; the caller makes one StoreError of them
        lines = str(error).strip().splitlines() or [""]
        _say(error=f"{type(error).__name__}: {lines[0]}")
        return 1
    _say(done=True)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    # Not sys.exit: after a failure Java may keep threads that would hold the process.
    os._exit(_main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
