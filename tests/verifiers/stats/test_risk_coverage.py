"""Risk against coverage, compared with all orders in which the most confident answers could be kept."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.verifiers.stats.metrics import per_gene_auroc, risk_coverage

# Few distinct probabilities, also ones equally far from one half, so that ties are common.
ROWS = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9])),
    min_size=1,
    max_size=6,
)


@given(ROWS)
def test_errors_are_the_mean_over_all_orders_of_falling_confidence(rows: list[tuple[str, int, float]]) -> None:
    n = len(rows)
    distance = [round(abs(p - 0.5), 6) for _, _, p in rows]
    wrong = [int((p > 0.5) != bool(label)) for _, label, p in rows]
    orders = [order for order in permutations(range(n)) if all(distance[a] >= distance[b] for a, b in pairwise(order))]
    expected = [np.mean([sum(wrong[row] for row in order[:k]) / k for order in orders]) for k in range(1, n + 1)]
    genes, labels, probabilities = zip(*rows, strict=True)
    found = risk_coverage(genes, labels, probabilities)
    assert found["area"] == pytest.approx(np.mean(expected))
    assert [point["coverage"] for point in found["curve"]] == [tenth / 10 for tenth in range(10, 0, -1)]
    for point in found["curve"]:
        assert point["rows"] - 1 < point["coverage"] * n <= point["rows"] + 1e-9
        assert point["error"] == pytest.approx(expected[point["rows"] - 1])
        last = sorted(distance, reverse=True)[point["rows"] - 1]
        kept = [row for row in range(n) if distance[row] >= last]
        ranked = per_gene_auroc(*([column[row] for row in kept] for column in (genes, labels, probabilities)))
        assert (point["per_gene_auroc"], point["genes"]) == (ranked.mean, ranked.genes)


def test_a_sure_and_right_predictor_errs_late() -> None:
    labels, probabilities = [1, 0, 1, 0, 1], [0.9, 0.1, 0.8, 0.6, 0.4]
    found = risk_coverage(["G"] * 5, labels, probabilities)
    assert [point["error"] for point in found["curve"]] == pytest.approx([0.4] * 2 + [0.25] * 2 + [0.0] * 6)
    assert found["area"] == pytest.approx((0.0 * 3 + 0.25 + 0.4) / 5)


def test_no_rows_and_wrong_rows() -> None:
    assert risk_coverage([], [], []) == {"area": None, "curve": []}
    with pytest.raises(ValueError, match="finite"):
        risk_coverage(["G"], [1], [np.nan])
