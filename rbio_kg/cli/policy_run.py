"""Policies in a workspace: train one, evaluate one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.cli.session import plain
from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.core.progress import Progress

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.prompts.facts import FactSource
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.workspace import Workspace


def read_recipe(
    workspace: Workspace,
    config: str | Path | None,
    steps: int | None = None,
    *,
    seed: int | None = None,
    minutes: float | None = None,
) -> PolicyConfig:
    """The recipe of a file or name, or the default; what is given here wins, then a model or seed of the workspace."""
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
    if is_shipped(file):
        lines = set(workspace.tables["questions"]["cell_line"].unique())
        if lines and "k562" not in lines:
            changes["questions.cell_line"] = min(lines)
    return PolicyConfig.read(file, **changes)


def recipe_reward(workspace: Workspace, recipe: PolicyConfig) -> ComposedReward:
    """The recipe's reward on the workspace's verifiers."""
    return workspace.reward(recipe.reward.verifiers, **recipe.reward.options())


def run_policy(
    workspace: Workspace,
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
    from rbio_kg.training.pipeline.train import train_policy
    from rbio_kg.training.runs.distributed import Processes
    from rbio_kg.training.runs.run import free_name

    recipe = read_recipe(workspace, config, steps, seed=seed, minutes=minutes)
    _check_split_scheme(workspace, recipe)
    reward = recipe_reward(workspace, recipe)
    return plain(  # type: ignore[no-any-return]
        train_policy(
            workspace.paths,
            recipe,
            reward=reward,
            questions=training_questions(workspace, recipe, reward),
            facts=_fact_source(workspace, recipe),
            snapshot=workspace.snapshot,
            build_id=workspace.build_id,
            knockdowns=workspace.tables["knockdowns"],
            # Started several times at once, all must take the name that the first one found free.
            name=name or Processes().decided(free_name(workspace.paths, "policy")),
            resume=resume,
            dry_run=dry_run,
            stop_on_alarm=stop_on_alarm,
            report_to=report_to,
            progress=progress,
        )
    )


def training_questions(workspace: Workspace, recipe: PolicyConfig, reward: ComposedReward) -> QuestionSet:
    """The questions that the recipe's split scheme allows, and those trained on, which the reward can score."""
    from rbio_kg.training.data.mixture import question_pool, scored_relations
    from rbio_kg.training.data.question_set import QuestionSet

    asked = recipe.questions
    allowed = QuestionSet(workspace.tables["questions"]).under(
        asked.split_scheme, asked.cell_line or None, seed=recipe.seed
    )
    judged = scored_relations(reward)
    return question_pool(allowed, recipe, snapshot=workspace.snapshot, tables=workspace.tables, relations=judged)


def _fact_source(workspace: Workspace, recipe: PolicyConfig) -> FactSource | None:
    """Who knows the train knockdowns, where the recipe tells of them or is paid beyond the gene's habit."""
    return workspace.fact_source() if _needs_knockdowns(recipe) else None


def _needs_knockdowns(recipe: PolicyConfig) -> bool:
    return recipe.questions.prompt in ("open", "tools") or bool(recipe.reward.relative_to)


def _check_split_scheme(workspace: Workspace, recipe: PolicyConfig) -> None:
    """A policy is held to a split scheme only if the verifier that teaches it is."""
    wanted = recipe.questions.split_scheme
    taught = _needs_knockdowns(recipe) or recipe.reward.verifiers.get("expression", 0.0) > 0
    if wanted != "official" and taught:
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


def evaluate_run(
    workspace: Workspace,
    progress: Progress,
    run: str,
    *,
    questions_file: Path | None,
    task: str | None,
    cell_line: str | None,
    split: str,
    split_scheme: str | None,
    limit: int | None,
    predictions: Path | None,
    samples: int,
    reasoning_rows: int = 0,
    check_store: bool = False,
) -> dict[str, Any]:
    """Examine a trained policy; the document of `evaluate policy`."""
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.perturbqa_csv import write_rows
    from rbio_kg.training.evaluation.policy import evaluate_policy
    from rbio_kg.training.runs.run import find_run, read_run

    manifest = read_run(find_run(workspace.paths, run))
    recipe = PolicyConfig.make(dict(manifest.config), where=f"run {run}")
    if split_scheme not in (None, recipe.questions.split_scheme):
        raise EvaluationError(
            f"run {run} was trained under the {recipe.questions.split_scheme} split scheme, not under {split_scheme}",
            where="--protocol",
            hint=f"train another with questions.split_scheme = {split_scheme!r} in its recipe",
        )
    questions, train = _questions(
        workspace,
        questions_file,
        split,
        task or recipe.questions.task,
        cell_line or recipe.questions.cell_line,
        recipe.questions.split_scheme,
        recipe.seed,
    )
    document, scored = evaluate_policy(
        workspace.paths,
        run,
        questions,
        train=train,
        reward=recipe_reward(workspace, recipe),
        facts=_fact_source(workspace, recipe),
        snapshot=workspace.snapshot,
        knockdowns=workspace.tables["knockdowns"],
        store=workspace.store if check_store else None,
        limit=limit,
        samples=samples,
        reasoning_rows=reasoning_rows,
        seed=workspace.settings.seed,
        progress=progress,
    )
    if predictions is not None:
        write_rows(predictions, scored.select("pert", "gene", "label", "score"))
    return {"run": run, "split": split, "protocol": recipe.questions.split_scheme, **plain(document)}


def _questions(
    workspace: Workspace, file: Path | None, split: str, task: str, cell_line: str | None, split_scheme: str, seed: int
) -> tuple[QuestionSet, pl.DataFrame]:
    """What is asked, and the train rows for the baselines: the workspace's, or the file's and the other lines'."""
    import polars as pl

    from rbio_kg.training.data.perturbqa_csv import read_question_file
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.verifiers.splits import divide

    known = workspace.tables["questions"]
    if file is not None:
        asked = read_question_file(file, task, cell_line, workspace.tables)
        cell_line = str(asked["cell_line"][0])
        same = (pl.col("cell_line") == cell_line) & (pl.col("task") == task)
        known = pl.concat([known.filter(~same), asked.select(known.columns)])
    found = divide(known, split_scheme, cell_line, seed=seed)
    questions = QuestionSet(pl.concat([found.train, found.test])).select(split=split, cell_line=cell_line, task=task)
    return questions, found.train.filter(pl.col("task") == task)
