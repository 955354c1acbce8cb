"""The training curves: from the log step by step, and from the rollouts where the log has no value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from rbio_kg.report.phrases import TEXT_VERIFIERS, number
from rbio_kg.report.plot import LineChart, Series, line_chart
from rbio_kg.report.run_data import RunData
from rbio_kg.training.rewards.trl import part_of

MOST_PARTS = 6
"""Lines in the chart of the reward's parts; more could not be distinguished."""

# What the policy itself can change comes first: a claim verifier's mean only shows which questions were drawn.
_FIRST_PARTS = ("answer", "format", *sorted(TEXT_VERIFIERS))


def is_warmup(step: Mapping[str, Any]) -> bool:
    """Whether a log line belongs to the warm-up."""
    return step.get("phase") == "warmup"


def curves(run: RunData) -> list[LineChart]:
    """The nine curves, in reading order; one that was not logged says so instead."""
    warmup = [step for step in run.log if is_warmup(step)]
    policy = [step for step in run.log if not is_warmup(step)]
    no_warmup = "This run logged no warm-up." if run.log else "This run has no log yet."
    no_policy = "Not logged in this run." if policy else "This run logged no GRPO step."
    answered = pl.col("answer").is_in(["yes", "no"]).fill_null(False)
    said_yes = (pl.col("answer") == "yes").filter(answered).cast(pl.Float64)
    letters = pl.col("completion").str.len_chars().cast(pl.Float64)
    reward, length = logged(policy, "reward"), logged(policy, "completions/mean_length", "tokens")
    formed = by_step(run, "well formed", answered.cast(pl.Float64))
    if not formed.points:
        unparsed = logged(policy, "unparsed")
        formed = Series("well formed", tuple((x, 1.0 - y) for x, y in unparsed.points))
    yes = by_step(run, "yes", said_yes)
    losses = [
        logged(warmup, key, name) for key, name in (("loss", "answer"), ("digit", "confidence"), ("text", "form"))
    ]
    parts = reward_parts(policy)
    left_out = len(parts) - MOST_PARTS
    further = f" {left_out} further are in log.jsonl." if left_out > 0 else ""
    return [
        line_chart("curve-warmup-loss", "Warm-up loss", losses, missing=no_warmup,
                   note="Nats per token of the example answers; lower is better."),
        line_chart("curve-reward", "Reward", [reward if reward.points else by_step(run, "reward", pl.col("reward"))],
                   missing=no_policy, note="Mean over the step's completions. Few prompts a step make it noisy."),
        line_chart("curve-parts", "Parts of the reward", parts[:MOST_PARTS], missing=no_policy,
                   note=f"Means over the step's completions.{further}"),
        line_chart("curve-well-formed", "Well-formed share", [formed], missing=no_policy, span=(0, 1),
                   note="Share of completions that the strict parser could read."),
        line_chart("curve-entropy", "Entropy", [logged(policy, "entropy")], missing=no_policy, span=(0, 0.1),
                   note="Nats per token; near zero the policy has stopped exploring."),
        line_chart("curve-yes", "Share of yes",
                   [yes if yes.points else logged(policy, "yes_share", "yes"),
                    logged(policy, "verifiers_mean", "verifiers' mean")],
                   missing=no_policy, span=(0, 1),
                   note="Among the parsed answers, next to the verifiers' mean probability; a drift to 0 or 1 "
                        "means that it stopped deciding."),
        line_chart("curve-length", "Completion length",
                   [length if length.points else by_step(run, "characters", letters)], missing=no_policy, span=(0, 1),
                   note=f"{'Tokens' if length.points else 'Characters'}, mean over the step's completions."),
        line_chart("curve-held-out", "Held-out score", [logged(policy, "held_out/log_likelihood", "log-likelihood")],
                   missing="No held-out score was logged in this run.", span=(-0.7, -0.6),
                   note="Mean log-likelihood of the labels of train questions that were kept out, nats; a coin has "
                        "-0.693. A reward that rises while this falls is being gamed."),
        line_chart("curve-zero-spread", "Groups without spread", [logged(policy, "frac_reward_zero_std", "share")],
                   missing=no_policy, span=(0, 1),
                   note="Share of groups whose completions all have the same reward: they give no gradient."),
    ]  # fmt: skip


def reward_parts(steps: Iterable[Mapping[str, Any]]) -> list[Series]:
    """One series a part that the trainer logged as `rewards/NAME/mean`; what the policy can change comes first."""
    names = {name for step in steps for key in step if (name := part_of(key)) is not None}
    order = sorted(names, key=lambda name: (_FIRST_PARTS.index(name) if name in _FIRST_PARTS else 99, name))
    found = [logged(steps, f"rewards/{name}/mean", name.replace("_", " ")) for name in order]
    return [series for series in found if series.points]


def by_step(run: RunData, name: str, expression: pl.Expr) -> Series:
    """The mean of an expression over each step's rollouts."""
    means = run.rollouts.group_by("step", maintain_order=True).agg(value=expression.mean()).sort("step")
    points = ((step, number(value)) for step, value in means.select("step", "value").iter_rows())
    return Series(name, tuple((float(step), value) for step, value in points if value is not None))


def logged(steps: Iterable[Mapping[str, Any]], key: str, name: str = "") -> Series:
    """What the steps logged under a key, ascending; a step logged again after a resume counts once, as logged last."""
    points: dict[float, float] = {}
    for position, step in enumerate(steps, start=1):
        x, y = number(step.get("step")), number(step.get(key))
        if y is not None:
            points[float(position) if x is None else x] = y
    return Series(name or key, tuple(sorted(points.items())))
