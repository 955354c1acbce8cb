"""Geometry of the report's charts: scales, ticks and lines in the coordinates of an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 200
"""Size of a line chart, in its own units (about CSS pixels)."""

LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 34
"""Margins that hold the axes' labels."""

MOST_POINTS = 400
"""A longer line is drawn through the means of as many runs of neighbouring points."""


@dataclass(frozen=True)
class Scale:
    """A straight mapping of `low..high` onto `start..end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of a value, rounded to a tenth."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)


@dataclass(frozen=True)
class Tick:
    """A position on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """One series of a chart; `number` (0..) chooses its colour and dashes, `d` is the SVG path."""

    name: str
    number: int
    d: str
    dots: tuple[tuple[float, float, str], ...]
    first: str
    last: str


@dataclass(frozen=True)
class LineChart:
    """A chart ready to be written as SVG, or, where `missing` says why, only its title and that sentence."""

    id: str
    title: str
    note: str
    x_label: str
    lines: tuple[Line, ...] = ()
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    missing: str = ""
    summary: str = ""


@dataclass(frozen=True)
class Series:
    """Points (x, y) in order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def label(value: float) -> str:
    """A tick's label."""
    return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


def _short(value: float) -> str:
    return label(float(f"{value:.3g}"))


def thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `MOST_POINTS` points: the means of equal runs of neighbours."""
    size = math.ceil(len(points) / MOST_POINTS)
    if size <= 1:
        return list(points)
    runs = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in run) / len(run), sum(y for _, y in run) / len(run)) for run in runs]


def line_chart(
    id: str,
    title: str,
    series: Sequence[Series],
    *,
    note: str = "",
    missing: str,
    x_label: str = "step",
    span: tuple[float, float] | None = None,
) -> LineChart:
    """Lay out a chart of one or more lines.

    Args:
        id: unique in the page.
        title: what is drawn, with the unit.
        series: the lines; those without points are left out.
        note: one line under the title.
        missing: said instead of a chart when no series has a point.
        x_label: what runs along the bottom.
        span: the y range that is shown at least.
    """
    drawn = [one for one in series if one.points]
    if not drawn:
        return LineChart(id, title, note, x_label, missing=missing)
    xs = [x for one in drawn for x, _ in one.points]
    ys = [y for one in drawn for _, y in one.points] + list(span or ())
    low, high = min(ys), max(ys)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    y_values = ticks(low, high)
    y = Scale(y_values[0], y_values[-1], HEIGHT - BOTTOM, TOP)
    first, last = min(xs), max(xs)
    if last == first:
        first, last = first - 0.5, last + 0.5
    x = Scale(first, last, LEFT, WIDTH - RIGHT)
    x_values = [value for value in ticks(first, last) if first <= value <= last and value == round(value)]
    return LineChart(
        id,
        title,
        note,
        x_label,
        tuple(_line(one, index, x, y, x_label) for index, one in enumerate(drawn)),
        tuple(Tick(x(value), label(value)) for value in x_values),
        tuple(Tick(y(value), label(value)) for value in y_values),
        summary="; ".join(
            f"{one.name}: {_short(one.points[0][1])} first, {_short(one.points[-1][1])} last" for one in drawn
        ),
    )


def _line(one: Series, number: int, x: Scale, y: Scale, x_label: str) -> Line:
    points = thin(one.points)
    path = "M" + "L".join(f"{x(px)} {y(py)}" for px, py in points)
    few = points if len(points) <= 40 else []
    dots = tuple((x(px), y(py), f"{one.name}, {x_label} {label(px)}: {label(round(py, 4))}") for px, py in few)
    return Line(
        one.name, number, path if len(points) > 1 else "", dots, _short(one.points[0][1]), _short(one.points[-1][1])
    )
