"""Commands about recipes and their rewards: recipes list, ablate, rewards check."""

from __future__ import annotations

from typing import Annotated

import typer

from rbio_kg.cli.display.style import styled
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.errors import ConfigError
from rbio_kg.services.ablation import ablate
from rbio_kg.services.rewards import CLAIMS, RecipeChecks, RewardCheck, check_recipes, check_reward

COLUMNS = ("recipe", "seed", "stage", "auroc", "interval", "brier", "ece", "unparsed", "reward", "run")


def _show(check: RewardCheck, *, verbose: bool) -> None:
    gains = [row for row in check.exploits if row.gains]
    number = f"{len(check.exploits)} exploits on {check.claims} questions"
    if gains:
        print(styled("FAILED", "red") + f"  {number}: {len(gains)} get more reward than the reference answer")
    else:
        print(styled("ok", "green") + f"  {number}: none gets more reward than the reference answer")
    shown = check.exploits if verbose else gains
    if check.exploits and not verbose:
        closest = max(check.exploits, key=lambda row: row.mean_gain)
        print(f"closest: {closest.name}, mean gain {closest.mean_gain:.3f}   (all exploits and parts: --verbose)")
    columns = ["exploit", "kind", "reward", "honest", "pays", "mean gain"]
    rows = [(row.name, row.kind, row.reward, row.reference, row.gains, row.mean_gain) for row in shown]
    if rows:
        show_table(columns, rows, title=f"{check.recipe}: {check.claims} questions")
    if verbose:
        show_table(["part", "constant in a group"], [(row.name, row.constant_in_group) for row in check.parts])
    if check.search is not None:
        search = check.search
        found = [(item.claim, item.reward, item.reference, item.completion[:200]) for item in search.found]
        title = f"search: {search.steps:,} completions, {len(found)} with more reward than the reference answer"
        show_table(["claim", "reward", "honest", "completion"], found, title=title)


def _show_recipes(checks: RecipeChecks) -> None:
    rows = []
    for check in checks.recipes:
        exploitable = [row.name for row in check.exploits if row.gains]
        found = None if check.search is None else len(check.search.found)
        rows.append([check.recipe, check.claims, len(check.exploits), ", ".join(exploitable) or "none", found])
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
        done = ablate(
            session.workspace(model=model),
            session.progress,
            recipes=recipe,
            seeds=seed or [0],
            steps=steps,
            minutes=minutes,
            name=name,
        )
        rows = [[getattr(row, column) for column in COLUMNS] for row in done.rows]
        session.emit(done.to_json(), lambda: show_table(COLUMNS, rows))

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
            checks = check_recipes(workspace, session.progress, recipe_names(), claims=claims, search=search, seed=seed)
            session.emit(checks.to_json(), lambda: _show_recipes(checks))
            return
        check = check_reward(workspace, session.progress, config, claims=claims, search=search, seed=seed)
        session.emit(check.to_json(), lambda: _show(check, verbose=session.verbose))
