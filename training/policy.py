"""Training a policy from end to end: examine, warm up, examine, GRPO, examine; any stage can be interrupted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.errors import RbioKGError
from rbio_kg.files import write_text
from rbio_kg.paths import WorkspacePaths
from training.audit import audit_policy
from training.course import Course, token_counter
from training.facts import FactSource
from training.language_model import LanguageModel, Precision, load_model, load_tokenizer, prepare_model
from training.policy_evaluation import examine
from training.policy_model import load_stages, save_facts_settings, save_stage, stage_saved
from training.questions import Questions
from training.recipe import PolicyConfig
from training.runs import Run, dump, start_run

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
    progress: Progress,
) -> dict[str, Any]:
    """Train a policy as a recipe says, and examine it before, after the warm-up and after GRPO.

    Args:
        paths: the workspace; the run goes to `paths.run(name)`, a converted model to `paths.models`.
        config: the recipe.
        reward: pays completions; its verifiers' probability is also what the warm-up teaches.
        questions: all questions, train and test; the recipe chooses cell line and task.
        facts: the open book, for example the expression verifier; may be None for closed-book prompts.
        snapshot: the graph, for direct links in the open book.
        build_id: the graph's build.
        name: of the run.
        knockdowns: the graph's KNOCKDOWN_CHANGES, to be audited.
        resume: go on with the run of that name from its last checkpoint; a finished run is read, not made again.
        dry_run: check everything, train nothing, write nothing but a converted model.
        progress: told what happens.

    Returns:
        `run`, `steps`, `resumed_from` (stage and step, or null), `reused`, `reward` {first, last}, `parts` (means
        in the first and last step), `warmup`, `before`, `after_warmup`, `after` (see
        `policy_evaluation.examine`), `seconds` by stage, `simulated`.

    Raises:
        TrainingError: there are too few questions, a loss is not finite, or the run cannot go on.
        ModelError: the language model cannot be loaded.
        EvaluationError: a question of the examination is known to what teaches the policy (see `training.audit`).
        ConfigError: as its name says.
    """
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
    precision: Precision = "float32" if config.model.method == "full" else config.model.precision
    if config.questions.prompt == "tools":
        course.environment(load_tokenizer(base))  # tells what is missing before anything is trained
    if dry_run:
        load_model(base, precision)
        return {"run": name, "steps": 0, "resumed_from": None, "dry_run": True, **course.counts()}
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
    if run.manifest.status == "finished":
        progress(f"run {name} is finished: reused", 1.0)
        return {**run.manifest.result, "reused": True}
    try:
        result = _Training(
            run, config, course, reward, audit=audit, base=base, precision=precision, resume=resume, progress=progress
        ).result()
    except KeyboardInterrupt:
        run.update(status="interrupted")
        raise
    except Exception:
        with suppress(RbioKGError, OSError):
            run.update(status="failed")
        raise
    run.update(status="finished", result=result)
    return result


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
        precision: Precision,
        resume: bool,
        progress: Progress,
    ) -> None:
        self.run, self.config, self.course, self.reward, self.audit = run, config, course, reward, audit
        self.base, self.precision, self.resume, self.progress = base, precision, resume, progress
        self.seconds: dict[str, float] = {}
        self.resumed_from: dict[str, Any] | None = None
        self.warmup: dict[str, Any] | None = None
        if course.book is not None:
            save_facts_settings(run.model, course.book.thresholds.tolist(), course.book.neighbours)
        run.write_questions(course.taught)

    def result(self) -> dict[str, Any]:
        """Train and examine; see `train_policy`."""
        stage = "warmup" if self.config.warmup.examples else ""
        before = self._exam("before", lambda: load_model(self.base, self.precision))
        if stage and not stage_saved(self.run.model, "warmup"):
            self._timed("warmup", self._warm_up)
        after_warmup = self._exam("after_warmup", self._warmed_up) if stage else None
        if self.config.grpo.steps and not stage_saved(self.run.model, "grpo"):
            self._timed("grpo", self._grpo)
        after = self._exam("after", self._trained)
        steps = [line for line in self.run.logged() if line.get("phase") == "grpo"]
        return {
            "run": self.run.folder.name,
            "steps": len(steps),
            "resumed_from": self.resumed_from,
            "reused": False,
            "reward": _ends(steps, "reward"),
            "parts": {name: _ends(steps, f"rewards/{name}/mean") for name in self.reward.part_names if steps},
            "warmup": self.warmup or _warmup_file(self.run),
            "before": before,
            "after_warmup": after_warmup,
            "after": after,
            "seconds": self.seconds,
            "simulated": self.course.train.simulated,
            **self.course.counts(),
        }

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        started = time.monotonic()
        found = work()
        self.seconds[stage] = round(time.monotonic() - started, 1)
        self.run.update(stage=stage)
        return found

    def _warmed_up(self) -> LanguageModel:
        return load_stages(self.base, self.run.model, self.config.model.method, self.precision, "warmup")

    def _trained(self) -> LanguageModel:
        return load_stages(self.base, self.run.model, self.config.model.method, self.precision)

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
        start = load_model(self.base, self.precision)
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
        self.run.rewrite_log([*history.lines(), *others])
        write_text(self.run.checkpoints / "warmup.json", dump(self.warmup))
        save_stage(model, start.tokenizer, self.run.model, "warmup")
        checkpoint.unlink(missing_ok=True)

    def _grpo(self) -> None:
        from training.grpo import run_grpo

        dataset = self.course.grpo_rows.to_dataset(self.config.questions.prompt, self.config.questions.system)
        start = self._warmed_up()
        environment = None
        if self.config.questions.prompt == "tools":
            environment = self.course.environment(start.tokenizer)
        model, done = run_grpo(
            start,
            dataset,
            self.reward,
            self.config,
            self.run,
            resume=self.resume,
            environment=environment,
            progress=self.progress,
        )
        if done:
            self.resumed_from = {"stage": "grpo", "step": done}
        save_stage(model, start.tokenizer, self.run.model, "grpo")


def _warmup_file(run: Run) -> dict[str, Any] | None:
    path: Path = run.checkpoints / "warmup.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _ends(steps: Sequence[dict[str, Any]], key: str) -> dict[str, float | None]:
    """The first and the last step's value."""
    return {"first": steps[0].get(key), "last": steps[-1].get(key)} if steps else {"first": None, "last": None}
