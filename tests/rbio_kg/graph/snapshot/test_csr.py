from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.snapshot.csr import build_csr

ROWS, COLUMNS = 5, 7
entries = st.lists(
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1), st.integers(-2, 3), st.integers(0, 9)), max_size=40
)


@given(entries, st.sampled_from([np.int8, np.int64, np.float32]))
def test_against_a_dictionary(written: list[tuple[int, int, int, int]], kind: type[np.generic]) -> None:
    best: dict[tuple[int, int], tuple[int, int]] = {}
    for row, column, weight, source in written:
        if (row, column) not in best or weight > best[row, column][0]:
            best[row, column] = (weight, source)
    start, end, weights, sources = np.array(written, dtype=np.int64).reshape(-1, 4).T
    csr = build_csr(ROWS, start, end, weights.astype(kind), sources.astype(np.uint8))
    assert len(csr) == ROWS
    assert csr.weights.dtype == kind
    assert csr.sources is not None
    ends = zip(csr.rows().tolist(), csr.indices.tolist(), strict=True)
    found = list(zip(ends, zip(csr.weights.tolist(), csr.sources.tolist(), strict=True), strict=True))
    assert found == sorted(best.items())
    for row in range(ROWS):
        assert csr.row(row)[0].tolist() == sorted(column for at, column in best if at == row)
    back = csr.transpose(COLUMNS).transpose(ROWS)
    for one, other in ((csr.indptr, back.indptr), (csr.indices, back.indices), (csr.weights, back.weights)):
        np.testing.assert_array_equal(one, other)


def test_weights_beyond_exact_floats_are_told_apart() -> None:
    large = 1 << 58
    csr = build_csr(1, [0, 0, 0], [0, 0, 0], [large, large + 1, large - 1])
    assert csr.weights.tolist() == [large + 1]


def test_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        build_csr(1, [0], [0], [1]).weights[0] = 2
