from __future__ import annotations

import math
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.report.plot import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, Series, line_chart, thin, ticks

_VALUES = st.floats(-1e6, 1e6, allow_nan=False)


@given(_VALUES, st.floats(1e-6, 1e6))
def test_ticks_are_even_and_span_the_range(low: float, width: float) -> None:
    high = low + width
    if high - low < 1e-8 * max(abs(low), 1):
        return
    found = ticks(low, high)
    step = found[1] - found[0]
    assert 2 <= len(found) <= 7
    assert found[0] <= low + step * 1e-6 and found[-1] >= high - step * 1e-6
    assert all(math.isclose(b - a, step, rel_tol=1e-3, abs_tol=1e-9) for a, b in pairwise(found))


@given(st.lists(st.tuples(st.integers(0, 500), _VALUES), min_size=1, max_size=60, unique_by=lambda point: point[0]))
def test_every_point_lies_inside_the_frame(points: list[tuple[int, float]]) -> None:
    series = Series("x", tuple((float(x), y) for x, y in sorted(points)))
    chart = line_chart("a", "A", [series], missing="none")
    numbers = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", chart.lines[0].d)]
    drawn = numbers + [(x, y) for x, y, _ in chart.lines[0].dots]
    assert drawn
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1 for x, y in drawn)


def test_a_chart_without_points_says_why() -> None:
    chart = line_chart("a", "A", [Series("x", ())], missing="Not logged.")
    assert (chart.missing, chart.lines, chart.y_ticks) == ("Not logged.", (), ())


def test_a_single_point_is_a_dot() -> None:
    chart = line_chart("a", "A", [Series("x", ((3.0, 0.5),))], missing="")
    assert chart.lines[0].d == ""
    assert len(chart.lines[0].dots) == 1


def test_long_lines_are_thinned_to_means() -> None:
    points = [(float(x), float(x % 2)) for x in range(10 * MOST_POINTS)]
    thinned = thin(points)
    assert len(thinned) == MOST_POINTS
    assert all(y == 0.5 for _, y in thinned)
    assert thin(points[:5]) == points[:5]


def test_larger_values_stand_higher() -> None:
    chart = line_chart("a", "A", [Series("x", ((1.0, 0.0), (2.0, 1.0)))], missing="")
    (_, low, _), (_, high, _) = chart.lines[0].dots
    assert high < low
