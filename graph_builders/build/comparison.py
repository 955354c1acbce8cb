"""The difference between two builds as text: terms, annotations and interactions added, removed and changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.errors import BuildError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.loading.difference import TableDifference, differences
from rbio_kg.graph.schema.schema import NodeType
from rbio_kg.graph_builders.build.manifest import load_manifest

SHOWN = 5
"""The number of elements of each kind that are named."""


def find_build(paths: WorkspacePaths, name: str) -> Path:
    """The folder of a finished build.

    Args:
        paths: the workspace.
        name: a build's id or the beginning of one in this workspace, a build's folder, or another workspace (whose
            build in use is meant).

    Raises:
        BuildError: no build or several fit.
    """
    folder = Path(name)
    if (folder / "manifest.json").is_file():
        return folder
    if (folder / "graph" / "current.json").is_file():
        from rbio_kg.graph_builders.build.manifest import read_current

        other = WorkspacePaths(folder)
        return other.build(read_current(other).build_id)
    known = sorted(item.parent.name for item in paths.builds.glob("[!.]*/manifest.json"))
    fitting = [item for item in known if item.startswith(name)] if name else []
    if len(fitting) == 1:
        return paths.build(fitting[0])
    raise BuildError(
        f"{'several builds begin with' if fitting else 'there is no build'} {name!r}",
        where=paths.builds,
        hint=f"known: {', '.join(fitting or known) or 'none'}; or give a build's folder or another workspace",
    )


def compare_builds(old: Path, new: Path) -> dict[str, Any]:
    """The difference of two builds as plain JSON values.

    Returns:
        `old`, `new`: their ids. `sources`: name -> `old` and `new` version, date and sha256 where these differ.
        `changes`: label or type -> `added`, `removed`, `changed`, each with its `count`, the `first` five as text,
        and whether there are `more`. Labels and types without a difference are not listed.

    Raises:
        BuildError: a build's manifest or tables cannot be read, or are of another format.
    """
    before, after = (load_manifest(folder / "manifest.json") for folder in (old, new))
    sources = {}
    for name in sorted({source.name for manifest in (before, after) for source in manifest.sources}):
        records = [manifest.source(name) for manifest in (before, after)]
        versions = [
            None if record is None else {"version": record.version, "date": record.date, "sha256": record.sha256}
            for record in records
        ]
        if versions[0] != versions[1]:
            sources[name] = {"old": versions[0], "new": versions[1]}
    return {
        "old": before.build_id,
        "new": after.build_id,
        "sources": sources,
        "changes": {found.name: _described(found) for found in differences(old / "tables", new / "tables")},
    }


def _described(found: TableDifference) -> dict[str, Any]:
    parts = {"added": found.added, "removed": found.removed, "changed": found.changed}
    return {
        how: {
            "count": frame.height,
            "first": _names(found, frame.head(SHOWN), found.before if how == "changed" else None),
            "more": frame.height > SHOWN,
        }
        for how, frame in parts.items()
    }


def _names(found: TableDifference, frame: pl.DataFrame, before: pl.DataFrame | None) -> list[str]:
    """Each element by its key; a changed one with the properties that differ."""
    lines = []
    for number, row in enumerate(frame.iter_rows(named=True)):
        if isinstance(found.kind, NodeType):
            text = str(row[found.kind.key])
            if row.get("name") and found.kind.key != "name":
                text += f" ({row['name']})"
        else:
            own = [str(row[name]) for name in found.kind.unique_by]
            text = f"{row['start']} - {row['end']}" + (f" ({', '.join(own)})" if own else "")
        if before is not None:
            was = before.row(number, named=True)
            moved = [f"{name} {was[name]} -> {row[name]}" for name in row if _value(was[name]) != _value(row[name])]
            text += f": {', '.join(moved)}"
        lines.append(text)
    return lines


def _value(value: Any) -> Any:
    return None if value == [] else value
