"""Training a policy in a workspace: its recipe, its reward, its questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import Progress, silent

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.pipeline.result import TrainingResult
    from rbio_kg.training.pipeline.train import TrainingOptions
    from rbio_kg.training.prompts.facts import FactSource
    from rbio_kg.training.rewards.composed import ComposedReward


@dataclass(frozen=True)
class RecipeChanges:
    """Settings that win over a recipe's own; None leaves the recipe's.

    Args:
        steps: GRPO steps.
        seed: of all draws.
        minutes: most minutes of GRPO.
    """

    steps: int | None = None
    seed: int | None = None
    minutes: float | None = None


def read_recipe(
    workspace: WorkspaceBase, config: str | Path | None, changes: RecipeChanges | None = None
) -> PolicyConfig:
    """The recipe of a file or name, or the default.

    The changes win, then a model or seed that is set in the workspace. A shipped recipe for a cell line without
    questions here takes the first line by name that has some.

    Raises:
        ConfigError: the recipe is unknown or malformed.
    """
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.config.shipped import DEFAULT, find_recipe, is_shipped

    set_here = {name for name, origin in workspace.loaded.origins.items() if origin != "default"}
    wanted = changes or RecipeChanges()
    values: dict[str, Any] = {
        "grpo.steps": wanted.steps,
        "model.name": workspace.settings.model if "model" in set_here else None,
        "seed": wanted.seed if wanted.seed is not None else workspace.settings.seed if "seed" in set_here else None,
        "grpo.minutes": wanted.minutes,
    }
    file = find_recipe(config or DEFAULT)
    recipe = PolicyConfig.read(file, **values)
    if is_shipped(file) and recipe.questions.cell_line:
        lines = set(workspace.tables["questions"]["cell_line"].unique())
        if lines and recipe.questions.cell_line not in lines:
            return PolicyConfig.read(file, **values, **{"questions.cell_line": min(lines)})
    return recipe


def run_name(workspace: WorkspaceBase, name: str | None) -> str:
    """The name of a run that is to be trained: the given one, else a free one, the same in all processes."""
    from rbio_kg.training.runs.distributed import Processes
    from rbio_kg.training.runs.run_folder import free_name

    return name or str(Processes().broadcast(free_name(workspace.paths, "policy")))


def kept_of_run(workspace: WorkspaceBase, name: str) -> str:
    """What an interruption now leaves of a run in training, and how to go on."""
    from rbio_kg.training.runs.resume import resume_command
    from rbio_kg.training.runs.run_folder import Run

    run = Run(workspace.paths.run(name))
    if not run.manifest_file.is_file():
        return "nothing was kept; run the same command again"
    return f"what was finished and the last checkpoint are kept; go on with: {resume_command(run.folder)}"


def _recipe_to_train(
    workspace: WorkspaceBase, config: str | Path | None, changes: RecipeChanges | None, name: str, resume: bool
) -> PolicyConfig:
    """The recipe of a file or name; of a run to go on with its recorded one, from which nothing given may differ.

    Raises:
        ConfigError: the recipe is unknown or malformed.
        TrainingError: the run to go on with has another graph, or another value of a setting that is given.
    """
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.runs.run_folder import Run, check_continues, check_name

    run = Run(workspace.paths.run(check_name(name)))
    if not (resume and run.manifest_file.is_file()):
        return read_recipe(workspace, config, changes)
    recorded = PolicyConfig.make(dict(run.manifest.config), where=str(run.manifest_file))
    if config is not None:
        given = read_recipe(workspace, config, changes)
    else:
        wanted = changes or RecipeChanges()
        flags = {name for name, origin in workspace.loaded.origins.items() if origin == "flag"}
        values: dict[str, Any] = {
            "grpo.steps": wanted.steps,
            "grpo.minutes": wanted.minutes,
            "model.name": workspace.settings.model if "model" in flags else None,
            "seed": wanted.seed if wanted.seed is not None else workspace.settings.seed if "seed" in flags else None,
        }
        given = PolicyConfig.make(recorded.model_dump(mode="json"), **values)
    check_continues(run, workspace.build_id, given.model_dump(mode="json"))
    return recorded


def recipe_reward(workspace: WorkspaceBase, recipe: PolicyConfig) -> ComposedReward:
    """The recipe's reward on the workspace's verifiers."""
    return workspace.reward(recipe.reward.verifiers, **recipe.reward.options())


def train_policy(
    workspace: WorkspaceBase,
    config: str | Path | None = None,
    *,
    name: str | None = None,
    changes: RecipeChanges | None = None,
    options: TrainingOptions | None = None,
    progress: Progress = silent,
) -> TrainingResult | None:
    """Train a policy as a recipe says: evaluate, run SFT, evaluate, run GRPO, evaluate.

    Args:
        workspace: the graph and the verifiers; the run goes into its `runs/NAME`.
        config: TOML file, or name of a shipped recipe; the default recipe otherwise. A run that is resumed has its
            recorded recipe; one that is given must be equal.
        name: of the run; a free one otherwise.
        changes: settings that win over the recipe's.
        options: resume, dry run, alarms and trackers.
        progress: called with a message and the finished share.

    Returns:
        The result; None in a process that is not the first one.

    Raises:
        ConfigError, VerifierError: the recipe is malformed, or needs a verifier that has not been fitted.
        TrainingError, ModelError, EvaluationError: see `rbio_kg.training.pipeline.train.train_policy`.
    """
    from rbio_kg.training.pipeline.train import TrainingData, TrainingOptions
    from rbio_kg.training.pipeline.train import train_policy as train

    options = options or TrainingOptions()
    name = run_name(workspace, name)
    recipe = _recipe_to_train(workspace, config, changes, name, options.resume)
    _check_split_scheme(workspace, recipe)
    reward = recipe_reward(workspace, recipe)
    data = TrainingData(
        questions=training_questions(workspace, recipe, reward),
        build_id=workspace.build_id,
        facts=fact_source(workspace, recipe),
        snapshot=workspace.snapshot,
        knockdowns=workspace.tables["knockdowns"],
        origin=run_origin(workspace, recipe),
    )
    return train(workspace.paths, name, recipe, reward=reward, data=data, options=options, progress=progress)


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


def run_origin(workspace: WorkspaceBase, recipe: PolicyConfig) -> dict[str, Any]:
    """What a run with a recipe rests on: the build, the verifiers, and the recipe's file of questions."""
    from rbio_kg.registry import origin_of

    names = set(recipe.reward.verifiers) | ({"expression"} if _needs_knockdowns(recipe) else set())
    file = recipe.questions.file
    return origin_of(workspace, names, [] if file is None else [Path(file).expanduser()])


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
