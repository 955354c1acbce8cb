"""The verb `build`: tables, snapshot, and a store or files for one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.export import export_files, show_export
from rbio_kg.cli.graph import SourcesOption, StoreOption
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table

if TYPE_CHECKING:
    from rbio_kg.graph_builders.build.manifest import Manifest

HOW = ("added", "removed", "changed")


def build_graph_and_store(session: Session, *, fresh: bool = False, **flags: Any) -> dict[str, Any]:
    """Build tables and snapshot, load the store; the `build` command's document."""
    from rbio_kg.graph.loading.loader import load_store
    from rbio_kg.graph.store.embedded import noted_build
    from rbio_kg.graph_builders.build.build import build_graph, building, write_current

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


def build_graph_and_files(session: Session, folder: Path, *, fresh: bool = False, **flags: Any) -> dict[str, Any]:
    """Build tables and snapshot, and write files for `neo4j-admin database import`; the `build` command's document."""
    from rbio_kg.graph_builders.build.build import build_graph, building

    workspace = session.workspace(**flags)
    sources = workspace.sources
    session.resume = "the graph in use is as it was; run the same command again to build"
    with building(workspace.paths, session.progress):
        options = {**workspace.build_options, "fresh": fresh, "progress": session.progress}
        manifest = build_graph(workspace.paths, sources, **options)
        session.resume = "the tables are kept, the files are not written; run the same command again"
        started = time.perf_counter()
        written = export_files(session, workspace, folder)
    return {
        **built(manifest, sources),
        **written,
        "store": None,
        "seconds": {**manifest.seconds, "store": round(time.perf_counter() - started, 3)},
        "reused": {"tables": manifest.reused, "store": False},
        "updated": None,
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
    place = document["store"] or "files for neo4j-admin"
    print(f"build {document['build_id']} from {document['sources']} in {place}")
    counts = [*document["nodes"].items(), *document["relationships"].items()]
    show_table(["label or type", "count"], counts)
    seconds = ", ".join(f"{stage} {value:.1f} s" for stage, value in document["seconds"].items())
    print(f"rejected rows: {document['rejected_rows']:,} (reasons: manifest.json); {seconds}")
    reused = [name for name, value in document["reused"].items() if value]
    if reused:
        print(f"reused as they were: {', '.join(reused)}")
    if document["readings_kept"]:
        print(f"not read again: {', '.join(document['readings_kept'])}")
    if document["store"] is None:
        show_export(document)
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
    """Add the verb to the application."""

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
        neo4j_admin: Annotated[
            Path | None,
            typer.Option("--neo4j-admin", help="Write import files into this folder instead of loading a store."),
        ] = None,
    ) -> None:
        """Build the graph: tables, snapshot and store."""
        from rbio_kg.graph_builders.build.comparison import compare_builds, find_build

        if neo4j_admin is not None and store is not None:
            raise typer.BadParameter("give --store or --neo4j-admin, not both")

        flags: dict[str, Any] = {"min_score": min_score, "textmining": textmining, "commercial_only": commercial_only}
        old = None if diff is None else find_build(session.workspace().paths, diff)
        flags |= {"sources": sources, "store": store}
        if neo4j_admin is None:
            document = build_graph_and_store(session, fresh=fresh, **flags)
        else:
            document = build_graph_and_files(session, neo4j_admin, fresh=fresh, **flags)
        if old is not None:
            document["diff"] = compare_builds(old, session.workspace().build_folder)

        def show() -> None:
            show_build(document)
            if old is not None:
                show_difference(document["diff"])

        session.emit(document, show)
