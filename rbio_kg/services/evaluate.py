"""Evaluation in a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import EvaluationError
from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.services.train import fact_source, recipe_reward

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet


def evaluate_run(
    workspace: WorkspaceBase,
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
    from rbio_kg.training.runs.run_folder import find_run, read_run

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
        recipe,
        questions_file,
        split=split,
        task=task or recipe.questions.task,
        cell_line=cell_line or recipe.questions.cell_line,
    )
    document, scored = evaluate_policy(
        workspace.paths,
        run,
        questions,
        train=train,
        reward=recipe_reward(workspace, recipe),
        facts=fact_source(workspace, recipe),
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
    workspace: WorkspaceBase,
    recipe: PolicyConfig,
    file: Path | None,
    *,
    split: str,
    task: str,
    cell_line: str | None,
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
    found = divide(known, recipe.questions.split_scheme, cell_line, seed=recipe.seed)
    questions = QuestionSet(pl.concat([found.train, found.test])).select(split=split, cell_line=cell_line, task=task)
    return questions, found.train.filter(pl.col("task") == task)
