"""Verbs about the graph: fetch, stats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_rows, show_table

SourcesOption = Annotated[
    Path | None, typer.Option("--sources", help="Folder laid out as the providers' download trees.")
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="embedded:PATH, bolt://HOST:PORT or neo4j://HOST:PORT.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""

    @command(app, "fetch")
    def fetch(
        session: Session,
        source: Annotated[list[str] | None, typer.Argument(help="Sources to download; all when none is named.")] = None,
        list_: Annotated[bool, typer.Option("--list", help="Show the files and where they come from.")] = False,
    ) -> None:
        """Download the providers' files, with progress, resume and checksums."""
        from rbio_kg.graph_builders.download.fetch import fetch_sources, list_files

        workspace = session.workspace()
        session.resume = "the parts that came are kept; run the same command again to go on"
        folder, names = workspace.paths.sources, source or None
        if list_:
            rows = [item.to_json() for item in list_files(folder, names)]
        else:
            rows = [item.to_json() for item in fetch_sources(folder, names, progress=session.progress)]
        session.emit({"files": rows}, lambda: show_rows(rows))

    @command(app, "stats")
    def stats(
        session: Session,
        digest: Annotated[
            bool, typer.Option("--digest", help="Also compare every property: reads the whole store.")
        ] = False,
        store: StoreOption = None,
    ) -> None:
        """Count what the store holds, next to the manifest's counts."""
        workspace = session.workspace(store=store)
        manifest = workspace.manifest
        counts = workspace.store.counts()
        nodes = {label: counts["nodes"].get(label, 0) for label in manifest.nodes}
        relationships = {kind: counts["relationships"].get(kind, 0) for kind in manifest.relationships}
        agrees = nodes == manifest.nodes and relationships == manifest.relationships
        document: dict[str, Any] = {
            "build_id": workspace.store.build_id(),
            "store": workspace.store_uri,
            "nodes": nodes,
            "relationships": relationships,
            "evidence": {label: counts["nodes"].get(label, 0) for label in ("Run", "Claim", "Verdict")},
            "manifest": {
                "build_id": manifest.build_id,
                "nodes": manifest.nodes,
                "relationships": manifest.relationships,
            },
            "agrees": agrees and workspace.store.build_id() == manifest.build_id,
        }
        digests: dict[str, str] = {}
        if digest:
            from rbio_kg.graph.loading.digest import store_digest, tables_digest

            digests["store"] = store_digest(workspace.store, session.progress)
            digests["tables"] = tables_digest(workspace.tables, session.progress)
            document["digest"] = digests
            document["agrees"] = document["agrees"] and digests["store"] == digests["tables"]

        def show() -> None:
            pairs = [(nodes, manifest.nodes), (relationships, manifest.relationships)]
            rows = [(name, count, said[name]) for found, said in pairs for name, count in found.items()]
            show_table(["label or type", "store", "manifest"], rows)
            if digests:
                show_table(["digest of", ""], list(digests.items()))
            verdict = "agrees" if document["agrees"] else "DIFFERS"
            print(f"store {document['store']}, build {document['build_id']}: {verdict}")

        session.emit(document, show)
