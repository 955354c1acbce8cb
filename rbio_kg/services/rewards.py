"""The exploit suite, and the search for new exploits, on the rewards of recipes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.services.train import read_recipe, recipe_reward, training_questions

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.rewards.composed import ComposedReward


CLAIMS = 16
"""Default number of questions on which a reward is tried."""


def check_reward(
    workspace: WorkspaceBase,
    progress: Progress,
    config: str | Path | None,
    *,
    claims: int = CLAIMS,
    search: int = 0,
    seed: int | None = None,
) -> dict[str, Any]:
    """The exploit suite on a recipe's reward, on train questions of the workspace; then `search` steps of search."""
    from rbio_kg.training.exploits.search import search_exploits
    from rbio_kg.training.exploits.suite import check_rewards

    recipe = read_recipe(workspace, config)
    reward = recipe_reward(workspace, recipe)
    questions = _questions(workspace, recipe, reward, claims)
    options: dict[str, Any] = {
        "snapshot": workspace.snapshot,
        "gene_prior": _priors(workspace, recipe, questions),
        "progress": progress,
    }
    document = check_rewards(reward, questions.claims(), **options)
    if search:
        seed = recipe.seed if seed is None else seed
        document["search"] = search_exploits(reward, questions.claims(), steps=search, seed=seed, **options)
    return {"recipe": str(config) if config else "default", **plain(document)}


def check_recipes(
    workspace: WorkspaceBase, progress: Progress, recipes: Sequence[str], **options: Any
) -> dict[str, Any]:
    """`check_reward` on several recipes; a recipe whose verifiers are not fitted here is an error."""
    documents = []
    for name in recipes:
        progress(f"rewards: recipe {name}", None)
        documents.append(check_reward(workspace, progress, name, **options))
    return {"recipes": documents}


def _questions(workspace: WorkspaceBase, recipe: PolicyConfig, reward: ComposedReward, rows: int) -> QuestionSet:
    """Train questions of the recipe."""
    settings = recipe.questions
    pool = training_questions(workspace, recipe, reward)
    chosen = pool.training_rows()
    if chosen is None:
        line = None if settings.split_scheme == "leave-one-line-out" else settings.cell_line
        chosen = pool.select(split="train", cell_line=line, task=settings.task)
    return chosen.limit(rows, seed=recipe.seed)


def _priors(workspace: WorkspaceBase, recipe: PolicyConfig, questions: QuestionSet) -> list[float | None]:
    """The monitored genes' rates of change; None where no source knows them and the reward does not need them."""
    from rbio_kg.training.data.mixture import with_rates

    if not recipe.reward.relative_to and not workspace.model_folder("expression").is_dir():
        return [None] * len(questions)
    return with_rates(questions, workspace.fact_source()).rates()
