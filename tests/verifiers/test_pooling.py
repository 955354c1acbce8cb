"""Pooling against a slow, obvious reference and its defining properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import RewardError
from rbio_kg.verifiers.pooling import CERTAINTY, pool

probability = st.floats(0.0, 1.0)
score = st.one_of(st.none(), probability)


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
    v, scored = pool(array, weights, how)  # type: ignore[arg-type]
    assert v.shape == (array.shape[1],)
    assert (scored == ~np.isnan(array)).all()
    for i, got in enumerate(v):
        wanted = slow_pool([row[i] for row in scores], weights, how)
        assert math.isnan(got) if wanted is None else got == pytest.approx(wanted, abs=1e-9)
        assert wanted is None or 0.0 <= got <= 1.0


def test_a_certain_verifier_does_not_decide_alone() -> None:
    v, _ = pool([[1.0], [0.1]], [1.0, 1.0], "log_odds")
    assert 0.5 < v[0] < 0.99


def test_one_weight_and_the_rest_zero_is_that_verifier_alone() -> None:
    v, _ = pool([[0.2, np.nan], [0.9, 0.7]], [1.0, 0.0], "mean")
    assert v[0] == 0.2
    assert np.isnan(v[1])
    by_default, _ = pool([[0.2, np.nan], [0.9, 0.7]], [1.0, 0.0])
    np.testing.assert_allclose(by_default, v, atol=1e-12)


@pytest.mark.parametrize("weights", [[1.0], [-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_unusable_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(RewardError):
        pool([[0.1], [0.2]], weights)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(RewardError, match="median"):
        pool([[0.1]], [1.0], "median")  # type: ignore[arg-type]
