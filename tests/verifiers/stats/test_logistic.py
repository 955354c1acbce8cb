from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.verifiers.stats.logistic import Logistic, fit_logistic


def test_recovers_the_rule_that_drew_the_labels() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.random((20_000, 2))
    groups = [("k562", "rpe1")[i] for i in rng.integers(0, 2, len(matrix))]
    odds = -1.0 + 3.0 * matrix[:, 0] - 2.0 * matrix[:, 1] + np.where(np.array(groups) == "k562", 0.5, -0.5)
    labels = (rng.random(len(matrix)) < 1 / (1 + np.exp(-odds))).astype(int)
    fit = fit_logistic(matrix, labels, ("x", "y"), groups)
    assert fit.coefficients == pytest.approx((3.0, -2.0), abs=0.2)
    assert fit.offsets["k562"] - fit.offsets["rpe1"] == pytest.approx(1.0, abs=0.15)
    np.testing.assert_allclose(fit(matrix, groups), 1 / (1 + np.exp(-odds)), atol=0.03)


def test_an_unknown_group_gets_the_mean_offset() -> None:
    fit = Logistic(("x",), (1.0,), 0.0, {"a": 1.0, "b": -3.0})
    odds = fit.log_odds(np.zeros((4, 1)), ["a", "b", None, "c"])
    np.testing.assert_allclose(odds, [1.0, -3.0, -1.0, -1.0])
    np.testing.assert_allclose(fit.log_odds(np.zeros((2, 1))), -1.0)


def test_a_constant_part_does_no_harm() -> None:
    fit = fit_logistic(np.array([[1.0, 5.0], [0.0, 5.0]] * 20), np.array([1, 0] * 20), ("x", "constant"))
    assert fit(np.array([[1.0, 5.0]]))[0] > 0.8 > 0.2 > fit(np.array([[0.0, 5.0]]))[0]


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=4),
    st.floats(-50, 50),
    st.dictionaries(st.text(max_size=5), st.floats(-5, 5), max_size=3),
)
def test_json_round_trip(coefficients: list[float], intercept: float, offsets: dict[str, float]) -> None:
    fit = Logistic(tuple(f"part{i}" for i in range(len(coefficients))), tuple(coefficients), intercept, offsets)
    assert Logistic.from_json(json.loads(json.dumps(fit.to_json()))) == fit


@pytest.mark.parametrize(
    "change", [{"coefficients": []}, {"intercept": float("nan")}, {"coefficients": [float("inf")]}]
)
def test_a_spoilt_fit_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="coefficient"):
        Logistic.from_json(Logistic(("x",), (1.0,), 0.0).to_json() | change)
