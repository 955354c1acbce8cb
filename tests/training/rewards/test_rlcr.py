"""The Brier reward and the calibration term of RLCR (Damani et al. 2025) agree for hard labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.verifiers.scoring_rules import brier

probability = st.floats(0.0, 1.0)


def rlcr_calibration(correct: bool, confidence: float) -> float:
    """RLCR's calibration term: minus the squared distance of the stated confidence from correctness, -1 to 0."""
    return -((confidence - float(correct)) ** 2)


@given(holds=st.booleans(), yes=st.booleans(), confidence=probability)
def test_for_a_hard_label_the_brier_reward_is_the_term_plus_one(holds: bool, yes: bool, confidence: float) -> None:
    q = confidence if yes else 1.0 - confidence
    term = rlcr_calibration(correct=yes == holds, confidence=confidence)
    assert float(brier(float(holds), q)) == pytest.approx(1.0 + term, abs=1e-12)


@given(v=probability, yes=st.booleans(), confidence=probability)
def test_for_a_soft_target_it_is_the_expected_term_plus_one(v: float, yes: bool, confidence: float) -> None:
    q = confidence if yes else 1.0 - confidence
    expected = v * rlcr_calibration(yes, confidence) + (1.0 - v) * rlcr_calibration(not yes, confidence)
    assert float(brier(v, q)) == pytest.approx(1.0 + expected, abs=1e-12)


@given(v=probability)
def test_a_hardened_target_is_best_answered_by_0_or_1(v: float) -> None:
    """With the label v >= 1/2 in the place of v, a stated probability of v is no longer the best one."""
    grid = np.linspace(0.0, 1.0, 101)
    assert grid[np.argmax(brier(float(v >= 0.5), grid))] in (0.0, 1.0)
    assert abs(grid[np.argmax(brier(v, grid))] - v) <= 0.005 + 1e-9
