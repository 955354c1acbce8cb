"""Counts of what the store holds, next to those of the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rbio_kg.core.progress import Progress, silent

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase

EVIDENCE_LABELS = ("Run", "Claim", "Verdict")
"""Labels of the nodes that `evidence load` writes; they belong to no build."""


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
