"""Training a policy from end to end: evaluate, SFT, evaluate, GRPO, evaluate. Any stage can be interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.lock import held
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import Progress, silent
from rbio_kg.training.config.acceleration import acceleration_arguments
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import EvaluationInputs, token_counter
from rbio_kg.training.evaluation.leakage import audit_policy
from rbio_kg.training.grpo.checks import check_answers, check_processes
from rbio_kg.training.models.checks import check_trainable
from rbio_kg.training.models.loading import load_model, load_tokenizer, prepare_model
from rbio_kg.training.pipeline.plan import make_plan
from rbio_kg.training.pipeline.result import TrainingResult
from rbio_kg.training.pipeline.stages import Stages
from rbio_kg.training.prompts.facts import FactSource
from rbio_kg.training.runs.context import TrainingContext
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import Run, start_run
from rbio_kg.training.runs.trackers import check_tracker

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.training.rewards.composed import ComposedReward


@dataclass(frozen=True)
class TrainingData:
    """What a policy is trained with, besides its recipe and reward.

    Args:
        questions: all questions, train and test; the recipe chooses cell line and task.
        build_id: build of the graph.
        facts: knowledge source of open-book facts, for example the expression verifier. None is enough for closed-book
            prompts whose reward is not relative to the gene's prior.
        snapshot: the graph, for open-book facts, tools and shuffled names.
        knockdowns: the graph's KNOCKDOWN_CHANGES, for the audit for leakage.
        origin: what the run rests on, for its manifest (see `rbio_kg.training.runs.manifest.RunManifest`).
    """

    questions: QuestionSet
    build_id: str
    facts: FactSource | None = None
    snapshot: Snapshot | None = None
    knockdowns: pl.DataFrame | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingOptions:
    """How a training is run; none of these changes the policy of a training that finishes.

    Args:
        resume: go on with the run of that name from its last checkpoint. The result of a finished run is read again.
        dry_run: check everything, train nothing, write nothing but a converted model.
        stop_on_alarm: end GRPO at the first alarm (see `rbio_kg.training.grpo.alarms`), with a checkpoint.
        report_to: experiment tracker (see `rbio_kg.training.runs.trackers`); `none`: only the log.
    """

    resume: bool = False
    dry_run: bool = False
    stop_on_alarm: bool = False
    report_to: str = "none"


def train_policy(
    paths: WorkspacePaths,
    name: str,
    config: PolicyConfig,
    *,
    reward: ComposedReward,
    data: TrainingData,
    options: TrainingOptions = TrainingOptions(),
    progress: Progress = silent,
) -> TrainingResult | None:
    """Train a policy as a recipe says, and evaluate it before, after SFT and after GRPO.

    Under `accelerate launch` every process calls this. The first process writes and evaluates.

    Args:
        paths: the workspace; the run goes to `paths.run(name)`, a converted model to `paths.models`.
        name: of the run; the same in all processes.
        config: the recipe.
        reward: scores completions; its verifiers' probability is also the target of SFT.
        data: questions, facts and graph.
        options: resume, dry run, alarms, tracker.
        progress: called with a message and the share done.

    Returns:
        The result; None in a process that is not the first.

    Raises:
        TrainingError: there are too few questions, a loss is not finite, an alarm was raised (with `stop_on_alarm`),
            the disk is full, or the run cannot go on.
        ModelError: the language model cannot be loaded, or is not one that can be trained here.
        EvaluationError: a question of the evaluation is known to what the policy is trained with (see
            `rbio_kg.training.evaluation.leakage`).
        VerifierError: a verifier raises, or answers with something else than probabilities.
        ConfigError: the tracker or the acceleration is unknown or not installed.
    """
    processes = Processes()
    if not processes.first:
        progress = silent
    check_tracker(options.report_to)
    acceleration_arguments(config.acceleration)
    check_processes(config, processes.size)
    if processes.first:
        prepare_model(config.model.name, paths.models, progress)
    processes.wait()
    base = prepare_model(config.model.name, paths.models, progress)
    count_tokens = token_counter(base, config.questions)
    plan = make_plan(config, data.questions, data.facts, data.snapshot, count_tokens=count_tokens)
    audit = audit_policy(
        plan.evaluation_rows,
        plan.test_rows,
        config.questions.split_scheme,
        EvaluationInputs(plan.baseline_rows, reward=reward, knockdowns=data.knockdowns),
        trained_on=plan.trained_rows,
        where=f"run {name}",
    )
    if config.questions.prompt == "tools":
        plan.environment(load_tokenizer(base))  # raises before the training if something is missing
    check_answers(replace(data.questions, frame=plan.trained_rows), reward)
    if processes.first:
        check_trainable(load_model(base, config.model.weights))
    if options.dry_run:
        return TrainingResult(run=name, questions=plan.counts(), dry_run=True)
    run = Run(paths.run(name))
    if processes.first:
        manifest = RunManifest.new(
            name,
            "training",
            build_id=data.build_id,
            version=version("rbio-kg"),
            seeds={"recipe": config.seed},
            config=config.model_dump(mode="json"),
            simulated=plan.simulated,
            origin=data.origin,
        )
        run = start_run(paths, manifest, resume=options.resume)
    processes.wait()
    if run.manifest.status == "finished":
        progress(f"run {name} is finished: reused", 1.0)
        return replace(TrainingResult.from_json({"run": name, "questions": {}, **run.manifest.result}), reused=True)
    context = TrainingContext(
        run=run,
        config=config,
        reward=reward,
        processes=processes,
        progress=progress,
        resume=options.resume,
        stop_on_alarm=options.stop_on_alarm,
        report_to=options.report_to,
    )
    stages = Stages(context, plan, audit=audit, base=base)
    if not processes.first:
        stages.grpo()
        return None
    try:
        # A moment, because whoever asks for the status of a run takes its lock for an instant.
        with held(run.lock_file, lambda who: None, seconds=1):
            return stages.run_all()
    except TimeoutError as error:
        raise TrainingError(
            f"this run is being trained by {error}", where=run.folder, hint="wait for it, or choose another --name"
        ) from None
