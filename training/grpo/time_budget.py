"""A time budget for a trainer: the step in which it runs out is the last."""

from __future__ import annotations

import time
from typing import Any


class TimeBudget:
    """So many minutes from the first step on; without minutes there is no end. Resumed trainings begin anew."""

    def __init__(self, minutes: float | None) -> None:
        self.minutes = minutes
        self.used_up = False
        self._began: float | None = None

    def begin(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def over(self) -> bool:
        """Whether the time is used up."""
        if self.minutes is not None and self._began is not None:
            self.used_up = time.monotonic() - self._began >= 60.0 * self.minutes
        return self.used_up

    def callback(self) -> Any:
        """For a transformers Trainer: it ends, with a checkpoint, after the step in which the time runs out."""
        from transformers import TrainerCallback

        budget = self

        class Clock(TrainerCallback):  # type: ignore[misc]
            def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                budget.begin()

            def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                if budget.over():
                    control.should_training_stop = control.should_save = True

        return Clock()
