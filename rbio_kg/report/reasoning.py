"""What a policy's reasoning does to its answers: tables, and risk against coverage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rbio_kg.report.phrases import REASONINGS, count, digits, number, percent
from rbio_kg.report.plot import LineChart, Series, line_chart
from rbio_kg.report.results import STAGE_NAMES, interval

PREDICTORS = {"own": "after its reasoning", "none": "without reasoning", "gene_prior": "gene prior"}


@dataclass(frozen=True)
class FigureTable:
    """Rows of figures that are already put into digits, each with its name."""

    id: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    simulated: bool


@dataclass(frozen=True)
class ReasoningView:
    """The section as the page shows it."""

    rows: str
    genes: str
    tables: tuple[FigureTable, ...]
    charts: tuple[LineChart, ...]
    simulated: bool


def reasoning_view(document: Mapping[str, Any], *, simulated: bool) -> ReasoningView | None:
    """Lay out the document of `rbio_kg.training.evaluation.reasoning`; None where there is none."""
    if not document:
        return None
    simulated = simulated or bool(document.get("simulated"))
    tables = (
        _parsed(_part(document, "readings"), simulated),
        _stated(_part(document, "stated"), simulated),
        _statements(_part(document, "statements")),
    )
    abstention = _part(document, "abstention")
    missing, answered = "Not measured in this run.", "percent answered"
    charts = (
        line_chart("risk-coverage", "Error rate of the surest answers", _series(abstention, "error"),
                   note="Share of wrong answers among those that are left when the least sure ones are withheld.",
                   missing=missing, x_label=answered, span=(0, 0.1)),
        line_chart("auroc-coverage", "Per-gene AUROC of the surest answers", _series(abstention, "per_gene_auroc"),
                   note="Over the genes that keep both labels: the fewer are answered, the fewer genes there are.",
                   missing=missing, x_label=answered, span=(0.4, 0.6)),
    )  # fmt: skip
    return ReasoningView(
        count(document.get("rows")),
        count(document.get("genes")),
        tuple(table for table in tables if table.rows),
        charts,
        simulated,
    )


def _part(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _ranged(middle: Any, ends: Any) -> str:
    """A figure with its interval, where it has one."""
    known = interval(ends)
    return digits(middle, 3) if known is None else f"{digits(middle, 3)} [{digits(known[0], 3)}, {digits(known[1], 3)}]"


def _parsed(readings: Mapping[str, Any], simulated: bool) -> FigureTable:
    rows = []
    for name, words in REASONINGS.items():
        values = _part(readings, name)
        if not values:
            continue
        lead = _part(values, "lead") if name != "own" else {}
        figures = (
            _ranged(values.get("per_gene_auroc"), values.get("interval")),
            _ranged(lead.get("mean"), (lead.get("low"), lead.get("high"))),
            *(digits(values.get(key), 3) for key in ("brier", "ece", "mean_probability", "mean_change")),
            percent(values.get("flips")),
            digits(values.get("rank_correlation")),
        )
        rows.append((f"After {words}", figures))
    heads = ("Per-gene AUROC", "Own leads by", "Brier", "ECE", "Mean p", "Mean change", "Flipped", "Rank correlation")
    return FigureTable("readings", "The answer after different reasonings", heads, tuple(rows), simulated)


def _stated(stated: Mapping[str, Any], simulated: bool) -> FigureTable:
    figures = (
        _ranged(stated.get("per_gene_auroc"), stated.get("interval")),
        *(digits(stated.get(key), 3) for key in ("brier", "ece", "mean_q", "verifiers_mean")),
        *(percent(stated.get(key)) for key in ("yes_share", "unparsed_rate")),
    )
    heads = (
        "Per-gene AUROC",
        "Brier",
        "ECE",
        "Mean q",
        "Verifiers\N{RIGHT SINGLE QUOTATION MARK} mean",
        "Yes",
        "Unparsed",
    )
    rows = (("Stated probability", figures),) if stated else ()
    return FigureTable("stated", "What it states itself", heads, rows, simulated)


def _statements(statements: Mapping[str, Any]) -> FigureTable:
    rows = []
    for stage, name in STAGE_NAMES.items():
        values = _part(statements, stage)
        if values:
            shares = (percent(values.get(key)) for key in ("supported", "contradicted", "unknown"))
            rows.append((name, (digits(values.get("per_completion")), *shares)))
    heads = ("Per completion", "Supported", "Contradicted", "Unknown")
    return FigureTable("statements", "Its statements, checked against the graph", heads, tuple(rows), False)


def _series(abstention: Mapping[str, Any], key: str) -> list[Series]:
    """A figure of each predictor's curve by the percentage answered; errors with the area under them in the name."""
    found = []
    for name, words in PREDICTORS.items():
        values = _part(abstention, name)
        points = []
        for one in values.get("curve") or ():
            point = one if isinstance(one, Mapping) else {}
            share, value = number(point.get("coverage")), number(point.get(key))
            if share is not None and value is not None:
                points.append((100 * share, value))
        area = f", area {digits(values.get('area'), 3)}" if key == "error" else ""
        found.append(Series(f"{words}{area}", tuple(sorted(points))))
    return found
