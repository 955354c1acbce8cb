"""A time budget for a trainer: the step in which the time runs out is the last one."""

from __future__ import annotations

import time
from typing import Any


class TimeBudget:
    """A limit on the time from the first step on. A resumed training has the full time again.

    Args:
        minutes: the limit; None: no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self.minutes = minutes
        self.used_up = False
        self._started: float | None = None

    def start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def is_over(self) -> bool:
        """Whether the time is used up."""
        if self.minutes is not None and self._started is not None:
            self.used_up = time.monotonic() - self._started >= 60.0 * self.minutes
        return self.used_up

    def callback(self) -> Any:
        """For a transformers Trainer: it ends, with a checkpoint, after the step in which the time runs out."""
        from transformers import TrainerCallback

        budget = self

        class Clock(TrainerCallback):  # type: ignore[misc]
            def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                budget.start()

            def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                if budget.is_over():
                    control.should_training_stop = control.should_save = True

        return Clock()
