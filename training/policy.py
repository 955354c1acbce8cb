"""Training a policy from end to end: examine, warm up, examine, GRPO, examine; any stage can be interrupted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.errors import RbioKGError, TrainingError
from rbio_kg.files import write_text
from rbio_kg.lock import held
from rbio_kg.paths import WorkspacePaths
from training.acceleration import acceleration_arguments
from training.audit import audit_policy
from training.checkpoints import drop_leftovers, room_needed
from training.course import Course, token_counter
from training.facts import FactSource
from training.grpo import AlarmError, run_grpo
from training.language_model import LanguageModel, load_model, load_tokenizer, prepare_model
from training.model_card import write_card
from training.model_checks import check_trainable
from training.policy_evaluation import examine
from training.policy_model import load_stages, save_facts_settings, save_stage, stage_saved
from training.processes import Processes
from training.questions import Questions
from training.recipe import PolicyConfig
from training.runs import Run, dump, start_run
from training.trackers import check_tracker, open_tracker

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.graph.snapshot import Snapshot
    from training.rewards import ComposedReward

Progress = Callable[[str, float | None], None]


def train_policy(
    paths: WorkspacePaths,
    config: PolicyConfig,
    *,
    reward: ComposedReward,
    questions: Questions,
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
        facts: the open book, for example the expression verifier; may be None for closed-book prompts.
        snapshot: the graph, for direct links in the open book.
        build_id: the graph's build.
        name: of the run; the same in all processes.
        knockdowns: the graph's KNOCKDOWN_CHANGES, to be audited.
        resume: go on with the run of that name from its last checkpoint; a finished run is read, not made again.
        dry_run: check everything, train nothing, write nothing but a converted model.
        stop_on_alarm: end GRPO at the first alarm (see `training.alarms`), with a checkpoint.
        report_to: `tensorboard` or `trackio` also get the log's lines; `none`.
        progress: told what happens.

    Returns:
        `run`, `steps`, `resumed_from` (stage and step, or null), `reused`, `reward` {first, last}, `parts` (means
        in the first and last step), `alarms`, `warmup`, `before`, `after_warmup`, `after` (see
        `policy_evaluation.examine`), `seconds` by stage, `simulated`. In a process that is not the first: `run` alone.

    Raises:
        TrainingError: there are too few questions, a loss is not finite, an alarm was raised (with `stop_on_alarm`),
            there is no room on the disk, or the run cannot go on.
        ModelError: the language model cannot be loaded, or is not one that can be trained here.
        EvaluationError: a question of the examination is known to what teaches the policy (see `training.audit`).
        ConfigError: as its name says.
    """
    processes = Processes()
    if not processes.first:
        progress = _nobody
    check_tracker(report_to)
    acceleration_arguments(config)
    if processes.first:
        prepare_model(config.model.name, paths.models, progress)
    processes.wait()
    base = prepare_model(config.model.name, paths.models, progress)
    course = Course(config, questions, facts, snapshot, reward, count=token_counter(base, config.questions))
    audit = audit_policy(
        course.exam,
        course.test,
        config.questions.protocol,
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
    training = _Training(
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


def _nobody(message: str, share: float | None) -> None:
    """Nobody listens."""


class _Training:
    """The stages of one run, each skipped where its result is already there."""

    def __init__(
        self,
        run: Run,
        config: PolicyConfig,
        course: Course,
        reward: ComposedReward,
        *,
        audit: dict[str, Any],
        base: str,
        resume: bool,
        stop_on_alarm: bool,
        report_to: str,
        processes: Processes,
        progress: Progress,
    ) -> None:
        self.run, self.config, self.course, self.reward, self.audit = run, config, course, reward, audit
        self.base, self.resume, self.progress = base, resume, progress
        self.stop_on_alarm, self.report_to, self.processes = stop_on_alarm, report_to, processes
        self.seconds: dict[str, float] = {}
        self.resumed_from: dict[str, Any] | None = None
        self.warmup: dict[str, Any] | None = None

    def whole(self) -> dict[str, Any]:
        """All stages, and how the run ended in its manifest."""
        name = self.run.folder.name
        try:
            with room_needed(self.run.folder, resume=f"rbio-kg train policy --resume --name {name}"):
                result = self._stages()
                write_card(self.run, result)
                self.run.update(status="finished", result=result)
        except KeyboardInterrupt:
            self.run.update(status="interrupted")
            raise
        except Exception as error:
            with suppress(RbioKGError, OSError):
                self.run.update(status="stopped" if isinstance(error, AlarmError) else "failed")
            raise
        finally:
            self.run.close()
        return result

    def _stages(self) -> dict[str, Any]:
        drop_leftovers(self.run.folder)
        if self.course.book is not None:
            save_facts_settings(self.run.model, self.course.book.thresholds.tolist(), self.course.book.neighbours)
        self.run.write_questions(self.course.taught)
        self.run.track(open_tracker(self.report_to, self.run))
        stage = "warmup" if self.config.warmup.examples else ""
        before = self._exam("before", lambda: load_model(self.base, self.config.model.weights))
        if stage and not stage_saved(self.run.model, "warmup"):
            self._timed("warmup", self._warm_up)
        after_warmup = self._exam("after_warmup", self._warmed_up) if stage else None
        self.grpo()
        after = self._exam("after", self._trained)
        steps = [line for line in self.run.logged() if line.get("phase") == "grpo"]
        return {
            "run": self.run.folder.name,
            "steps": len(steps),
            "resumed_from": self.resumed_from,
            "reused": False,
            "reward": _ends(steps, "reward"),
            "parts": {name: _ends(steps, f"rewards/{name}/mean") for name in self.reward.part_names if steps},
            "alarms": [dict(alarm) for alarm in self.run.manifest.alarms],
            "warmup": self.warmup or _warmup_file(self.run),
            "before": before,
            "after_warmup": after_warmup,
            "after": after,
            "seconds": self.seconds,
            "simulated": self.course.train.simulated,
            **self.course.counts(),
        }

    def grpo(self) -> None:
        """GRPO, with all processes at once; the first one comes here from its warm-up."""
        self.processes.wait()
        if self.config.grpo.steps and not stage_saved(self.run.model, "grpo"):
            self._timed("grpo", self._grpo)
        self.processes.wait()

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        started = time.monotonic()
        found = work()
        self.seconds[stage] = round(time.monotonic() - started, 1)
        if self.processes.first:
            self.run.update(stage=stage)
        return found

    def _warmed_up(self) -> LanguageModel:
        model = self.config.model
        return load_stages(self.base, self.run.model, model.method, model.weights, "warmup")

    def _trained(self) -> LanguageModel:
        return load_stages(self.base, self.run.model, self.config.model.method, self.config.model.weights)

    def _exam(self, stage: str, load: Callable[[], LanguageModel]) -> dict[str, Any]:
        path = self.run.evaluation_file(stage)
        if path.is_file():
            with suppress(ValueError):
                known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                return known
        told = stage.replace("_", " ")
        document: dict[str, Any]
        document, _ = self._timed(
            f"evaluation {told}",
            lambda: examine(
                load(),
                self.course.exam,
                train=self.course.known,
                audit=self.audit,
                reward=self.reward,
                asked=self.config.questions,
                settings=self.config.evaluation,
                max_tokens=self.config.grpo.max_tokens,
                seed=self.config.seed,
                progress=lambda message, share: self.progress(f"{told}: {message}", share),
            ),
        )
        write_text(path, dump(document))
        return document

    def _warm_up(self) -> None:
        from training.warmup import add_lora, warm_up

        settings, seed = self.config.warmup, self.config.seed
        start = load_model(self.base, self.config.model.weights)
        model = start.model
        if self.config.model.method == "lora":
            model = add_lora(model, rank=settings.rank, top_layers=settings.top_layers, seed=seed)
        checkpoint = self.run.checkpoints / "warmup.pt"
        history, done = warm_up(
            model,
            start.tokenizer,
            self.course.lessons(start.tokenizer),
            settings,
            seed=seed,
            checkpoint=checkpoint,
            resume=self.resume,
            progress=self.progress,
        )
        if done:
            self.resumed_from = {"stage": "warmup", "step": done}
        self.warmup = history.to_json()
        others = [line for line in self.run.logged() if line.get("phase") != "warmup"]
        self.run.rewrite_log(others)
        for line in history.lines():
            self.run.log(line)
        write_text(self.run.checkpoints / "warmup.json", dump(self.warmup))
        save_stage(model, start.tokenizer, self.run.model, "warmup")
        checkpoint.unlink(missing_ok=True)

    def _grpo(self) -> None:
        dataset = self.course.grpo_rows.to_dataset(self.config.questions.prompt, self.config.questions.system)
        start = self._warmed_up()
        environment = None
        if self.config.questions.prompt == "tools":
            environment = self.course.environment(start.tokenizer)
        trained = run_grpo(
            start,
            dataset,
            self.reward,
            self.config,
            self.run,
            resume=self.resume,
            held_out=self.course.held_out(),
            stop_on_alarm=self.stop_on_alarm,
            environment=environment,
            processes=self.processes,
            progress=self.progress,
        )
        if trained.resumed_from:
            self.resumed_from = {"stage": "grpo", "step": trained.resumed_from}
        if self.processes.first:
            save_stage(trained.model, start.tokenizer, self.run.model, "grpo", trained.weights)


def _warmup_file(run: Run) -> dict[str, Any] | None:
    path: Path = run.checkpoints / "warmup.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _ends(steps: Sequence[dict[str, Any]], key: str) -> dict[str, float | None]:
    """The first and the last step's value."""
    return {"first": steps[0].get(key), "last": steps[-1].get(key)} if steps else {"first": None, "last": None}
