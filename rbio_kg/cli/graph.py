"""Commands about the graph: fetch, build, stats."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from rbio_kg.cli.export import show_export
from rbio_kg.cli.session import AcceptOption, MostOption, Session, command
from rbio_kg.cli.tables import show_rows, show_table
from rbio_kg.graph.identity.rules import MOST, NameRules
from rbio_kg.services.build import BuildResult, build_graph_and_files, build_graph_and_store, graph_stats

SourcesOption = Annotated[
    Path | None, typer.Option("--sources", help="Folder laid out as the providers' download trees.")
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="embedded:PATH, bolt://HOST:PORT or neo4j://HOST:PORT.")
]


SHOWN_FILES = 10
HOW = ("added", "removed", "changed")


def show_build(result: BuildResult) -> None:
    """The build's counts and seconds."""
    print(f"build {result.build_id} from {result.sources} in {result.store or 'files for neo4j-admin'}")
    show_table(["label or type", "count"], [*result.nodes.items(), *result.relationships.items()])
    seconds = ", ".join(f"{stage} {value:.1f} s" for stage, value in result.seconds.items())
    print(f"rejected rows: {result.rejected_rows:,} (reasons: manifest.json); {seconds}")
    if result.unclaimed_files:
        shown = ", ".join(result.unclaimed_files[:SHOWN_FILES])
        more = f" and {len(result.unclaimed_files) - SHOWN_FILES:,} more" * (len(result.unclaimed_files) > SHOWN_FILES)
        print(f"files that no source takes: {shown}{more}")
    reused = [name for name, value in asdict(result.reused).items() if value]
    if reused:
        print(f"reused as they were: {', '.join(reused)}")
    if result.readings_kept:
        print(f"not read again: {', '.join(result.readings_kept)}")
    if result.files is not None:
        show_export(result.build_id, result.files)
    if result.updated is not None:
        print(f"store updated by difference: {result.updated:,} elements")


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
        max_unrecognised: MostOption = MOST,
        accept_suggestions: AcceptOption = False,
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
        from rbio_kg.graph_builders.build.losses import remarks

        if neo4j_admin is not None and store is not None:
            raise typer.BadParameter("give --store or --neo4j-admin, not both")

        workspace = session.workspace(
            sources=sources,
            store=store,
            min_score=min_score,
            textmining=textmining,
            commercial_only=commercial_only,
        )
        rules = NameRules(accept_suggestions, max_unrecognised)
        old = None if diff is None else find_build(workspace.paths, diff)
        if neo4j_admin is None:
            result = build_graph_and_store(
                workspace, rules=rules, fresh=fresh, progress=session.progress, keep=session.keep
            )
        else:
            result = build_graph_and_files(
                workspace, neo4j_admin, rules=rules, fresh=fresh, progress=session.progress, keep=session.keep
            )
        document = result.to_json()
        if old is not None:
            document["diff"] = compare_builds(old, workspace.build_folder)

        def show() -> None:
            show_build(result)
            if old is not None:
                show_difference(document["diff"])

        session.remark(remarks(result.losses))
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
        found = graph_stats(workspace, digest=digest, progress=session.progress)

        def show() -> None:
            counted, said = found.counted, found.manifest
            rows: list[tuple[str, int, int | None]] = [
                *((name, count, said.nodes[name]) for name, count in counted.nodes.items()),
                *((name, count, said.relationships[name]) for name, count in counted.relationships.items()),
                *((f"evidence: {label}", count, None) for label, count in found.evidence.items()),
            ]
            show_table(["label or type", "store", "manifest"], rows)
            if found.digest is not None:
                show_table(["digest of", ""], list(asdict(found.digest).items()))
            if found.simulated:
                print(f"SIMULATED, not measured: {', '.join(found.simulated)}")
            print(f"store {found.store}, build {counted.build_id}: {'agrees' if found.agrees else 'DIFFERS'}")

        session.emit(found.to_json(), show)
