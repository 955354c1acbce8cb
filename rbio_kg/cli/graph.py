"""Commands about the graph: fetch, stats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_rows, show_table
from rbio_kg.services.stats import graph_stats

SourcesOption = Annotated[
    Path | None, typer.Option("--sources", help="Folder laid out as the providers' download trees.")
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="embedded:PATH, bolt://HOST:PORT or neo4j://HOST:PORT.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""

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
        document = graph_stats(workspace, digest=digest, progress=session.progress)
        said = document["manifest"]

        def show() -> None:
            rows = [
                (name, count, said[kind][name])
                for kind in ("nodes", "relationships")
                for name, count in document[kind].items()
            ]
            rows += [(f"evidence: {label}", count, None) for label, count in document["evidence"].items()]
            show_table(["label or type", "store", "manifest"], rows)
            if digest:
                show_table(["digest of", ""], list(document["digest"].items()))
            verdict = "agrees" if document["agrees"] else "DIFFERS"
            print(f"store {document['store']}, build {document['build_id']}: {verdict}")

        session.emit(document, show)
