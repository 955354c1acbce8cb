"""Time budgets: none without minutes, and the trainer stops once it is used up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rbio_kg.training.grpo import time_budget
from rbio_kg.training.grpo.time_budget import TimeBudget
from rbio_kg.training.runs.run_folder import read_run
from tests.support.small_run import run_small, small_recipe
from tests.support.tiny_model import save_tiny_model


def steps(budget: TimeBudget, count: int) -> list[bool]:
    clock, control = budget.callback(), SimpleNamespace(should_training_stop=False, should_save=False)
    clock.on_train_begin(None, None, control)
    stopped = []
    for _ in range(count):
        clock.on_step_end(None, None, control)
        stopped.append(control.should_training_stop and control.should_save)
    return stopped


def test_without_minutes_there_is_no_end() -> None:
    budget = TimeBudget(None)
    assert steps(budget, 3) == [False] * 3
    assert not budget.used_up


def test_the_step_in_which_the_time_runs_out_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    now: list[float] = [0.0]

    def clock() -> float:
        now[0] += 40.0
        return now[0]

    monkeypatch.setattr(time_budget.time, "monotonic", clock)
    budget: Any = TimeBudget(1.5)
    assert steps(budget, 4) == [False, False, True, True]
    assert budget.used_up


def test_grpo_ends_with_its_time(tmp_path: Path) -> None:
    recipe = small_recipe(save_tiny_model(tmp_path / "tiny"), **{"grpo.minutes": 1e-6, "evaluation.vote_rows": 0})
    assert recipe.grpo.steps == 4
    result = run_small(tmp_path / "work", recipe)
    assert result["steps"] == 1
    assert read_run(tmp_path / "work" / "runs" / "small").status == "finished"
