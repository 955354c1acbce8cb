"""The command that writes a trained policy as a folder for the Hub's libraries: export-model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @command(app, "export-model")
    def export_model(
        session: Session,
        run: Annotated[str, typer.Argument(help="Name of a run.")],
        out: Annotated[Path, typer.Option("--out", help="A new folder.")],
        merge: Annotated[
            bool, typer.Option("--merge", help="Whole weights, for transformers alone; else one adapter.")
        ] = False,
    ) -> None:
        """Write a run's policy in the Hub's layout: weights or one adapter, tokenizer, model card."""
        from rbio_kg.training.pipeline.export import export_model as write

        session.resume = "nothing was written; run the same command again"
        document = write(session.workspace().paths, run, out, merge=merge, progress=session.progress).to_json()
        session.emit(document, lambda: show_table(["what", "value"], [(key, str(document[key])) for key in document]))
