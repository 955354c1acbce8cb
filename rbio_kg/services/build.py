"""The graph of a workspace: build it, load or export it, count what the store holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.progress import Progress, silent

if TYPE_CHECKING:
    from rbio_kg.graph_builders.build.manifest import Manifest
    from rbio_kg.services.base import WorkspaceBase


EVIDENCE_LABELS = ("Run", "Claim", "Verdict")
"""Labels of the nodes that `evidence load` writes; they belong to no build."""


def _ignore(text: str) -> None:
    """The default of `keep`."""


def build_graph_and_store(
    workspace: WorkspaceBase,
    *,
    sources: Path | None = None,
    fresh: bool = False,
    progress: Progress = silent,
    keep: Callable[[str], None] = _ignore,
) -> dict[str, Any]:
    """Build tables and snapshot, and load the store. The workspace uses the new build afterwards.

    Args:
        workspace: its settings say where the sources and the store are.
        sources: another sources folder than the workspace's.
        fresh: build even if nothing has changed.
        progress: called with a message and the finished share.
        keep: called with what an interruption from now on leaves, and how to go on.

    Returns:
        The document of the command `build`.

    Raises:
        BuildError, SourceError: there are no sources, or they cannot be read.
        StoreError: the store cannot be opened or loaded.
    """
    from rbio_kg.graph.loading.loader import load_store
    from rbio_kg.graph.store.embedded import noted_build
    from rbio_kg.graph_builders.build.build import build_graph, building, write_current

    chosen = workspace.sources if sources is None else sources
    uri = workspace.store_uri
    workspace.close()
    keep("the graph in use is as it was; run the same command again to build")
    with building(workspace.paths, progress):
        manifest = build_graph(workspace.paths, chosen, **workspace.build_options, fresh=fresh, progress=progress)
        started = time.perf_counter()
        keep("the tables are kept, the store is not loaded; run the same command again to load it")
        kind, _, place = uri.partition(":")
        there = kind == "embedded" and noted_build(Path(place)) == manifest.build_id
        changed = None
        if not there:
            with workspace.open_store(read_only=False) as store:
                loaded = load_store(
                    store, workspace.tables, manifest.to_json(), progress, builds=workspace.paths.builds
                )
            there, changed = not loaded.loaded, loaded.changed
        write_current(workspace.paths, manifest.build_id, chosen, uri)  # so that later commands need no flag
    return {
        **_built(manifest, chosen),
        "store": uri,
        "seconds": {**manifest.seconds, "store": round(time.perf_counter() - started, 3)},
        "reused": {"tables": manifest.reused, "store": there},
        "updated": changed,
    }


def build_graph_and_files(
    workspace: WorkspaceBase,
    folder: Path,
    *,
    fresh: bool = False,
    progress: Progress = silent,
    keep: Callable[[str], None] = _ignore,
) -> dict[str, Any]:
    """Build tables and snapshot, and write files for `neo4j-admin database import`; arguments as above.

    Returns:
        The document of the command `build`, with `files` and `command`.
    """
    from rbio_kg.graph_builders.build.build import build_graph, building

    sources = workspace.sources
    workspace.close()
    keep("the graph in use is as it was; run the same command again to build")
    with building(workspace.paths, progress):
        manifest = build_graph(workspace.paths, sources, **workspace.build_options, fresh=fresh, progress=progress)
        keep("the tables are kept, the files are not written; run the same command again")
        started = time.perf_counter()
        written = export_files(workspace, folder, progress)
    return {
        **_built(manifest, sources),
        **written,
        "store": None,
        "seconds": {**manifest.seconds, "store": round(time.perf_counter() - started, 3)},
        "reused": {"tables": manifest.reused, "store": False},
        "updated": None,
    }


def export_files(workspace: WorkspaceBase, folder: Path, progress: Progress = silent) -> dict[str, Any]:
    """Write files for `neo4j-admin database import`: `files`, and the `command` to use."""
    from rbio_kg.graph.loading.admin_export import write_admin_files

    written = write_admin_files(workspace.tables, workspace.build_id, folder, progress)
    return {"files": [str(file) for file in written.files], "command": written.command}


def _built(manifest: Manifest, sources: Path) -> dict[str, Any]:
    return {
        "build_id": manifest.build_id,
        "sources": str(sources),
        "nodes": manifest.nodes,
        "relationships": manifest.relationships,
        "rejected_rows": manifest.rejected_rows,
        "readings_kept": manifest.kept,
        "seconds": manifest.seconds,
        "simulated": manifest.simulated,
    }


def graph_stats(workspace: WorkspaceBase, *, digest: bool = False, progress: Progress = silent) -> dict[str, Any]:
    """Count what the store holds.

    Args:
        workspace: its store and its manifest.
        digest: also compare every property, which reads the complete store.
        progress: called with a message and the finished share.

    Returns:
        The document of the command `stats`: `build_id`, `store`, `nodes`, `relationships`, `evidence` {label: count},
        `manifest`, `agrees`, and `digest` if wanted.

    Raises:
        BuildError: there is no graph.
        StoreError: the store cannot be opened, or its graph is incomplete.
    """
    from rbio_kg.graph.loading.digest import store_digest, tables_digest

    manifest, store = workspace.manifest, workspace.store
    counts = store.counts()
    nodes = {label: counts["nodes"].get(label, 0) for label in manifest.nodes}
    relationships = {kind: counts["relationships"].get(kind, 0) for kind in manifest.relationships}
    build_id = store.build_id()
    agrees = nodes == manifest.nodes and relationships == manifest.relationships and build_id == manifest.build_id
    document: dict[str, Any] = {
        "build_id": build_id,
        "store": workspace.store_uri,
        "nodes": nodes,
        "relationships": relationships,
        "evidence": {
            label: store.query(f"MATCH (n:{label}) RETURN count(n) AS total")[0]["total"] for label in EVIDENCE_LABELS
        },
        "manifest": {
            "build_id": manifest.build_id,
            "nodes": manifest.nodes,
            "relationships": manifest.relationships,
        },
        "agrees": agrees,
    }
    if digest:
        digests = {"store": store_digest(store, progress), "tables": tables_digest(workspace.tables, progress)}
        document |= {"digest": digests, "agrees": agrees and digests["store"] == digests["tables"]}
    return document
