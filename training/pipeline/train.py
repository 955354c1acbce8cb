"""Training a policy from end to end: examine, warm up, examine, GRPO, examine; any stage can be interrupted."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.lock import held
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import Progress, silent
from rbio_kg.training.config.acceleration import acceleration_arguments
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import token_counter
from rbio_kg.training.evaluation.leakage import audit_policy
from rbio_kg.training.models.checks import check_trainable
from rbio_kg.training.models.loading import load_model, load_tokenizer, prepare_model
from rbio_kg.training.pipeline.plan import TrainingPlan
from rbio_kg.training.pipeline.stages import Stages
from rbio_kg.training.prompts.facts import FactSource
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.run_folder import Run, start_run
from rbio_kg.training.runs.trackers import check_tracker

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.training.rewards.composed import ComposedReward


def train_policy(
    paths: WorkspacePaths,
    config: PolicyConfig,
    *,
    reward: ComposedReward,
    questions: QuestionSet,
    facts: FactSource | None,
    snapshot: Snapshot | None,
    build_id: str,
    name: str,
    knockdowns: pl.DataFrame | None = None,
    resume: bool = False,
    dry_run: bool = False,
    stop_on_alarm: bool = False,
    report_to: str = "none",
    progress: Progress,
) -> dict[str, Any]:
    """Train a policy as a recipe says, and examine it before, after the warm-up and after GRPO.

    Started by `accelerate launch`, every process calls this; the first one writes and examines.

    Args:
        paths: the workspace; the run goes to `paths.run(name)`, a converted model to `paths.models`.
        config: the recipe.
        reward: pays completions; its verifiers' probability is also what the warm-up teaches.
        questions: all questions, train and test; the recipe chooses cell line and task.
        facts: the open book, for example the expression verifier; may be None for closed-book
            prompts whose reward is not relative to the gene's prior.
        snapshot: the graph, for the open book, the tools and shuffled names.
        build_id: the graph's build.
        name: of the run; the same in all processes.
        knockdowns: the graph's KNOCKDOWN_CHANGES, to be audited.
        resume: go on with the run of that name from its last checkpoint; a finished run is read, not made again.
        dry_run: check everything, train nothing, write nothing but a converted model.
        stop_on_alarm: end GRPO at the first alarm (see `rbio_kg.training.grpo.alarms`), with a checkpoint.
        report_to: `tensorboard` or `trackio` also get the log's lines; `none`.
        progress: told what happens.

    Returns:
        `run`, `steps`, `resumed_from` (stage and step, or null), `reused`, `reward` {first, last}, `parts` (means
        in the first and last step), `alarms`, `warmup`, `before`, `after_warmup`, `after` (see
        `policy_evaluation.evaluate`), `seconds` by stage, `simulated`. In a process that is not the first: `run` alone.

    Raises:
        TrainingError: there are too few questions, a loss is not finite, an alarm was raised (with `stop_on_alarm`),
            there is no room on the disk, or the run cannot go on.
        ModelError: the language model cannot be loaded, or is not one that can be trained here.
        EvaluationError: a question of the examination is known to what teaches the policy (see
            `rbio_kg.training.evaluation.leakage`).
        ConfigError: as its name says.
    """
    processes = Processes()
    if not processes.first:
        progress = silent
    check_tracker(report_to)
    acceleration_arguments(config)
    if processes.first:
        prepare_model(config.model.name, paths.models, progress)
    processes.wait()
    base = prepare_model(config.model.name, paths.models, progress)
    course = TrainingPlan(config, questions, facts, snapshot, reward, count=token_counter(base, config.questions))
    audit = audit_policy(
        course.evaluation_rows,
        course.test,
        config.questions.split_scheme,
        taught=course.taught,
        train=course.known,
        reward=reward,
        knockdowns=knockdowns,
        where=f"run {name}",
    )
    if config.questions.prompt == "tools":
        course.environment(load_tokenizer(base))  # tells what is missing before anything is trained
    if processes.first:
        check_trainable(load_model(base, config.model.weights))
    if dry_run:
        return {"run": name, "steps": 0, "resumed_from": None, "dry_run": True, **course.counts()}
    run = Run(paths.run(name))
    if processes.first:
        run = start_run(
            paths,
            name,
            kind="training",
            build_id=build_id,
            version=version("rbio-kg"),
            seeds={"recipe": config.seed},
            config=config.model_dump(mode="json"),
            simulated=course.train.simulated,
            resume=resume,
        )
    processes.wait()
    if run.manifest.status == "finished":
        progress(f"run {name} is finished: reused", 1.0)
        return {**run.manifest.result, "reused": True}
    training = Stages(
        run,
        config,
        course,
        reward,
        audit=audit,
        base=base,
        resume=resume,
        stop_on_alarm=stop_on_alarm,
        report_to=report_to,
        processes=processes,
        progress=progress,
    )
    if not processes.first:
        training.grpo()
        return {"run": name}
    try:
        with held(run.folder / "run.lock", lambda who: None, seconds=0):
            return training.whole()
    except TimeoutError as error:
        raise TrainingError(
            f"this run is being trained by {error}", where=run.folder, hint="wait for it, or choose another --name"
        ) from None
