"""Verifiers' scorecards: the coverage, the ranking and the calibration of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rbio_kg.report.phrases import VERIFIERS, digits, number, setting
from rbio_kg.report.plot import Scale
from rbio_kg.report.results import Result, baselines, result

SIDE, MARGIN, HEAD = 250, 38, 10
"""Side of a reliability plot in its own units, the space for its labels, and the space above."""

CARD = (
    ("knows", "What it knows"),
    ("abstains", "When it abstains"),
    ("limits", "Limits"),
    ("sources", "Sources"),
    ("licence", "Licence"),
    ("reference", "Reference"),
)
"""Keys of a verifier's card that are shown, and what they are called."""


@dataclass(frozen=True)
class Dot:
    """One bin of a reliability plot: centre, radius and what it says."""

    x: float
    y: float
    r: float
    title: str


@dataclass(frozen=True)
class Reliability:
    """A reliability plot ready to be written as SVG; `ticks` are (x, y, label)."""

    id: str
    dots: tuple[Dot, ...]
    d: str
    ticks: tuple[tuple[float, float, str], ...]
    corners: tuple[float, float, float, float]


@dataclass(frozen=True)
class Scorecard:
    """One verifier's card. `reason` says why figures are missing, where the card says so."""

    key: str
    name: str
    simulated: bool
    coverage: float | None
    result: Result
    baselines: tuple[Result, ...]
    reliability: Reliability | None
    reason: str
    card: tuple[tuple[str, str], ...]


def read_scorecards(cards: Mapping[str, Mapping[str, Any]], *, simulated: bool) -> list[Scorecard]:
    """The cards in the order of their names; `simulated` holds for cards that do not say."""
    return [_scorecard(name, cards[name], simulated, number) for number, name in enumerate(sorted(cards))]


def _scorecard(name: str, card: Mapping[str, Any], simulated: bool, position: int) -> Scorecard:
    reason = card.get("reason")
    return Scorecard(
        name,
        VERIFIERS.get(name, name.replace("_", " ")),
        bool(card.get("simulated", simulated)),
        number(card.get("coverage")),
        result(name, card),
        tuple(baselines(card)),
        _reliability(f"reliability-{position}", card),
        str(reason) if reason else "",
        tuple((name, setting(card[key])) for key, name in CARD if card.get(key)),
    )


def _reliability(id: str, card: Mapping[str, Any]) -> Reliability | None:
    bins = card.get("reliability")
    if isinstance(bins, Mapping):
        bins = bins.get("bins")
    filled = [one for one in bins or () if isinstance(one, Mapping) and (number(one.get("n")) or 0) > 0]
    points = []
    for one in filled:
        stated, rate, n = number(one.get("mean_probability")), number(one.get("rate")), number(one.get("n"))
        if stated is not None and rate is not None and n is not None:
            points.append((stated, rate, n))
    if not points:
        return None
    x = Scale(0.0, 1.0, MARGIN, SIDE - HEAD)
    y = Scale(0.0, 1.0, SIDE - MARGIN, HEAD)
    most = max(n for _, _, n in points)
    points.sort()
    # The area, not the radius, stands for the number of cases; the smallest dot stays visible.
    dots = tuple(
        Dot(
            x(stated),
            y(rate),
            round(3 + 7 * math.sqrt(n / most), 1),
            f"stated {digits(stated)}, happened {digits(rate)}, {n:,.0f} cases",
        )
        for stated, rate, n in points
    )
    return Reliability(
        id,
        dots,
        "M" + "L".join(f"{dot.x} {dot.y}" for dot in dots) if len(dots) > 1 else "",
        tuple((x(value), y(value), f"{value:g}") for value in (0.0, 0.25, 0.5, 0.75, 1.0)),
        (x(0.0), y(0.0), x(1.0), y(1.0)),
    )
