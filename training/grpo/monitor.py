"""The training monitor of GRPO: the log, live progress, validation scores and alarms.

Numbers that are not finite end the training.
"""

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
        self._started: tuple[int, float] | None = None
        self._replay()

    def _replay(self) -> None:
        """Bring the alarms to where the log ends; what they raise now was reported before."""
        for line in self.run.logged():
            if line.get("phase") == "grpo":
                self.alarms.update(line)
            elif line.get("phase") == "held_out":
                self.alarms.update_validation(line["step"], line["held_out/log_likelihood"])

    def begin(self, step: int, model: Any) -> None:
        """Before the first step."""
        self._started = (step, time.monotonic())
        if step == 0:
            self._measure(0, model)

    def update(self, step: int, logs: Mapping[str, Any], model: Any) -> bool:
        """Log a step and raise alarms; whether to stop.

        Raises:
            TrainingError: the loss is not finite.
        """
        line: dict[str, Any] = {"phase": "grpo", "step": step, **{key: _finite(value) for key, value in logs.items()}}
        if line.get("loss") is None:
            raise _not_finite(f"the loss is {logs.get('loss')}", step)
        yes, no = (line.get(f"answered_{answer}") or 0.0 for answer in ("yes", "no"))
        line["yes_share"] = yes / (yes + no) if yes + no else None
        line["frac_reward_zero_std"] = self._without_spread(line)
        raised = self.alarms.update(line)
        if self.processes.first:
            self.run.log(line)
            self.progress(self._summary(step, line), step / self.config.grpo.steps)
        every = self.config.alarms.held_out_every
        if every and step % every == 0:
            raised += self._measure(step, model)
        self._report(raised)
        if self.stop_on_alarm:
            self.stopped_by = self.processes.broadcast(raised[0] if raised else None)
        return self.stopped_by is not None

    def _measure(self, step: int, model: Any) -> list[Alarm]:
        if self.validation is None:
            return []
        # In every process: sharded weights can only be used by all processes together.
        found = self.validation.measure(model, self.tokenizer)
        if self.processes.first:
            self.run.log({"phase": "held_out", "step": step, **found})
        return self.alarms.update_validation(step, found["held_out/log_likelihood"])

    def _report(self, raised: list[Alarm]) -> None:
        if not raised or not self.processes.first:
            return
        for alarm in raised:
            self.run.log({"phase": "alarm", **alarm.to_json()})
            self.progress(f"ALARM ({alarm.name}): {alarm.message}", None)
        known = [*self.run.manifest.alarms, *(alarm.to_json() for alarm in raised)]
        self.run.update(alarms=known)

    def _without_spread(self, line: Mapping[str, Any]) -> float | None:
        """Share of groups whose completions have one reward, among the groups that have a reward; None without any.

        TRL's share counts groups without a reward as groups whose rewards differ.
        """
        share, own = line.get("frac_reward_zero_std"), self.config.grpo.completions / self.processes.size
        scored = 1.0 - (line.get("unscored") or 0.0) / own
        return None if share is None or scored <= 0.0 else min(1.0, share / scored)

    def _summary(self, step: int, line: Mapping[str, Any]) -> str:
        """Steps, reward and its parts, time left, for people; what abstained in the whole step is left out."""
        steps, reward = self.config.grpo.steps, line.get("reward")
        mean = "no completion could be scored" if reward is None else f"mean reward {reward:.3f}"
        parts = {name: value for key, value in line.items() if value is not None and (name := part_of(key)) is not None}
        shown = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
        shown = f" ({shown})" if shown else ""
        left = "" if self._started is None else time_left(self._started[1], step - self._started[0], steps - step)
        return f"GRPO step {step} of {steps}, {mean}{shown}{left}"


def callback(monitor: TrainingMonitor) -> Any:
    """The monitor as a callback of the trainer."""
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
            if logs and "reward" in logs and monitor.update(state.global_step, logs, model):
                control.should_training_stop = control.should_save = True

    return Callback()


def _not_finite(what: str, step: int) -> TrainingError:
    return TrainingError(
        f"GRPO cannot go on: {what} at step {step}",
        hint="the last checkpoint is kept; start another run with a lower grpo.learning_rate in the recipe",
    )


def _finite(value: Any) -> float | None:
    """A number of the trainer's log; None where it is not finite, or where the trainer had none to average.

    TRL logs None for a part of the reward that is None for every completion of a step.
    """
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None
