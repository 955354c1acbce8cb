"""Commands about recipes and their rewards: recipes list, ablate, rewards check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.errors import ConfigError
from rbio_kg.services.ablation import ablate
from rbio_kg.services.rewards import CLAIMS, check_recipes, check_reward

COLUMNS = ("recipe", "seed", "stage", "auroc", "interval", "brier", "ece", "unparsed", "reward", "run")


def _show(document: dict[str, Any]) -> None:
    exploits = document["exploits"]
    columns = ["exploit", "kind", "reward", "honest", "pays", "mean gain"]
    rows = [[row[key] for key in ("name", "kind", "reward", "honest", "pays", "mean_gain")] for row in exploits]
    show_table(columns, rows, title=f"{document['recipe']}: {document['claims']} questions")
    show_table(["part", "constant in a group"], [[row["name"], row["constant_in_group"]] for row in document["parts"]])
    if "search" in document:
        search = document["search"]
        rows = [[item["claim"], item["reward"], item["honest"], item["completion"][:200]] for item in search["found"]]
        title = f"search: {search['steps']:,} completions, {len(rows)} with more reward than the reference answer"
        show_table(["claim", "reward", "honest", "completion"], rows, title=title)


def _show_recipes(documents: Sequence[dict[str, Any]]) -> None:
    rows = []
    for document in documents:
        exploitable = [row["name"] for row in document["exploits"] if row["pays"]]
        found = len(document["search"]["found"]) if "search" in document else None
        rows.append(
            [document["recipe"], document["claims"], len(document["exploits"]), ", ".join(exploitable) or "none", found]
        )
    show_table(["recipe", "questions", "exploits", "rewarded more", "found by search"], rows)


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

    rewards = typer.Typer(no_args_is_help=True, help="The reward.")
    app.add_typer(rewards, name="rewards")

    @command(rewards, "check")
    def rewards_check(
        session: Session,
        config: Annotated[
            str | None, typer.Option("--config", help="Recipe: a TOML file or a shipped one; the default otherwise.")
        ] = None,
        all_recipes: Annotated[bool, typer.Option("--all-recipes", help="Every recipe that is shipped.")] = False,
        claims: Annotated[int, typer.Option("--claims", min=1, help="Questions tried.")] = CLAIMS,
        search: Annotated[
            int, typer.Option("--search", min=0, help="Then change completions at random, this many times.")
        ] = 0,
        seed: Annotated[int | None, typer.Option("--seed", help="Of the search; the recipe's otherwise.")] = None,
    ) -> None:
        """The exploit suite: no trick may get more reward than the reference answer of the same correctness."""
        from rbio_kg.training.config.shipped import recipe_names

        workspace = session.workspace()
        if all_recipes:
            if config is not None:
                raise ConfigError("--config and --all-recipes exclude each other", hint="give one of them")
            document = check_recipes(
                workspace, session.progress, recipe_names(), claims=claims, search=search, seed=seed
            )
            session.emit(document, lambda: _show_recipes(document["recipes"]))
            return
        document = check_reward(workspace, session.progress, config, claims=claims, search=search, seed=seed)
        session.emit(document, lambda: _show(document))
