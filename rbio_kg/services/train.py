"""Training a policy in a workspace: its recipe, its reward, its questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.prompts.facts import FactSource
    from rbio_kg.training.rewards.composed import ComposedReward


def read_recipe(
    workspace: WorkspaceBase,
    config: str | Path | None,
    steps: int | None = None,
    *,
    seed: int | None = None,
    minutes: float | None = None,
) -> PolicyConfig:
    """The recipe of a file or name, or the default; what is given here wins, then a model or seed of the workspace.

    A shipped recipe for a cell line without questions here takes the first line by name that has some.
    """
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.config.shipped import DEFAULT, find_recipe, is_shipped

    set_here = {name for name, origin in workspace.loaded.origins.items() if origin != "default"}
    changes: dict[str, Any] = {
        "grpo.steps": steps,
        "model.name": workspace.settings.model if "model" in set_here else None,
        "seed": seed if seed is not None else workspace.settings.seed if "seed" in set_here else None,
        "grpo.minutes": minutes,
    }
    file = find_recipe(config or DEFAULT)
    recipe = PolicyConfig.read(file, **changes)
    if is_shipped(file) and recipe.questions.cell_line:
        lines = set(workspace.tables["questions"]["cell_line"].unique())
        if lines and recipe.questions.cell_line not in lines:
            return PolicyConfig.read(file, **changes, **{"questions.cell_line": min(lines)})
    return recipe


def recipe_reward(workspace: WorkspaceBase, recipe: PolicyConfig) -> ComposedReward:
    """The recipe's reward on the workspace's verifiers."""
    return workspace.reward(recipe.reward.verifiers, **recipe.reward.options())


def run_policy(
    workspace: WorkspaceBase,
    progress: Progress,
    *,
    config: str | Path | None = None,
    name: str | None = None,
    resume: bool = False,
    steps: int | None = None,
    seed: int | None = None,
    minutes: float | None = None,
    dry_run: bool = False,
    stop_on_alarm: bool = False,
    report_to: str = "none",
) -> dict[str, Any]:
    """Warm up and train a policy; the document of `train policy`."""
    from rbio_kg.training.pipeline.train import TrainingData, TrainingOptions, train_policy
    from rbio_kg.training.runs.distributed import Processes
    from rbio_kg.training.runs.run_folder import free_name

    recipe = read_recipe(workspace, config, steps, seed=seed, minutes=minutes)
    _check_split_scheme(workspace, recipe)
    reward = recipe_reward(workspace, recipe)
    # Of several processes, all must take the name that the first one found free.
    name = name or Processes().broadcast(free_name(workspace.paths, "policy"))
    data = TrainingData(
        questions=training_questions(workspace, recipe, reward),
        build_id=workspace.build_id,
        facts=fact_source(workspace, recipe),
        snapshot=workspace.snapshot,
        knockdowns=workspace.tables["knockdowns"],
    )
    options = TrainingOptions(resume=resume, dry_run=dry_run, stop_on_alarm=stop_on_alarm, report_to=report_to)
    result = train_policy(workspace.paths, name, recipe, reward=reward, data=data, options=options, progress=progress)
    return {"run": name} if result is None else plain(result.to_json())


def training_questions(workspace: WorkspaceBase, recipe: PolicyConfig, reward: ComposedReward) -> QuestionSet:
    """The questions that the recipe's split scheme allows, and those trained on, which the reward can score."""
    from rbio_kg.training.data.mixture import question_pool, scored_relations
    from rbio_kg.training.data.question_set import QuestionSet

    settings = recipe.questions
    allowed = QuestionSet(workspace.tables["questions"]).under(
        settings.split_scheme, settings.cell_line or None, seed=recipe.seed
    )
    scored = scored_relations(reward)
    return question_pool(allowed, recipe, snapshot=workspace.snapshot, tables=workspace.tables, relations=scored)


def fact_source(workspace: WorkspaceBase, recipe: PolicyConfig) -> FactSource | None:
    """The source of the train knockdowns, where the recipe's prompts or reward need them."""
    return workspace.fact_source() if _needs_knockdowns(recipe) else None


def _needs_knockdowns(recipe: PolicyConfig) -> bool:
    return recipe.questions.prompt in ("open", "tools") or bool(recipe.reward.relative_to)


def _check_split_scheme(workspace: WorkspaceBase, recipe: PolicyConfig) -> None:
    """A policy is held to a split scheme only if the verifier that it is trained with is."""
    wanted = recipe.questions.split_scheme
    involved = _needs_knockdowns(recipe) or recipe.reward.verifiers.get("expression", 0.0) > 0
    if wanted != "official" and involved:
        settings = workspace.verifier("expression").card.settings
        seed = f" --seed {recipe.seed}" if wanted == "gene-disjoint" else ""
        line = f" --cell-line {recipe.questions.cell_line}" if wanted == "leave-one-line-out" else ""
        hint = f"run rbio-kg train expression --protocol {wanted}{line}{seed}"
        if settings["protocol"] != wanted:
            fitted = settings["protocol"]
            raise TrainingError(
                f"the recipe asks for the {wanted} split scheme, but the expression verifier was fitted under {fitted}",
                hint=hint,
            )
        if seed and settings["seed"] != recipe.seed:
            raise TrainingError(
                f"the recipe's seed holds out other genes than the expression verifier's seed {settings['seed']}",
                hint=hint,
            )
