"""The verb rewards: the exploit suite and the search for new exploits, on the rewards of recipes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.policy_run import read_recipe, recipe_reward, training_questions
from rbio_kg.cli.session import Session, command, plain
from rbio_kg.cli.tables import show_table
from rbio_kg.core.errors import ConfigError
from rbio_kg.core.progress import Progress

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.workspace import Workspace

CLAIMS = 16
"""Questions on which a reward is tried, unless told otherwise."""


def check_reward(
    workspace: Workspace,
    progress: Progress,
    config: str | Path | None,
    *,
    claims: int = CLAIMS,
    search: int = 0,
    seed: int | None = None,
) -> dict[str, Any]:
    """The exploit suite on a recipe's reward, on train questions of the workspace; then so many steps of search."""
    from rbio_kg.training.exploits.search import search_exploits
    from rbio_kg.training.exploits.suite import check_rewards

    recipe = read_recipe(workspace, config)
    reward = recipe_reward(workspace, recipe)
    questions = _asked(workspace, recipe, reward, claims)
    asked: dict[str, Any] = {
        "snapshot": workspace.snapshot,
        "gene_prior": _priors(workspace, recipe, questions),
        "progress": progress,
    }
    document = check_rewards(reward, questions.claims(), **asked)
    if search:
        seed = recipe.seed if seed is None else seed
        document["search"] = search_exploits(reward, questions.claims(), steps=search, seed=seed, **asked)
    return {"recipe": str(config) if config else "default", **plain(document)}


def check_recipes(workspace: Workspace, progress: Progress, recipes: Sequence[str], **options: Any) -> dict[str, Any]:
    """`check_reward` on several recipes; a recipe whose verifiers are not fitted here is an error."""
    documents = []
    for name in recipes:
        progress(f"rewards: recipe {name}", None)
        documents.append(check_reward(workspace, progress, name, **options))
    return {"recipes": documents}


def _asked(workspace: Workspace, recipe: PolicyConfig, reward: ComposedReward, rows: int) -> QuestionSet:
    """Train questions that the recipe teaches."""
    asked = recipe.questions
    pool = training_questions(workspace, recipe, reward)
    taught = pool.taught()
    if taught is None:
        line = None if asked.split_scheme == "leave-one-line-out" else asked.cell_line
        taught = pool.select(split="train", cell_line=line, task=asked.task)
    return taught.limit(rows, seed=recipe.seed)


def _priors(workspace: Workspace, recipe: PolicyConfig, questions: QuestionSet) -> list[float | None]:
    """The monitored genes' rates of change; none where nobody knows them and the reward does not ask."""
    from rbio_kg.training.data.mixture import with_rates

    if not recipe.reward.relative_to and not workspace.model_folder("expression").is_dir():
        return [None] * len(questions)
    return with_rates(questions, workspace.fact_source()).rates()


def _show(document: dict[str, Any]) -> None:
    exploits = document["exploits"]
    columns = ["exploit", "kind", "reward", "honest", "pays", "mean gain"]
    rows = [[row[key] for key in ("name", "kind", "reward", "honest", "pays", "mean_gain")] for row in exploits]
    show_table(columns, rows, title=f"{document['recipe']}: {document['claims']} questions")
    show_table(["part", "constant in a group"], [[row["name"], row["constant_in_group"]] for row in document["parts"]])
    if "search" in document:
        search = document["search"]
        rows = [[item["claim"], item["reward"], item["honest"], item["completion"][:200]] for item in search["found"]]
        title = f"search: {search['steps']:,} completions, {len(rows)} paid more than honesty"
        show_table(["claim", "reward", "honest", "completion"], rows, title=title)


def _show_recipes(documents: Sequence[dict[str, Any]]) -> None:
    rows = []
    for document in documents:
        paying = [row["name"] for row in document["exploits"] if row["pays"]]
        found = len(document["search"]["found"]) if "search" in document else None
        rows.append(
            [document["recipe"], document["claims"], len(document["exploits"]), ", ".join(paying) or "none", found]
        )
    show_table(["recipe", "questions", "exploits", "that pay", "found by search"], rows)


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
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
            int, typer.Option("--search", min=0, help="Then change completions at random, so many times.")
        ] = 0,
        seed: Annotated[int | None, typer.Option("--seed", help="Of the search; the recipe's otherwise.")] = None,
    ) -> None:
        """The exploit suite: no trick may earn more than an honest answer of the same correctness."""
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
