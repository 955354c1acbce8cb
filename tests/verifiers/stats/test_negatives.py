from __future__ import annotations

import numpy as np
import pytest

from rbio_kg.graph.snapshot.csr import Csr, build_csr
from rbio_kg.verifiers.stats.negatives import (
    degree_matched,
    false_pairs,
    group_negatives,
    is_known,
    keys_of,
    pair_negatives,
    walk,
)


@pytest.fixture
def csr() -> Csr:
    rng = np.random.default_rng(0)
    start, end = rng.integers(0, 40, (2, 200))
    return build_csr(40, start, end, np.ones(200, dtype=np.uint8))


def entries(csr: Csr) -> set[tuple[int, int]]:
    return set(zip(csr.rows().tolist(), csr.indices.tolist(), strict=True))


def test_known(csr: Csr) -> None:
    a, b = (part.ravel() for part in np.meshgrid(np.arange(40), np.arange(40)))
    known = is_known(keys_of(csr), a, b)
    assert set(zip(a[known].tolist(), b[known].tolist(), strict=True)) == entries(csr)
    assert not is_known(np.empty(0, dtype=np.int64), a, b).any()


def test_false_pairs_of_both_kinds(csr: Csr) -> None:
    rng, pool = np.random.default_rng(1), np.arange(40, dtype=np.int32)
    a, b = pair_negatives(rng, csr.rows(), csr.indices, pool, keys_of(csr))
    assert len(a) == len(csr.indices)
    assert not set(zip(a.tolist(), b.tolist(), strict=True)) & entries(csr)
    assert (a != b).all()
    gene, group = group_negatives(rng, csr.indices, pool, keys_of(csr))
    assert not set(zip(gene.tolist(), group.tolist(), strict=True)) & entries(csr)
    np.testing.assert_array_equal(np.sort(group), np.sort(csr.indices))


def test_what_cannot_be_false_is_left_out() -> None:
    full = build_csr(3, *np.divmod(np.arange(9), 3), np.ones(9, dtype=np.uint8))
    pool = np.arange(3, dtype=np.int32)
    a, b = pair_negatives(np.random.default_rng(0), full.rows(), full.indices, pool, keys_of(full))
    assert len(a) == len(b) == 0
    nothing = np.empty(0, dtype=np.int32)
    assert len(pair_negatives(np.random.default_rng(0), nothing, nothing, pool, keys_of(full))[0]) == 0
    failed = false_pairs(lambda where: (np.full(len(where), -1, dtype=np.int32),) * 2, 5, np.empty(0, dtype=np.int64))
    assert len(failed[0]) == 0


def test_degree_matched_draws_have_about_the_degree() -> None:
    degrees = np.arange(1000, dtype=np.int64)
    pool = np.random.default_rng(0).permutation(1000).astype(np.int32)
    genes = np.arange(0, 1000, 7, dtype=np.int32)
    drawn = degree_matched(np.random.default_rng(1), genes, degrees, pool)
    assert (np.abs(degrees[drawn] - degrees[genes]) <= 10).all()
    assert (drawn != genes).any()


def test_walks_follow_the_edges_and_say_where_they_end(csr: Csr) -> None:
    start = np.arange(40, dtype=np.int32)
    one = walk(np.random.default_rng(0), start, [csr])
    for a, b in zip(start.tolist(), one.tolist(), strict=True):
        assert (a, b) in entries(csr) if b >= 0 else csr.degrees[a] == 0
    nowhere = build_csr(40, [], [], np.empty(0, dtype=np.uint8))
    assert (walk(np.random.default_rng(0), start, [csr, nowhere]) == -1).all()
