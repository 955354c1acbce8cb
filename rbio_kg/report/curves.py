"""The training curves: what the log tells step by step, and what the rollouts tell where the log is silent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from rbio_kg.report.plot import LineChart, Series, line_chart
from rbio_kg.report.run_data import RunData
from rbio_kg.report.wording import number

WELL_FORMED = (
    "well_formed",
    "well_formed_share",
    "parsed_share",
    "format",
    "rewards/format/mean",
    "rewards/well_formed/mean",
)
ENTROPY = ("entropy", "policy_entropy")
YES = ("yes_share", "share_of_yes", "yes_rate", "answers/yes")
LENGTH = ("completions/mean_length", "completion_length", "mean_length")
REWARD = ("reward", "mean_reward")
"""Names under which the log may hold a curve, the first found wins."""

MOST_PARTS = 6
"""Lines in the chart of the reward's parts; more would not be told apart."""

_GRPO_ONLY = ("reward", "completions/", "clip_ratio", "frac_reward", "kl")
_WARMUP_PHASES = ("warmup", "warm-up", "warm_up", "sft")


def is_warmup(step: Mapping[str, Any]) -> bool:
    """Whether a log line belongs to the warm-up: it says so, or it has a loss and nothing that only GRPO logs."""
    phase = step.get("phase", step.get("stage"))
    if isinstance(phase, str):
        return phase.lower() in _WARMUP_PHASES
    return "loss" in step and not any(name in REWARD or name.startswith(_GRPO_ONLY) for name in step)


def curves(run: RunData) -> list[LineChart]:
    """The seven curves, in reading order; one that was not logged says so instead."""
    warmup = [step for step in run.log if is_warmup(step)]
    policy = [step for step in run.log if not is_warmup(step)]
    no_warmup = "This run logged no warm-up." if run.log else "This run has no log yet."
    no_policy = "This run logged no GRPO step." if not policy else "Not logged in this run."
    said_yes = (pl.col("answer") == "yes").filter(_answered()).cast(pl.Float64)
    parts = reward_parts(policy)
    left_out = len(parts) - MOST_PARTS
    further = f" {left_out} further parts are in log.jsonl." if left_out > 0 else ""
    return [
        line_chart("curve-warmup-loss", "Warm-up loss", [_logged(warmup, ("loss",), "loss")],
                   note="Nats per token of the example answers; lower is better.", missing=no_warmup),
        line_chart("curve-reward", "Reward", [_policy(run, policy, REWARD, "reward", pl.col("reward"))],
                   note="Mean over the step's completions. Few prompts a step make it noisy.", missing=no_policy),
        line_chart("curve-parts", "Parts of the reward", parts[:MOST_PARTS],
                   note="Means over the step's completions." + further, missing=no_policy),
        line_chart("curve-well-formed", "Well-formed share",
                   [_policy(run, policy, WELL_FORMED, "well formed", _answered().cast(pl.Float64))],
                   note="Share of completions that the strict parser could read.", missing=no_policy, span=(0, 1)),
        line_chart("curve-entropy", "Entropy", [_logged(policy, ENTROPY, "entropy")],
                   note="Nats per token; near zero the policy has stopped exploring.", missing=no_policy,
                   span=(0, 0.1)),
        line_chart("curve-yes", "Share of yes",
                   [_policy(run, policy, YES, "yes", said_yes)],
                   note="Among the parsed answers; a drift to 0 or 1 means that it stopped deciding.",
                   missing=no_policy, span=(0, 1)),
        _length(run, policy, no_policy),
    ]  # fmt: skip


def reward_parts(steps: Iterable[Mapping[str, Any]]) -> list[Series]:
    """One series a reward function that the trainer logged (`rewards/NAME/mean`), or a part (`parts` of a step)."""
    found: dict[str, list[tuple[float, float]]] = {}
    for x, step in _numbered(steps):
        nested = step.get("parts")
        values = dict(nested) if isinstance(nested, Mapping) else {}
        values |= {
            key[8:-5]: value for key, value in step.items() if key.startswith("rewards/") and key.endswith("/mean")
        }
        for name, value in values.items():
            known = number(value)
            if known is not None:
                found.setdefault(str(name), []).append((x, known))
    return [Series(name.replace("_", " "), tuple(found[name])) for name in sorted(found)]


def _length(run: RunData, policy: list[Mapping[str, Any]], missing: str) -> LineChart:
    tokens = _logged(policy, LENGTH, "tokens")
    if tokens.points:
        return line_chart("curve-length", "Completion length", [tokens], note="Tokens, mean over the step.",
                          missing=missing, span=(0, 1))  # fmt: skip
    letters = _by_step(run, "characters", pl.col("completion").str.len_chars().cast(pl.Float64))
    return line_chart("curve-length", "Completion length", [letters], note="Characters, mean over the step's rollouts.",
                      missing=missing, span=(0, 1))  # fmt: skip


def _answered() -> pl.Expr:
    return pl.col("answer").is_in(["yes", "no"]).fill_null(False)


def _policy(
    run: RunData, steps: list[Mapping[str, Any]], keys: tuple[str, ...], name: str, expression: pl.Expr
) -> Series:
    """The curve as logged, else as the rollouts give it."""
    logged = _logged(steps, keys, name)
    return logged if logged.points else _by_step(run, name, expression)


def _by_step(run: RunData, name: str, expression: pl.Expr) -> Series:
    means = run.rollouts.group_by("step", maintain_order=True).agg(value=expression.mean()).sort("step")
    points = ((step, number(value)) for step, value in means.select("step", "value").iter_rows())
    return Series(name, tuple((float(step), value) for step, value in points if value is not None))


def _logged(steps: Iterable[Mapping[str, Any]], keys: tuple[str, ...], name: str) -> Series:
    points = []
    for x, step in _numbered(steps):
        value = next((known for key in keys if (known := number(step.get(key))) is not None), None)
        if value is not None:
            points.append((x, value))
    return Series(name, tuple(points))


def _numbered(steps: Iterable[Mapping[str, Any]]) -> list[tuple[float, Mapping[str, Any]]]:
    """Steps with their numbers, ascending; a step logged again after a resume counts once, as logged last."""
    numbered: dict[float, Mapping[str, Any]] = {}
    for position, step in enumerate(steps, start=1):
        known = number(step.get("step"))
        x = float(position) if known is None else known
        numbered[x] = {**numbered.get(x, {}), **step}
    return sorted(numbered.items())
