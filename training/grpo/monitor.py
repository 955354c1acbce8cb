"""Watching GRPO: the log, live progress, held-out scores, alarms, and an end at numbers that are not finite."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.grpo.alarms import Alarm, Alarms
from rbio_kg.training.rewards.trl import part_of
from rbio_kg.training.runs.eta import time_left

if TYPE_CHECKING:
    from rbio_kg.training.grpo.validation import ValidationScore
    from rbio_kg.training.runs.context import TrainingContext


class TrainingMonitor:
    """Logs every step, shows progress, measures the validation score now and then, and raises alarms.

    Args:
        context: its run gets the log and the alarms. The first process writes; the others only stop with it.
        validation: measured before the first step and every `alarms.held_out_every` steps; None: never.
        tokenizer: the model's.
    """

    def __init__(self, context: TrainingContext, validation: ValidationScore | None, tokenizer: Any) -> None:
        self.run, self.config, self.processes = context.run, context.config, context.processes
        self.stop_on_alarm, self.progress = context.stop_on_alarm, context.progress
        self.validation, self.tokenizer = validation, tokenizer
        self.alarms = Alarms(context.config.alarms)
        self.stopped_by: Alarm | None = None
        self._began: tuple[int, float] | None = None
        self._replay()

    def _replay(self) -> None:
        """Bring the alarms to where the log ends; what they raise now was told before."""
        for line in self.run.logged():
            if line.get("phase") == "grpo":
                self.alarms.see(line)
            elif line.get("phase") == "held_out":
                self.alarms.measured(line["step"], line["held_out/log_likelihood"])

    def begin(self, step: int, model: Any) -> None:
        """Before the first step."""
        self._began = (step, time.monotonic())
        if step == 0:
            self._measure(0, model)

    def stepped(self, step: int, logs: Mapping[str, Any], model: Any) -> bool:
        """After a step; whether to stop.

        Raises:
            TrainingError: the loss is not finite.
        """
        line: dict[str, Any] = {"phase": "grpo", "step": step, **{key: _finite(value) for key, value in logs.items()}}
        if line.get("loss") is None:
            raise _not_finite(f"the loss is {logs.get('loss')}", step)
        said = (line.get("answered_yes") or 0.0) + (line.get("answered_no") or 0.0)
        line["yes_share"] = None if not said else (line.get("answered_yes") or 0.0) / said
        raised = self.alarms.see(line)
        if self.processes.first:
            self.run.log(line)
            self.progress(self._told(step, line), step / self.config.grpo.steps)
        every = self.config.alarms.held_out_every
        if every and step % every == 0:
            raised += self._measure(step, model)
        self._tell(raised)
        if self.stop_on_alarm:
            self.stopped_by = self.processes.broadcast(raised[0] if raised else None)
        return self.stopped_by is not None

    def _measure(self, step: int, model: Any) -> list[Alarm]:
        if self.validation is None:
            return []
        # In every process: weights that lie scattered over the processes can only be used by all together.
        found = self.validation.measure(model, self.tokenizer)
        if self.processes.first:
            self.run.log({"phase": "held_out", "step": step, **found})
        return self.alarms.measured(step, found["held_out/log_likelihood"])

    def _tell(self, raised: list[Alarm]) -> None:
        if not raised or not self.processes.first:
            return
        for alarm in raised:
            self.run.log({"phase": "alarm", **alarm.to_json()})
            self.progress(f"ALARM ({alarm.name}): {alarm.message}", None)
        known = [*self.run.manifest.alarms, *(alarm.to_json() for alarm in raised)]
        self.run.update(alarms=known)

    def _told(self, step: int, line: Mapping[str, Any]) -> str:
        """Steps, reward and parts, time left."""
        steps = self.config.grpo.steps
        parts = {name: value for key, value in line.items() if value is not None and (name := part_of(key)) is not None}
        told = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
        left = "" if self._began is None else time_left(self._began[1], step - self._began[0], steps - step)
        return f"GRPO step {step} of {steps}, mean reward {line.get('reward') or 0.0:.3f} ({told}){left}"


def callback(monitor: TrainingMonitor) -> Any:
    """The watch as a callback of the trainer."""
    import torch
    from transformers import TrainerCallback

    class Callback(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any) -> None:
            monitor.begin(state.global_step, model)

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any) -> None:
            # Before the update: the weights are still those of the last good step.
            norms = [value.grad.norm() for value in model.parameters() if value.grad is not None]
            if norms and not bool(torch.isfinite(torch.stack(norms)).all()):
                raise _not_finite("a gradient is not finite", state.global_step + 1)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, model: Any = None, **rest: Any) -> None:
            if logs and "reward" in logs and monitor.stepped(state.global_step, logs, model):
                control.should_training_stop = control.should_save = True

    return Callback()


def _not_finite(what: str, step: int) -> TrainingError:
    return TrainingError(
        f"GRPO cannot go on: {what} at step {step}",
        hint="the last checkpoint is kept; start another run with a lower grpo.learning_rate in the recipe",
    )


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
