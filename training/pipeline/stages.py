"""The stages of a policy's run: examine, warm up, examine, GRPO, examine; each is skipped where its result is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import RbioKGError, TrainingError
from rbio_kg.core.progress import Progress
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.evaluation.policy import evaluate
from rbio_kg.training.grpo.checkpoints import disk_space_needed, drop_leftovers
from rbio_kg.training.grpo.trainer import AlarmError, run_grpo
from rbio_kg.training.models.adapters import load_stages, save_facts_settings, save_stage, stage_saved
from rbio_kg.training.models.loading import load_model
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.pipeline.model_card import write_card
from rbio_kg.training.pipeline.plan import TrainingPlan
from rbio_kg.training.runs.context import TrainingContext
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.run_folder import Run, dump
from rbio_kg.training.runs.trackers import open_tracker
from rbio_kg.verifiers.text.statements import StatementChecker

if TYPE_CHECKING:
    from rbio_kg.training.rewards.composed import ComposedReward


class Stages:
    """The stages of one run, each skipped where its result is already there."""

    def __init__(
        self,
        run: Run,
        config: PolicyConfig,
        course: TrainingPlan,
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
            with disk_space_needed(self.run.folder, resume=f"rbio-kg train policy --resume --name {name}"):
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
        before = self._evaluate("before", lambda: load_model(self.base, self.config.model.weights))
        if stage and not stage_saved(self.run.model, "warmup"):
            self._timed("warmup", self._warm_up)
        after_warmup = self._evaluate("after_warmup", self._warmed_up) if stage else None
        self.grpo()
        after = self._evaluate("after", self._trained)
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

    def _evaluate(self, stage: str, load: Callable[[], LanguageModel]) -> dict[str, Any]:
        with suppress(TrainingError):  # a corrupt file: evaluate again
            if (known := self.run.read_evaluation(stage)) is not None:
                return known
        told = stage.replace("_", " ")
        document: dict[str, Any]
        document, _ = self._timed(
            f"evaluation {told}",
            lambda: evaluate(
                load(),
                self.course.evaluation_rows,
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
        self.run.write_evaluation(stage, document)
        return document

    def _warm_up(self) -> None:
        from rbio_kg.training.models.lora import add_lora
        from rbio_kg.training.sft.trainer import run_sft

        settings, seed = self.config.warmup, self.config.seed
        start = load_model(self.base, self.config.model.weights)
        model = start.model
        if self.config.model.method == "lora":
            model = add_lora(model, rank=settings.rank, top_layers=settings.top_layers, seed=seed)
        checkpoint = self.run.checkpoints / "warmup.pt"
        history, done = run_sft(
            model,
            start.tokenizer,
            self.course.examples(start.tokenizer),
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
        context = TrainingContext(
            run=self.run,
            config=self.config,
            reward=self.reward,
            processes=self.processes,
            progress=self.progress,
            resume=self.resume,
            stop_on_alarm=self.stop_on_alarm,
            report_to=self.report_to,
        )
        trained = run_grpo(
            context,
            start,
            dataset,
            validation=self.course.held_out(),
            environment=environment,
            checker=None if self.course.snapshot is None else StatementChecker(self.course.snapshot),
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
