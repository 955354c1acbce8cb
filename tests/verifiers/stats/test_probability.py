"""Clipped log odds and shrunken rates."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from rbio_kg.verifiers.stats.probability import clipped_logit, shrunken_rate


@given(st.floats(-700, 700))
def test_the_clipped_logit_inverts_expit(odds: float) -> None:
    p = expit(np.array([odds]))
    assert 0.0 <= p[0] <= 1.0
    assert np.isfinite(clipped_logit(p)[0])
    if abs(odds) < 10:
        assert clipped_logit(p)[0] == pytest.approx(odds, abs=1e-6)


@given(st.floats(0.0, 1.0), st.sampled_from([1e-6, 1e-3, 0.02]))
def test_the_clipped_logit_is_the_logit_of_the_clipped_probability(p: float, clip: float) -> None:
    kept = min(max(p, clip), 1.0 - clip)
    assert clipped_logit(p, clip) == pytest.approx(np.log(kept / (1.0 - kept)), rel=1e-9, abs=1e-9)


def test_nan_stays_nan() -> None:
    assert np.isnan(clipped_logit([np.nan])[0])


def test_a_rate_is_the_same_for_numbers_arrays_and_expressions() -> None:
    ones, rows = np.array([0.0, 3.0, 50.0]), np.array([0.0, 4.0, 50.0])
    found = shrunken_rate(ones, rows, 0.2)
    assert found[0] == pytest.approx(0.2), "no rows: the base rate"
    assert found.tolist() == pytest.approx([shrunken_rate(*pair, 0.2) for pair in zip(ones, rows, strict=True)])
    frame = pl.DataFrame({"ones": ones, "rows": rows}).select(rate=shrunken_rate(pl.col("ones"), pl.col("rows"), 0.2))
    assert frame["rate"].to_list() == pytest.approx(found.tolist())
