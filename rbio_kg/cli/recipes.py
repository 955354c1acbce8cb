"""Commands about recipes: recipes list, ablate."""

from __future__ import annotations

from typing import Annotated

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.services.ablation import ablate

COLUMNS = ("recipe", "seed", "stage", "auroc", "interval", "brier", "ece", "unparsed", "reward", "run")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    recipes = typer.Typer(no_args_is_help=True, help="The recipes that ship with the package.")
    app.add_typer(recipes, name="recipes")

    @command(recipes, "list")
    def recipes_list(session: Session) -> None:
        """Name, meaning, verifiers and families of questions of each."""
        from rbio_kg.training.config.shipped import describe_recipes

        found = describe_recipes()
        rows = [
            [item["name"], item["assignment"], ", ".join(item["verifiers"]), ", ".join(item["families"]), item["about"]]
            for item in found
        ]
        session.emit(
            {"recipes": found}, lambda: show_table(["recipe", "assignment", "verifiers", "families", "about"], rows)
        )

    @command(app, "ablate")
    def ablate_command(
        session: Session,
        recipe: Annotated[list[str], typer.Option("--recipe", help="TOML file or shipped recipe; repeatable.")],
        steps: Annotated[int | None, typer.Option("--steps", min=0, help="GRPO steps of each run.")] = None,
        minutes: Annotated[float | None, typer.Option("--minutes", min=0.01, help="Most minutes of GRPO.")] = None,
        seed: Annotated[list[int] | None, typer.Option("--seed", help="A seed to train with; repeatable; 0.")] = None,
        model: Annotated[str | None, typer.Option("--model", help="smollm2, a folder or a hub id, for all.")] = None,
        name: Annotated[str, typer.Option("--name", help="First part of the runs' names.")] = "ablate",
    ) -> None:
        """Train recipes under one budget, evaluate them on the same questions, and print one table."""
        session.resume = "finished runs are kept and not made again; give the same command once more to go on"
        document = ablate(
            session.workspace(model=model),
            session.progress,
            recipes=recipe,
            seeds=seed or [0],
            steps=steps,
            minutes=minutes,
            name=name,
        )
        session.emit(
            document, lambda: show_table(COLUMNS, [[row[column] for column in COLUMNS] for row in document["rows"]])
        )
