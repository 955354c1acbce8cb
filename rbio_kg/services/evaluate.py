"""Evaluation in a workspace: a trained policy, the expression model, the predictions of any model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import EvaluationError
from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.graph.identity.unrecognised import Unrecognised
from rbio_kg.services.train import fact_source, recipe_reward
from rbio_kg.training.evaluation.results import PolicyEvaluation

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.evaluation.expression import ExpressionOptions
    from rbio_kg.training.evaluation.policy import PolicyOptions
    from rbio_kg.training.evaluation.predictions import PredictionOptions
    from rbio_kg.training.evaluation.results import ExpressionEvaluation, PredictionsEvaluation


@dataclass(frozen=True)
class PolicyQuestions:
    """The questions that a run is evaluated on.

    Args:
        file: PerturbQA file; None for the workspace's questions.
        task: `de` or `dir`; the run's otherwise.
        cell_line: the run's otherwise.
        split: `train` or `test`.
        split_scheme: must be the run's, if given.
        names: what is done about names in the file that are not recognised.
    """

    file: Path | None = None
    task: str | None = None
    cell_line: str | None = None
    split: str = "test"
    split_scheme: str | None = None
    names: NameRules = DEFAULT_RULES


@dataclass(frozen=True)
class RunEvaluation:
    """The evaluation of a run.

    Args:
        run: its name.
        split: that was evaluated.
        split_scheme: of the run; `protocol` in JSON.
        result: of the policy.
        unrecognised: kind of name in the file that was not recognised -> number of rows.
        remarks: what people should know about the rows, a line each.
        unfinished: whether the run is unfinished, so that what is saved of it was evaluated.
        scored: the questions with `score`, `stated`, `votes` and `unparsed`; not in JSON.
    """

    run: str
    split: str
    split_scheme: str
    result: PolicyEvaluation
    unrecognised: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    unfinished: bool = False
    scored: pl.DataFrame | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The document of `evaluate policy`."""
        head = {
            "run": self.run,
            "split": self.split,
            "protocol": self.split_scheme,
            "unfinished": self.unfinished,
        }
        names = {"unrecognised": dict(self.unrecognised), "remarks": list(self.remarks)}
        return {**head, **plain(self.result.to_json()), **names}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> RunEvaluation:
        """The result that `to_json` wrote, without the scored questions."""
        head = (document["run"], document["split"], document["protocol"])
        names = dict(document["unrecognised"]), tuple(document["remarks"])
        return cls(*head, PolicyEvaluation.from_json(document), *names, document.get("unfinished", False))

    def __str__(self) -> str:
        name = f"{self.run} (UNFINISHED)" if self.unfinished else self.run
        return f"run {name}, {self.split} split, split scheme {self.split_scheme}: {self.result.measures}"


