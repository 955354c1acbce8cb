"""Verbs about the graph: fetch, build, export, stats."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_rows, show_table

if TYPE_CHECKING:
    from graph_builders.manifest import Manifest

HOW = ("added", "removed", "changed")
SourcesOption = Annotated[
    Path | None, typer.Option("--sources", help="Folder laid out as the providers' download trees.")
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="embedded:PATH, bolt://HOST:PORT or neo4j://HOST:PORT.")
]


def build_graph_and_store(session: Session, *, fresh: bool = False, **flags: Any) -> dict[str, Any]:
    """Build tables and snapshot, load the store; the `build` command's document."""
    from graph_builders.build import build_graph, building, write_current
    from rbio_kg.graph.embedded import noted_build
    from rbio_kg.graph.loader import load_store

    workspace = session.workspace(**flags)
    sources = workspace.sources
    uri = workspace.store_uri
    session.resume = "the graph in use is as it was; run the same command again to build"
    with building(workspace.paths, session.progress):
        manifest = build_graph(
            workspace.paths, sources, **workspace.build_options, fresh=fresh, progress=session.progress
        )
        started = time.perf_counter()
        session.resume = "the tables are kept, the store is not loaded; run the same command again to load it"
        kind, _, place = uri.partition(":")
        there = kind == "embedded" and noted_build(Path(place)) == manifest.build_id
        changed = None
        if not there:
            with workspace.open_store(read_only=False) as store:
                loaded = load_store(
                    store, workspace.tables, manifest.to_json(), session.progress, builds=workspace.paths.builds
                )
            there, changed = not loaded.loaded, loaded.changed
        write_current(workspace.paths, manifest.build_id, sources, uri)  # so that later commands need no flag
    return {
        **built(manifest, sources),
        "store": uri,
        "seconds": {**manifest.seconds, "store": round(time.perf_counter() - started, 3)},
        "reused": {"tables": manifest.reused, "store": there},
        "updated": changed,
    }


def built(manifest: Manifest, sources: Path) -> dict[str, Any]:
    """What every kind of build says of its graph."""
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


def show_build(document: dict[str, Any]) -> None:
    """The build's counts and seconds."""
    print(f"build {document['build_id']} from {document['sources']} in {document['store']}")
    counts = [*document["nodes"].items(), *document["relationships"].items()]
    show_table(["label or type", "count"], counts)
    seconds = ", ".join(f"{stage} {value:.1f} s" for stage, value in document["seconds"].items())
    print(f"rejected rows: {document['rejected_rows']:,} (reasons: manifest.json); {seconds}")
    reused = [name for name, value in document["reused"].items() if value]
    if reused:
        print(f"reused as they were: {', '.join(reused)}")
    if document["readings_kept"]:
        print(f"not read again: {', '.join(document['readings_kept'])}")
    if document["updated"] is not None:
        print(f"store updated by difference: {document['updated']:,} elements")


def show_difference(document: dict[str, Any]) -> None:
    """What changed between two builds: counts, then the first of each kind."""
    print(f"\nfrom build {document['old']} to build {document['new']}")
    if not document["changes"]:
        print("the graphs are the same")
        return
    changes = document["changes"].items()
    show_table(["label or type", *HOW], [(name, *(found[how]["count"] for how in HOW)) for name, found in changes])
    for name, found in changes:
        for how in HOW:
            if found[how]["first"]:
                print(f"{name} {how}: {'; '.join(found[how]['first'])}{' ...' if found[how]['more'] else ''}")


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""

    @command(app, "fetch")
    def fetch(
        session: Session,
        source: Annotated[list[str] | None, typer.Argument(help="Sources to download; all when none is named.")] = None,
        list_: Annotated[bool, typer.Option("--list", help="Show the files and where they come from.")] = False,
    ) -> None:
        """Download the providers' files, with progress, resume and checksums."""
        from graph_builders.fetch import fetch_sources, list_files

        workspace = session.workspace()
        session.resume = "the parts that came are kept; run the same command again to go on"
        folder, names = workspace.paths.sources, source or None
        if list_:
            rows = [item.to_json() for item in list_files(folder, names)]
        else:
            rows = [item.to_json() for item in fetch_sources(folder, names, progress=session.progress)]
        session.emit({"files": rows}, lambda: show_rows(rows))

    @command(app, "build")
    def build(
        session: Session,
        sources: SourcesOption = None,
        store: StoreOption = None,
        min_score: Annotated[int | None, typer.Option("--min-score", help="Lowest STRING score, 0 to 1000.")] = None,
        textmining: Annotated[
            bool | None,
            typer.Option("--textmining/--no-textmining", help="STRING's combined score with or without text mining."),
        ] = None,
        commercial_only: Annotated[
            bool | None,
            typer.Option("--commercial-only/--any-licence", help="Leave out sources that forbid commercial use."),
        ] = None,
        fresh: Annotated[bool, typer.Option("--fresh", help="Build even if nothing has changed.")] = False,
        diff: Annotated[
            str | None, typer.Option("--diff", help="Then show what changed since OLD: a build's id or folder.")
        ] = None,
    ) -> None:
        """Build the graph: tables, snapshot and store."""
        from graph_builders.comparison import compare_builds, find_build

        flags = {"min_score": min_score, "textmining": textmining, "commercial_only": commercial_only}
        old = None if diff is None else find_build(session.workspace().paths, diff)
        document = build_graph_and_store(session, fresh=fresh, sources=sources, store=store, **flags)
        if old is not None:
            document["diff"] = compare_builds(old, session.workspace().build_folder)

        def show() -> None:
            show_build(document)
            if old is not None:
                show_difference(document["diff"])

        session.emit(document, show)

    @command(app, "export")
    def export(
        session: Session,
        neo4j_admin: Annotated[Path, typer.Option("--neo4j-admin", help="Folder for the import files.")],
    ) -> None:
        """Write the graph as files for neo4j-admin database import, with the command to use."""
        from rbio_kg.graph.admin_export import write_admin_files

        workspace = session.workspace()
        session.resume = "nothing was changed; run the same command again"
        written = write_admin_files(workspace.tables, workspace.build_id, neo4j_admin, session.progress)
        document = {
            "build_id": workspace.build_id,
            "files": [str(file) for file in written.files],
            "command": written.command,
        }

        def show() -> None:
            print(f"build {workspace.build_id}: {len(written.files)} files in {neo4j_admin}")
            print("with the Neo4j stopped, run (or import.sh there), then start it and run constraints.cypher:")
            print(written.command)

        session.emit(document, show)

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
            from rbio_kg.graph.digest import store_digest, tables_digest

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
