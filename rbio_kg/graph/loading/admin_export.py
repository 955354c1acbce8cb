"""The graph as files for `neo4j-admin database import full`: CSV, a header file and a data file per label and type.

The format is that of Neo4j's operations manual, https://neo4j.com/docs/operations-manual/current/import/: typed
headers, one id space per label (the key of a label is its id), and lists joined by the unit separator (U+001F). Every
text is quoted, so that an empty text differs from a missing value.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rbio_kg.core.atomic_io import atomic_folder, remove_leftovers
from rbio_kg.core.errors import StoreError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.schema.schema import (
    EVIDENCE_NODES,
    NODES,
    NODES_BY_LABEL,
    RELATIONSHIPS,
    Kind,
    NodeType,
    Property,
    RelationshipType,
)
from rbio_kg.graph.schema.tables import GraphTables, stored

MARK = "export.json"
"""What makes a folder an export of ours, which the next one may replace."""
CONSTRAINTS = "constraints.cypher"
SCRIPT = "import.sh"
_ROWS = 200_000
_SEPARATOR = "\x1f"
_KINDS: dict[Kind, str] = {"str": "string", "int": "long", "float": "double", "bool": "boolean", "list": "string[]"}


@dataclass(frozen=True)
class AdminExport:
    """Import files in their folder, sorted, and the shell command that imports them into the database `neo4j`."""

    files: tuple[Path, ...]
    command: str


def write_admin_files(
    tables: GraphTables, build_id: str, folder: Path, progress: Progress | None = None
) -> AdminExport:
    """Write a build's graph for Neo4j's offline import. The same tables give the same bytes.

    The folder also gets `constraints.cypher`, to be run once on the imported database, and `import.sh`, which imports
    the files from any place. The folder appears when it is complete and replaces an earlier export.

    Args:
        tables: all tables of the build.
        build_id: names the graph; the import leaves the same mark in the database as a load does.
        folder: a new or empty one, or an earlier export.
        progress: called with each file and the finished share.

    Raises:
        StoreError: the folder holds something else, cannot be written, or its path has a comma or a line end, which
            the command cannot name; a text cannot be part of a list (see `_joined`).
    """
    report = progress or silent
    folder = folder.expanduser().absolute()
    if set(",\r\n") & set(str(folder)):
        raise StoreError("neo4j-admin cannot name files of a folder whose path has a comma or a line end", where=folder)
    try:
        with _exporting(folder), atomic_folder(folder) as partial:
            options = _write_tables(tables, build_id, partial, report)
            (partial / CONSTRAINTS).write_text(constraints(), encoding="utf-8")
            (partial / SCRIPT).write_text(_script(options), encoding="utf-8")
            mark = json.dumps({"build_id": build_id, "kind": "neo4j-admin"})
            (partial / MARK).write_text(mark + "\n", encoding="utf-8")
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(
            f"the import files cannot be written ({reason})",
            where=folder,
            hint="free disk space or name another folder, then run it again; the earlier export is unchanged",
        ) from error
    report(f"export: graph {build_id} is complete", 1.0)
    command = ["neo4j-admin", "database", "import", "full", "neo4j", *_arguments(options, folder)]
    return AdminExport(tuple(sorted(folder.iterdir())), shlex.join(command))


def constraints() -> str:
    """Cypher that makes the key of each label unique, and so indexed: one statement a line."""
    return "".join(
        f"CREATE CONSTRAINT {node.label.lower()}_{node.key} IF NOT EXISTS "
        f"FOR (n:{node.label}) REQUIRE n.{node.key} IS UNIQUE;\n"
        for node in (*NODES, *EVIDENCE_NODES)
    )


@dataclass(frozen=True)
class _Options:
    nodes: list[str]
    relationships: list[str]
    multiline: bool


def _arguments(options: _Options, folder: Path | None = None) -> list[str]:
    """The import's options; file names stand alone, or after the folder's."""

    def files(group: str, name: str) -> str:
        pair = (f"{group}-{name}.header.csv", f"{group}-{name}.csv")
        return ",".join(str(folder / item) if folder else item for item in pair)

    arguments = [f"--nodes={name}={files('nodes', name)}" for name in options.nodes]
    arguments += [f"--relationships={name}={files('relationships', name)}" for name in options.relationships]
    # Named by its code: a control character would not survive being copied from a terminal.
    arguments.append(f"--array-delimiter=U+{ord(_SEPARATOR):04X}")
    if options.multiline:  # Only then: it makes the import slower.
        arguments.append("--multiline-fields=true")
    return arguments


def _script(options: _Options) -> str:
    arguments = " \\\n  ".join(shlex.quote(item) for item in _arguments(options))
    return (
        "#!/bin/sh\n"
        "# sh import.sh [DATABASE]: import these files into an empty database (neo4j) of a Neo4j that is stopped.\n"
        "# NEO4J_ADMIN is the program where neo4j-admin is not on the PATH.\n"
        "set -eu\n"
        'cd "$(dirname "$0")"\n'
        f'exec ${{NEO4J_ADMIN:-neo4j-admin}} database import full "${{1:-neo4j}}" \\\n  {arguments}\n'
    )


def _write_tables(tables: GraphTables, build_id: str, folder: Path, report: Progress) -> _Options:
    total = tables.rows or 1
    done = 0
    multiline = False
    for item in sorted(NODES, key=lambda node: node.label):
        report(f"export: {item.label}", done / total)
        headers = [_node_header(item, part) for part in item.properties]
        multiline |= _write(folder, f"nodes-{item.label}", headers, tables[item.table], item.table)
        done += tables[item.table].height
    mark = pl.DataFrame({"id": [build_id], "complete": [True]})
    _write(folder, "nodes-Build", ["id:ID(Build)", "complete:boolean"], mark, "Build")
    for edge in sorted(RELATIONSHIPS, key=lambda edge: edge.type):
        report(f"export: {edge.type}", done / total)
        multiline |= _write(folder, f"relationships-{edge.type}", _edge_headers(edge), tables[edge.table], edge.table)
        done += tables[edge.table].height
    return _Options(
        sorted([*(node.label for node in NODES), "Build"]), sorted(edge.type for edge in RELATIONSHIPS), multiline
    )


def _node_header(node: NodeType, part: Property) -> str:
    return f"{part.name}:ID({node.label})" if part.name == node.key else f"{part.name}:{_KINDS[part.kind]}"


def _edge_headers(edge: RelationshipType) -> list[str]:
    ends = [f":START_ID({NODES_BY_LABEL[edge.start].label})", f":END_ID({NODES_BY_LABEL[edge.end].label})"]
    return [*ends, *(f"{part.name}:{_KINDS[part.kind]}" for part in edge.properties)]


def _write(folder: Path, name: str, headers: list[str], frame: pl.DataFrame, table: str) -> bool:
    """Write both files of a table; whether one of its texts has a line end."""
    (folder / f"{name}.header.csv").write_text(",".join(headers) + "\n", encoding="utf-8")
    texts = [column for column, kind in frame.schema.items() if kind in (pl.String, pl.List(pl.String))]
    multiline = False
    with (folder / f"{name}.csv").open("wb") as stream:
        for part in frame.iter_slices(_ROWS):
            part = _joined(stored(part), table)
            multiline = multiline or part.select(pl.any_horizontal(pl.col(texts).str.contains("[\r\n]").any())).item()
            part.write_csv(stream, include_header=False, quote_style="non_numeric")
    return bool(multiline)


def _joined(part: pl.DataFrame, table: str) -> pl.DataFrame:
    """The part with its lists as text.

    Raises:
        StoreError: a text in a list has the separator, or is empty and alone, which reads back as no list.
    """
    lists = [name for name, kind in part.schema.items() if isinstance(kind, pl.List)]
    for name in lists:
        bad = part[name].filter(
            part[name].list.eval(pl.element().str.contains(_SEPARATOR, literal=True)).list.any()
            | ((part[name].list.len() == 1) & (part[name].list.first() == ""))
        )
        if bad.len():
            raise StoreError(
                f"the list {bad[0].to_list()!r} cannot be written for neo4j-admin: a text in it has the character "
                "U+001F, or is empty and alone",
                where=f"table {table}, column {name}",
                hint="load a running Neo4j with rbio-kg build --store instead",
            )
    return part.with_columns(pl.col(name).list.join(_SEPARATOR) for name in lists)


@contextmanager
def _exporting(folder: Path) -> Iterator[None]:
    """A lock on writing the export; the leftovers of killed exports are removed.

    Raises:
        StoreError: the target is not an export, or another process writes it.
    """
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(
            "this is neither empty nor an export of rbio-kg",
            where=folder,
            hint="name a new or an empty folder",
        )
    locked = folder.with_name(f".{folder.name}.lock")
    locked.mkdir(parents=True, exist_ok=True)
    lock = os.open(locked, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StoreError("another process writes this export", where=folder, hint="wait until it is done") from None
    try:
        remove_leftovers(folder.parent, folder.name)
        yield
    finally:
        shutil.rmtree(locked, ignore_errors=True)
        os.close(lock)
