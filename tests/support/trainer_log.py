"""What the trainer of TRL makes of reward functions: it calls them on a batch and logs means, None without any value.

This repeats TRL 1.16 (`GRPOTrainer._calculate_rewards`, `_generate_and_score_completions` and `log`) without a model.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class LoggedBatch:
    """The values that the functions gave, by name, and the metrics that the trainer logs."""

    values: Mapping[str, list[float | None]]
    metrics: Mapping[str, float | None]


def log_batch(
    functions: Sequence[Callable[..., list[float | None]]],
    weights: Sequence[float],
    prompts: Sequence[str],
    completions: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
    *,
    step: int,
    group: int,
) -> LoggedBatch:
    """Call the functions as the trainer does before step `step + 1`; `group` completions answer one prompt."""
    logged: dict[str, list[float]] = defaultdict(list)
    values: dict[str, list[float | None]] = {}
    for function in functions:
        values[function.__name__] = function(
            prompts=list(prompts),
            completions=list(completions),
            completion_ids=[[1]] * len(prompts),
            **columns,
            trainer_state=SimpleNamespace(global_step=step),
            log_extra=lambda name, column: None,
            log_metric=lambda name, value: logged[name].append(value),
        )
    metrics = {f"rewards/{name}/mean": mean(column) for name, column in values.items()}
    rewards = [_total(row, weights) for row in zip(*values.values(), strict=True)]
    groups = [rewards[start : start + group] for start in range(0, len(rewards), group)]
    metrics["reward"] = mean(rewards)
    metrics["frac_reward_zero_std"] = sum(None not in row and len(set(row)) == 1 for row in groups) / len(groups)
    metrics |= {name: mean(column) for name, column in logged.items()}
    return LoggedBatch(values, {"loss": 0.0, "entropy": 0.5, "completions/mean_length": 9.0, **metrics})


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are there; None where none is."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return sum(known) / len(known) if known else None


def _total(row: Sequence[float | None], weights: Sequence[float]) -> float | None:
    known = [weight * value for weight, value in zip(weights, row, strict=True) if value is not None]
    return sum(known) if known else None