def evaluate_run(
    workspace: WorkspaceBase,
    run: str,
    questions: PolicyQuestions | None = None,
    options: PolicyOptions | None = None,
    *,
    check_store: bool = False,
    unfinished: bool = False,
    progress: Progress = silent,
) -> RunEvaluation:
    """Evaluate a trained policy.

    Args:
        workspace: with the run, the graph and the verifiers.
        run: name of the run.
        questions: what it is evaluated on; its own task and cell line, test split otherwise.
        options: how; the seed is the workspace's where no options are given.
        check_store: look for test rows in the graph database as well.
        unfinished: also evaluate what is saved of an unfinished run.
        progress: called with a message and the finished share.

    Raises:
        TrainingError, ModelError: the run is missing or corrupt, or it is unfinished and `unfinished` is not given.
        EvaluationError: another split scheme than the run's, nothing to evaluate, or a leak.
        StaleError: the run, or a verifier, was made on another build.
    """
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.evaluation.inputs import EvaluationInputs
    from rbio_kg.training.evaluation.policy import PolicyOptions, evaluate_policy
    from rbio_kg.training.runs.run_folder import Run, check_finished, find_run, read_run

    chosen = questions or PolicyQuestions()
    folder = find_run(workspace.paths, run)
    manifest = read_run(folder)
    incomplete = check_finished(Run(folder), unfinished=unfinished)
    workspace.accept_run(manifest)
    recipe = PolicyConfig.make(dict(manifest.config), where=f"run {run}")
    scheme = recipe.questions.split_scheme
    if chosen.split_scheme not in (None, scheme):
        raise EvaluationError(
            f"run {run} was trained under the {scheme} split scheme, not under {chosen.split_scheme}",
            where="--protocol",
            hint=f"train another with questions.split_scheme = {chosen.split_scheme!r} in its recipe",
        )
    rows, train, names = _questions(workspace, recipe, chosen)
    inputs = EvaluationInputs(
        train,
        reward=recipe_reward(workspace, recipe),
        facts=fact_source(workspace, recipe),
        snapshot=workspace.snapshot,
        knockdowns=workspace.tables["knockdowns"],
        store=workspace.store if check_store else None,
    )
    options = options or PolicyOptions(seed=workspace.settings.seed)
    result, scored = evaluate_policy(workspace.paths, run, rows, inputs, options, progress=progress)
    counts = {} if names is None else names.to_json()
    remarks = () if names is None else tuple(names.remarks())
    return RunEvaluation(run, chosen.split, scheme, result, counts, remarks, incomplete, scored)


def _questions(
    workspace: WorkspaceBase, recipe: PolicyConfig, chosen: PolicyQuestions
) -> tuple[QuestionSet, pl.DataFrame, Unrecognised | None]:
    """The questions, the train rows for the baselines, and what was not recognised in the file."""
    import polars as pl

    from rbio_kg.training.data.perturbqa_csv import read_question_file
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.verifiers.splits import divide

    task, line = chosen.task or recipe.questions.task, chosen.cell_line or recipe.questions.cell_line
    known, names = workspace.tables["questions"], None
    if chosen.file is not None:
        given = read_question_file(chosen.file, task, line, workspace.tables, chosen.names)
        own, line = given.frame, given.cell_line
        names = given.names
        same = (pl.col("cell_line") == line) & (pl.col("task") == task)
        known = pl.concat([known.filter(~same), own.select(known.columns)])
    found = divide(known, recipe.questions.split_scheme, line, seed=recipe.seed)
    rows = QuestionSet(pl.concat([found.train, found.test])).select(split=chosen.split, cell_line=line, task=task)
    return rows, found.train.filter(pl.col("task") == task), names


def evaluate_expression(
    workspace: WorkspaceBase,
    questions: Path,
    options: ExpressionOptions,
    *,
    predictions: Path | None = None,
    check_store: bool = False,
    progress: Progress = silent,
) -> ExpressionEvaluation:
    """Fit the expression model on a file's train rows and score its test rows.

    See `rbio_kg.training.evaluation.expression`; the fitted model goes into `models/evaluated`.
    """
    from rbio_kg.training.evaluation.expression import evaluate_expression as evaluate

    return evaluate(
        workspace.tables,
        questions,
        options,
        models_dir=workspace.paths.models / "evaluated",
        predictions_out=predictions,
        store=workspace.store if check_store else None,
        progress=progress,
    )


def evaluate_predictions(
    workspace: WorkspaceBase,
    file: Path,
    options: PredictionOptions,
    *,
    questions: Path | None = None,
    against: Path | None = None,
    predictions: Path | None = None,
    check_store: bool = False,
) -> PredictionsEvaluation:
    """Measure the predictions of any model; the baselines need a graph or a questions file.

    `predictions` is where the measured rows are written. See `rbio_kg.training.evaluation.predictions`.
    """
    from rbio_kg.training.evaluation.predictions import evaluate_prediction_file

    return evaluate_prediction_file(
        file,
        workspace.tables if workspace.has_graph else None,
        options,
        questions_file=questions,
        against=against,
        predictions_out=predictions,
        store=workspace.store if check_store else None,
    )
