"""Commands about questions: questions make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.services.questions import make_questions


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    questions = typer.Typer(no_args_is_help=True, help="Questions that a policy is trained on.")
    app.add_typer(questions, name="questions")

    @command(questions, "make")
    def make(
        session: Session,
        out: Annotated[Path, typer.Option("--out", help="Parquet file, or CSV, to write.")],
        family: Annotated[
            list[str] | None,
            typer.Option(
                "--family",
                help="de, dir, physical, functional, regulation, membership; repeatable; otherwise all the graph has.",
            ),
        ] = None,
        rows: Annotated[int, typer.Option("--rows", min=2, help="Questions of each family, about.")] = 2000,
        cell_line: Annotated[str | None, typer.Option("--cell-line", help="Of de and dir; all otherwise.")] = None,
        split_scheme: Annotated[str, typer.Option("--protocol", help="Whose test rows are never taken.")] = "official",
        seed: Annotated[int | None, typer.Option("--seed", help="Seed of all draws.")] = None,
    ) -> None:
        """Write balanced questions, each with its answer and its text, for a recipe's questions.file."""
        made = make_questions(
            session.workspace(seed=seed),
            session.progress,
            families=family,
            rows=rows,
            cell_line=None if cell_line is None else canonical_line(cell_line),
            split_scheme=split_scheme,
            out=out,
        )
        for lacking, why in made.lacking.items():
            session.say(f"left out: {lacking} ({why})")
        columns = ["family", "split", "relation", "rows", "yes", "templates"]
        session.emit(
            made.to_json(),
            lambda: show_table(
                columns,
                [[getattr(row, name) for name in columns] for row in made.families],
                title=f"{made.rows:,} questions in {out}",
            ),
        )
