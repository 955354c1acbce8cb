"""The peers of graph paths against networkx, on random directed graphs."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

from benchmarks.verifiers.path_peers import (
    BLOCK,
    katz,
    largest_eigenvalue,
    matrix,
    personalised_pagerank,
    shortest_path,
)
from rbio_kg.graph.snapshot.csr import build_csr


@pytest.fixture(params=[1, 2, 3])
def graph(request: pytest.FixtureRequest) -> nx.DiGraph:
    graph = nx.gnp_random_graph(12, 0.25, seed=request.param, directed=True)
    rng = np.random.default_rng(request.param)
    nx.set_edge_attributes(graph, {edge: float(rng.uniform(0.2, 1.0)) for edge in graph.edges}, "weight")
    return graph


def steps_of(graph: nx.DiGraph) -> object:
    start, end, weight = (np.array(column) for column in zip(*graph.edges(data="weight"), strict=True))
    return matrix(build_csr(len(graph), start, end, weight))


def all_pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.divmod(np.arange(size * size, dtype=np.int32), np.int32(size))
    return a, b


def test_katz_adds_up_walks(graph: nx.DiGraph) -> None:
    steps, (a, b) = steps_of(graph), all_pairs(12)
    dense = nx.to_numpy_array(graph)
    expected = sum(0.3**k * np.linalg.matrix_power(dense, k) for k in range(1, 7))
    np.testing.assert_allclose(katz(steps, a, b, 0.3), expected[a, b], rtol=1e-5, atol=1e-7)
    assert largest_eigenvalue(steps) == pytest.approx(max(abs(np.linalg.eigvals(dense))), rel=1e-4)


def test_pagerank_is_networkxs(graph: nx.DiGraph) -> None:
    steps, (a, b) = steps_of(graph), all_pairs(12)
    found = personalised_pagerank(steps, a, b, 0.3, rounds=80).reshape(12, 12)
    for source in range(12):
        expected = nx.pagerank(graph, alpha=0.7, personalization={source: 1}, tol=1e-12, max_iter=500)
        np.testing.assert_allclose(found[source], [expected[x] for x in range(12)], atol=1e-5)


def test_shortest_paths_are_networkxs(graph: nx.DiGraph) -> None:
    steps, (a, b) = steps_of(graph), all_pairs(12)
    found = shortest_path(steps, a, b)
    for x, y, score in zip(a.tolist(), b.tolist(), found.tolist(), strict=True):
        if not nx.has_path(graph, x, y):
            assert score == 0.0
            continue
        length = nx.shortest_path_length(graph, x, y, weight=lambda u, v, d: 1.0 - math.log(d["weight"]))
        assert score == pytest.approx(1.0 / (1.0 + length), rel=1e-5)


def test_blocks_cover_every_pair() -> None:
    size = BLOCK + 3
    ring = build_csr(size, np.arange(size), (np.arange(size) + 1) % size, np.full(size, 0.5))
    a = np.arange(size, dtype=np.int32)[::-1].copy()
    np.testing.assert_allclose(katz(matrix(ring), a, (a + 1) % size, 1.0), 0.5, rtol=1e-6)
