"""Commands that write the graph, a part of it, or a trained policy into other programs' files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbio_kg.cli.session import Session, UnfinishedOption, command
from rbio_kg.cli.tables import show_table
from rbio_kg.services.build import ImportFiles, export_files

if TYPE_CHECKING:
    from rbio_kg.graph.views.view import Selection


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""

    @command(app, "export")
    def export(
        session: Session,
        neo4j_admin: Annotated[Path | None, typer.Option("--neo4j-admin", help="Folder for the import files.")] = None,
        graphml: Annotated[Path | None, typer.Option("--graphml", help="File for Gephi, Cytoscape and others.")] = None,
        genes: Annotated[str | None, typer.Option("--genes", help="GraphML: only near these, as in TP53,MDM2.")] = None,
        radius: Annotated[int, typer.Option("--radius", min=0, help="GraphML: steps from the genes.")] = 1,
        relation: Annotated[
            list[str] | None, typer.Option("--relation", help="GraphML: a type of the schema; repeat for more.")
        ] = None,
        min_score: Annotated[
            int | None, typer.Option("--min-score", min=0, max=1000, help="GraphML: lowest STRING score.")
        ] = None,
        ancestors: Annotated[bool, typer.Option("--ancestors", help="GraphML: with the GO terms' ancestors.")] = False,
    ) -> None:
        """Write the graph as files for neo4j-admin database import, or any part of it as GraphML."""
        if (neo4j_admin is None) == (graphml is None):
            raise typer.BadParameter("give either --neo4j-admin DIR or --graphml FILE")
        session.resume = "nothing was changed; run the same command again"
        if neo4j_admin is not None:
            if genes or relation or min_score is not None or ancestors:
                raise typer.BadParameter("a database is written whole: parts are for --graphml")
            workspace = session.workspace()
            build_id, written = workspace.build_id, export_files(workspace, neo4j_admin, session.progress)
            session.emit({"build_id": build_id, **written.to_json()}, lambda: show_export(build_id, written))
        if graphml is not None:
            named = None if genes is None else [name.strip() for name in genes.split(",") if name.strip()]
            _write_graphml(
                session,
                graphml,
                {
                    "genes": named,
                    "radius": radius,
                    "relations": relation,
                    "min_score": min_score,
                    "ancestors": ancestors,
                },
            )

    @command(app, "export-model")
    def export_model(
        session: Session,
        run: Annotated[str, typer.Argument(help="Name of a run.")],
        out: Annotated[Path, typer.Option("--out", help="A new folder.")],
        merge: Annotated[
            bool, typer.Option("--merge", help="Whole weights, for transformers alone; else one adapter.")
        ] = False,
        unfinished: UnfinishedOption = False,
    ) -> None:
        """Write a run's policy in the Hub's layout: weights or one adapter, tokenizer, model card."""
        from rbio_kg.training.pipeline.export import export_model as write

        session.resume = "nothing was written; run the same command again"
        paths = session.workspace().paths
        exported = write(paths, run, out, merge=merge, unfinished=unfinished, progress=session.progress)
        document = exported.to_json()
        if exported.unfinished:
            session.say(f"run {run} is UNFINISHED: what is saved of it was exported; its model card says so")
        for reason in document.get("stale", {}).values():
            session.say(f"stale: {reason}")
        session.emit(document, lambda: show_table(["what", "value"], [(key, str(document[key])) for key in document]))


def show_export(build_id: str, written: ImportFiles) -> None:
    """How to go on with the import files."""
    print(f"{len(written.files)} files of build {build_id}")
    print("with the Neo4j stopped, run (or import.sh there), then start it and run constraints.cypher:")
    print(written.command)


def _write_graphml(session: Session, path: Path, selection: Selection) -> None:
    workspace = session.workspace()
    part = workspace.graph.write_graphml(path, progress=session.progress, **selection)
    counts = {"nodes": part.nodes, "relationships": part.relationships}
    document = {"build_id": workspace.build_id, "files": [str(path)], **counts}

    def show() -> None:
        print(f"build {workspace.build_id}: written to {path}")
        show_table(["label or type", "count"], [*part.nodes.items(), *part.relationships.items()])

    session.emit(document, show)
