"""Pooling and scoring rules against slow, obvious references and their defining properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import RewardError
from rbio_kg.verifiers.pooling import CERTAINTY, pool, relative, rounded, scoring_rule

probability = st.floats(0.0, 1.0)
score = st.one_of(st.none(), probability)
GRID = np.linspace(0.0, 1.0, 1001)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[float | None]], list[float]]:
    verifiers, claims = draw(st.integers(1, 4)), draw(st.integers(0, 5))
    scores = [[draw(score) for _ in range(claims)] for _ in range(verifiers)]
    weights = [draw(st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0])) for _ in range(verifiers)]
    weights[draw(st.integers(0, verifiers - 1))] = 1.0
    return scores, weights


def slow_pool(column: list[float | None], weights: list[float], how: str) -> float | None:
    total = pooled = 0.0
    for value, weight in zip(column, weights, strict=True):
        if value is None or weight == 0:
            continue
        kept = min(max(value, CERTAINTY), 1 - CERTAINTY)
        pooled += weight * (value if how == "mean" else math.log(kept / (1 - kept)))
        total += weight
    if total == 0:
        return None
    return pooled / total if how == "mean" else 1 / (1 + math.exp(-pooled / total))


@pytest.mark.parametrize("how", ["mean", "log_odds"])
@given(tables())
def test_pooling_equals_the_slow_reference(how: str, table: tuple[list[list[float | None]], list[float]]) -> None:
    scores, weights = table
    array = np.array([[math.nan if x is None else x for x in row] for row in scores]).reshape(len(weights), -1)
    v, spoke = pool(array, weights, how)  # type: ignore[arg-type]
    assert v.shape == (array.shape[1],)
    assert (spoke == ~np.isnan(array)).all()
    for i, got in enumerate(v):
        wanted = slow_pool([row[i] for row in scores], weights, how)
        assert math.isnan(got) if wanted is None else got == pytest.approx(wanted, abs=1e-9)
        assert wanted is None or 0.0 <= got <= 1.0


def test_a_certain_verifier_does_not_silence_the_others() -> None:
    v, _ = pool([[1.0], [0.1]], [1.0, 1.0], "log_odds")
    assert 0.5 < v[0] < 0.99


def test_one_weight_and_the_rest_zero_is_that_verifier_alone() -> None:
    v, _ = pool([[0.2, np.nan], [0.9, 0.7]], [1.0, 0.0])
    assert v[0] == 0.2
    assert np.isnan(v[1])


@pytest.mark.parametrize("weights", [[1.0], [-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_unusable_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(RewardError):
        pool([[0.1], [0.2]], weights)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(RewardError, match="median"):
        pool([[0.1]], [1.0], "median")  # type: ignore[arg-type]
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
def test_pay_lies_between_0_and_1_and_is_symmetric(name: str, v: float, q: float) -> None:
    rule = scoring_rule(name)
    assert 0.0 <= rule(v, q) <= 1.0
    assert rule(v, q) == pytest.approx(rule(1.0 - v, 1.0 - q), abs=1e-9)


@pytest.mark.parametrize("name", ["brier", "log"])
@given(v=probability)
def test_proper_rules_pay_most_for_saying_v(name: str, v: float) -> None:
    best = GRID[int(np.argmax(scoring_rule(name)(v, GRID)))]
    reachable = v if name == "brier" else min(max(v, 0.02), 0.98)
    low, high = (0.0, 1.0) if name == "brier" else (0.02, 0.98)
    assert abs(min(max(best, low), high) - reachable) <= 0.001


@given(v=probability)
def test_the_linear_rule_pays_only_the_likelier_answer(v: float) -> None:
    rule = scoring_rule("linear")
    assert max(rule(v, GRID)) == pytest.approx(max(v, 1 - v))
    assert rule(v, 0.51) == rule(v, 0.99)


def test_a_bare_answer_earns_the_same_advantage_by_linear_and_brier() -> None:
    v = np.linspace(0, 1, 11)
    gaps = [scoring_rule(name)(v, 1.0) - scoring_rule(name)(v, 0.0) for name in ("linear", "brier")]
    assert np.allclose(gaps[0], gaps[1])
    assert np.allclose(gaps[0], 2 * v - 1)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_relative_is_what_the_habit_does_not_explain(v: float, pi: float) -> None:
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
