"""Before and after: every way a policy was scored, next to the trivial baselines, as table rows and whiskers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rbio_kg.report.phrases import digits, number
from rbio_kg.training.runs.run_folder import EVALUATIONS

STAGE_NAMES = {"before": "Before training", "after_warmup": "After the warm-up", "after": "After training"}
BASELINE_NAMES = {
    "gene_prior": "Gene prior",
    "pair_copy": "Pair copy",
    "perturbation_strength": "Perturbation strength",
    "all_no": "Always no",
    "all_yes": "Always yes",
}
READINGS = {"likelihood": "by likelihood", "stated": "as stated", "votes": "by votes"}
POOLED = (
    ("f1", "F1"),
    ("balanced_accuracy", "Bal. acc."),
    ("mcc", "MCC"),
    ("tpr", "TPR"),
    ("tnr", "TNR"),
    ("auroc", "Pooled AUROC"),
)
"""Keys of `pooled` and their column heads."""


@dataclass(frozen=True)
class Result:
    """One row: a model or a baseline under the benchmark's metrics. A figure that does not exist is None."""

    name: str
    baseline: bool
    auroc: float | None
    interval: tuple[float, float] | None
    pooled: Mapping[str, float | None]
    ece: float | None
    unparsed: float | None
    reward: float | None
    genes: float | None
    rows: float | None


@dataclass(frozen=True)
class Whisker:
    """A dot with its interval on the axis of `Whiskers`; positions in percent of the plot's width."""

    result: Result
    dot: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Whiskers:
    """The dot-and-whisker chart; `ticks` are (percent, label), `chance` the position of 0.5."""

    rows: tuple[Whisker, ...]
    ticks: tuple[tuple[float, str], ...]
    chance: float


def result(name: str, values: Any, *, baseline: bool = False) -> Result:
    """Read an evaluation (or a baseline's part of one); a bare number is taken as the per-gene AUROC."""
    found: Mapping[str, Any] = values if isinstance(values, Mapping) else {"per_gene_auroc": values}
    pooled = found.get("pooled")
    pooled = pooled if isinstance(pooled, Mapping) else found
    return Result(
        name,
        baseline,
        number(found.get("per_gene_auroc")),
        interval(found.get("interval")),
        {key: number(pooled.get(key)) for key, _ in POOLED},
        number(found.get("ece")),
        number(found.get("unparsed_rate")),
        number(found.get("mean_reward", found.get("reward"))),
        number(found.get("genes")),
        number(found.get("rows")),
    )


def interval(value: Any) -> tuple[float, float] | None:
    """(low, high) where both ends are numbers."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return None
    low, high = number(value[0]), number(value[1])
    return None if low is None or high is None else (low, high)


def results(evaluations: Mapping[str, Mapping[str, Any]]) -> list[Result]:
    """The run's evaluations in order of time, each in all readings that were made, then baselines."""
    rows: list[Result] = []
    for stage in EVALUATIONS:
        values = evaluations.get(stage)
        if values is None:
            continue
        readings = [key for key in READINGS if values.get(key) is not None]
        sizes = {key: values.get(key) for key in ("genes", "rows")}
        # Only written answers can be unparsed or rewarded.
        written = {key: values.get(key) for key in ("unparsed_rate", "mean_reward")}
        for key in readings:
            nested = values[key] if isinstance(values[key], Mapping) else {"per_gene_auroc": values[key]}
            known = {name: value for name, value in nested.items() if value is not None}
            shared = {**sizes, **written} if key == "votes" else sizes
            rows.append(result(f"{STAGE_NAMES[stage]}, {READINGS[key]}", {**shared, **known}))
        if not readings:
            rows.append(result(STAGE_NAMES[stage], values))
    return rows + baselines(next((evaluations[stage] for stage in reversed(EVALUATIONS) if stage in evaluations), {}))


def baselines(values: Mapping[str, Any]) -> list[Result]:
    """The trivial baselines of an evaluation or a scorecard, known ones first."""
    found = values.get("baselines")
    if not isinstance(found, Mapping):
        return []
    order = [*BASELINE_NAMES, *sorted(set(found) - set(BASELINE_NAMES))]
    return [
        result(BASELINE_NAMES.get(name, name.replace("_", " ")), found[name], baseline=True)
        for name in order
        if found.get(name) is not None
    ]


def whiskers(rows: Sequence[Result]) -> Whiskers | None:
    """Lay out the chart of per-gene AUROCs, or None where no row has one. The axis runs over whole tenths."""
    known = [row for row in rows if row.auroc is not None]
    if not known:
        return None
    ends = [0.4, 0.6]
    for row in known:
        ends += [row.auroc or 0.0, *(row.interval or ())]
    low, high = int(min(ends) * 10 + 1e-9) / 10, -int(-max(ends) * 10 - 1 + 1e-9) / 10
    high = min(high, 1.0)

    def place(value: float) -> float:
        return round(4 + 92 * min(max((value - low) / (high - low), 0.0), 1.0), 2)

    tenths = [round(low + index / 10, 1) for index in range(round((high - low) * 10) + 1)]
    return Whiskers(
        tuple(
            Whisker(
                row,
                place(row.auroc or 0.0),
                None if row.interval is None else place(row.interval[0]),
                None if row.interval is None else place(row.interval[1]),
            )
            for row in known
        ),
        tuple((place(tenth), f"{tenth:.1f}") for tenth in tenths),
        place(0.5),
    )


def headlines(evaluations: Mapping[str, Mapping[str, Any]]) -> list[Result]:
    """The first and the last evaluation by the figures that they put first."""
    made = [stage for stage in EVALUATIONS if stage in evaluations]
    return [_headline(evaluations[stage], stage) for stage in dict.fromkeys((*made[:1], *made[-1:]))]


def finding(evaluations: Mapping[str, Mapping[str, Any]], *, simulated: bool = False) -> str:
    """What the first and the last evaluation show, in one or two careful sentences; empty without any."""
    word = ", simulated" if simulated else ""
    told_of = headlines(evaluations)
    if not told_of:
        return ""
    first, last = told_of[0], told_of[-1]
    if first.auroc is None or last.auroc is None:
        return "No monitored gene had both labels, so there is no per-gene AUROC to compare."
    if len(told_of) == 1:
        summary = f"Only one evaluation was made ({first.name.lower()}): {_with_interval(first)}{word}"
        return f"{summary}; there is nothing to compare it with."
    change = last.auroc - first.auroc
    summary = (
        f"Per-gene AUROC went from {_with_interval(first)} ({first.name.lower()}{word}) to {_with_interval(last)} "
        f"({last.name.lower()}{word}), a change of {'+' if change >= 0 else ''}{digits(change, 3)}{word}. "
    )
    if first.interval is None or last.interval is None:
        return summary + "Without intervals it cannot be distinguished from chance."
    if first.interval[0] <= last.interval[1] and last.interval[0] <= first.interval[1]:
        return summary + "The intervals overlap, so these figures alone do not show a difference."
    return summary + "The intervals do not overlap."


def _headline(values: Mapping[str, Any], stage: str) -> Result:
    """The evaluation's own figures, or those by likelihood, then by votes."""
    options = [values, *(values.get(key) for key in READINGS)]
    chosen = [row for row in (result(STAGE_NAMES[stage], option) for option in options) if row.auroc is not None]
    return chosen[0] if chosen else result(STAGE_NAMES[stage], values)


def _with_interval(row: Result) -> str:
    if row.interval is None:
        return digits(row.auroc, 3)
    return f"{digits(row.auroc, 3)} [{digits(row.interval[0], 3)}, {digits(row.interval[1], 3)}]"
