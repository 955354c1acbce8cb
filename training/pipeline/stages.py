"""The stages of a training: evaluate, SFT, evaluate, GRPO, evaluate. A stage whose result is there is skipped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import RbioKGError, TrainingError
from rbio_kg.core.interruption import interruption_of
from rbio_kg.training.evaluation.inputs import EvaluationInputs
from rbio_kg.training.evaluation.policy import Answering, evaluate
from rbio_kg.training.grpo.checkpoints import disk_space_needed, drop_leftovers
from rbio_kg.training.grpo.trainer import AlarmError, run_grpo
from rbio_kg.training.models.adapters import load_stages, save_facts_settings, save_stage, stage_saved
from rbio_kg.training.models.loading import load_model
from rbio_kg.training.models.lora import add_lora
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.pipeline.model_card import write_card
from rbio_kg.training.pipeline.plan import TrainingPlan
from rbio_kg.training.pipeline.result import FirstLast, TrainingResult
from rbio_kg.training.runs.context import TrainingContext
from rbio_kg.training.runs.manifest import RunStatus
from rbio_kg.training.runs.resume import resume_command
from rbio_kg.training.runs.run_folder import Run, dump
from rbio_kg.training.sft.targets import make_examples
from rbio_kg.training.sft.trainer import run_sft
from rbio_kg.verifiers.text.statements import StatementChecker

T = TypeVar("T")


def _ended_by(error: BaseException) -> RunStatus:
    """The status of a run that an error ended."""
    if interruption_of(error) is not None:
        return "interrupted"
    return "stopped" if isinstance(error, AlarmError) else "failed"


class Stages:
    """The stages of one training.

    Args:
        context: the run, its recipe and its reward.
        plan: the questions.
        audit: the report of `audit_policy`, which every evaluation repeats.
        base: where the untrained model is, as `prepare_model` gave it.
    """

    def __init__(self, context: TrainingContext, plan: TrainingPlan, *, audit: dict[str, Any], base: str) -> None:
        self.context, self.plan, self.audit, self.base = context, plan, audit, base
        self.run, self.config = context.run, context.config
        self.seconds: dict[str, float] = {}
        self.resumed_from: dict[str, Any] | None = None
        self.sft_report: dict[str, Any] | None = None

    def run_all(self) -> TrainingResult:
        """Run all stages, and record in the manifest how the run ended."""
        try:
            with disk_space_needed(self.run.folder, resume=resume_command(self.run.folder)):
                result = self._stages()
                document = result.to_json()
                write_card(self.run, document)
                self.run.update(status="finished", result=document)
        except (Exception, KeyboardInterrupt) as error:
            with suppress(RbioKGError, OSError):
                self.run.update(status=_ended_by(error))
            raise
        return result

    def _stages(self) -> TrainingResult:
        drop_leftovers(self.run.folder)
        book = self.plan.book
        if book is not None:
            save_facts_settings(self.run.model, book.thresholds.tolist(), book.neighbours)
        self.run.write_questions(self.plan.trained_rows)
        has_sft = bool(self.config.warmup.examples)
        before = self._evaluate("before", lambda: load_model(self.base, self.config.model.weights))
        if has_sft and not stage_saved(self.run.model, "warmup"):
            self._timed("warmup", self._run_sft)
        after_sft = self._evaluate("after_warmup", self._after_sft) if has_sft else None
        self.grpo()
        after = self._evaluate("after", self._after_grpo)
        steps = [line for line in self.run.logged() if line.get("phase") == "grpo"]
        names = self.context.reward.part_names if steps else ()
        return TrainingResult(
            run=self.run.folder.name,
            steps=len(steps),
            resumed_from=self.resumed_from,
            reward=FirstLast.of(steps, "reward"),
            parts={name: FirstLast.of(steps, f"rewards/{name}/mean") for name in names},
            alarms=[dict(alarm) for alarm in self.run.manifest.alarms],
            warmup=self.sft_report or _saved_sft_report(self.run),
            before=before,
            after_warmup=after_sft,
            after=after,
            seconds=self.seconds,
            simulated=self.plan.simulated,
            questions=self.plan.counts(),
        )

    def grpo(self) -> None:
        """Run GRPO in all processes at once; the first process calls this after SFT, the others at their start."""
        processes = self.context.processes
        processes.wait()
        if self.config.grpo.steps and not stage_saved(self.run.model, "grpo"):
            self._timed("grpo", self._run_grpo)
        processes.wait()

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        started = time.monotonic()
        found = work()
        self.seconds[stage] = round(time.monotonic() - started, 1)
        if self.context.processes.first:
            self.run.update(stage=stage)
        return found

    def _after_sft(self) -> LanguageModel:
        model = self.config.model
        return load_stages(self.base, self.run.model, model.method, model.weights, "warmup")

    def _after_grpo(self) -> LanguageModel:
        return load_stages(self.base, self.run.model, self.config.model.method, self.config.model.weights)

    def _evaluate(self, stage: str, load: Callable[[], LanguageModel]) -> Mapping[str, Any]:
        with suppress(TrainingError):  # a corrupt file: evaluate again
            if (known := self.run.read_evaluation(stage)) is not None:
                return known
        label = stage.replace("_", " ")
        result, _ = self._timed(
            f"evaluation {label}",
            lambda: evaluate(
                load(),
                self.plan.evaluation_rows,
                Answering.of(self.config),
                EvaluationInputs(self.plan.baseline_rows, reward=self.context.reward),
                audit=self.audit,
                progress=lambda message, share: self.context.progress(f"{label}: {message}", share),
            ),
        )
        document = result.to_json()
        self.run.write_evaluation(stage, document)
        return document

    def _run_sft(self) -> None:
        settings, seed = self.config.warmup, self.config.seed
        start = load_model(self.base, self.config.model.weights)
        model = start.model
        if self.config.model.method == "lora":
            model = add_lora(model, rank=settings.rank, top_layers=settings.top_layers, seed=seed)
        checkpoint = self.run.checkpoints / "warmup.pt"
        history, done = run_sft(
            LanguageModel(model, start.tokenizer, start.path),
            make_examples(self.plan.sft_rows, self.config, self.context.reward, start.tokenizer),
            settings,
            seed=seed,
            checkpoint=checkpoint,
            resume=self.context.resume,
            progress=self.context.progress,
        )
        if done:
            self.resumed_from = {"stage": "warmup", "step": done}
        self.sft_report = history.to_json()
        self.run.rewrite_log([line for line in self.run.logged() if line.get("phase") != "warmup"])
        for line in history.lines():
            self.run.log(line)
        write_text(_sft_report_file(self.run), dump(self.sft_report))
        save_stage(model, start.tokenizer, self.run.model, "warmup", base=self.config.model.name)
        checkpoint.unlink(missing_ok=True)

    def _run_grpo(self) -> None:
        section, snapshot = self.config.questions, self.plan.snapshot
        start = self._after_sft()
        trained = run_grpo(
            self.context,
            start,
            self.plan.grpo_rows.to_dataset(section.prompt, section.system),
            validation=self.plan.validation(),
            environment=self.plan.environment(start.tokenizer) if section.prompt == "tools" else None,
            checker=None if snapshot is None else StatementChecker(snapshot),
        )
        if trained.resumed_from:
            self.resumed_from = {"stage": "grpo", "step": trained.resumed_from}
        if self.context.processes.first:
            name = self.config.model.name
            save_stage(trained.model, start.tokenizer, self.run.model, "grpo", trained.weights, base=name)


def _sft_report_file(run: Run) -> Path:
    return run.checkpoints / "warmup.json"


def _saved_sft_report(run: Run) -> dict[str, Any] | None:
    path = _sft_report_file(run)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
