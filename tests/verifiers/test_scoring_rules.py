"""Scoring rules against their formulas and defining properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import RewardError
from rbio_kg.verifiers.scoring_rules import relative, rounded, scoring_rule

probability = st.floats(0.0, 1.0)
GRID = np.linspace(0.0, 1.0, 1001)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(RewardError, match="known: linear, brier, log"):
        scoring_rule("cubic")


@given(probability, probability)
def test_rules_are_the_stated_formulas(v: float, q: float) -> None:
    assert scoring_rule("linear")(v, q) == pytest.approx(v if q > 0.5 else 1 - v if q < 0.5 else 0.5)
    assert scoring_rule("brier")(v, q) == pytest.approx(1 - (v * (1 - q) ** 2 + (1 - v) * q**2))
    kept = min(max(q, 0.02), 0.98)
    raw = v * math.log(kept) + (1 - v) * math.log(1 - kept)
    expected = (raw - math.log(0.02)) / (math.log(0.98) - math.log(0.02))
    assert scoring_rule("log")(v, q) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["linear", "brier", "log"])
@given(v=probability, q=probability)
def test_the_reward_lies_between_0_and_1_and_is_symmetric(name: str, v: float, q: float) -> None:
    rule = scoring_rule(name)
    assert 0.0 <= rule(v, q) <= 1.0
    assert rule(v, q) == pytest.approx(rule(1.0 - v, 1.0 - q), abs=1e-9)


@pytest.mark.parametrize("name", ["brier", "log"])
@given(v=probability)
def test_proper_rules_reward_stating_v_most(name: str, v: float) -> None:
    best = GRID[int(np.argmax(scoring_rule(name)(v, GRID)))]
    reachable = v if name == "brier" else min(max(v, 0.02), 0.98)
    low, high = (0.0, 1.0) if name == "brier" else (0.02, 0.98)
    assert abs(min(max(best, low), high) - reachable) <= 0.001


@given(v=probability)
def test_the_linear_rule_rewards_only_the_likelier_answer(v: float) -> None:
    rule = scoring_rule("linear")
    assert max(rule(v, GRID)) == pytest.approx(max(v, 1 - v))
    assert rule(v, 0.51) == rule(v, 0.99)


def test_a_bare_answer_has_the_same_advantage_under_linear_and_brier() -> None:
    v = np.linspace(0, 1, 11)
    gaps = [scoring_rule(name)(v, 1.0) - scoring_rule(name)(v, 0.0) for name in ("linear", "brier")]
    assert np.allclose(gaps[0], gaps[1])
    assert np.allclose(gaps[0], 2 * v - 1)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_relative_is_the_odds_ratio_to_the_base_rate(v: float, pi: float) -> None:
    odds = (v / (1 - v)) / (pi / (1 - pi))
    assert relative(v, pi) == pytest.approx(odds / (1 + odds))
    assert relative(pi, pi) == pytest.approx(0.5)
    assert np.isnan(relative(np.nan, pi)) and np.isnan(relative(v, np.nan))


@given(st.floats(0.01, 0.99), st.lists(st.floats(0.01, 0.99), min_size=2, max_size=6))
def test_relative_keeps_the_ranking_within_a_gene(pi: float, values: list[float]) -> None:
    assert (np.diff(relative(np.sort(values), pi)) >= 0).all()


@given(probability)
def test_rounding(value: float) -> None:
    got = float(rounded(value, 0.05))
    assert abs(got - value) <= 0.025 + 1e-9
    assert got == round(got, 2)
    assert rounded(value, 0.0) == value
    assert np.isnan(rounded(np.nan, 0.05))
