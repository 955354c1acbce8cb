"""Degree-weighted path counts against every simple path that NetworkX finds."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.snapshot.csr import build_csr
from rbio_kg.verifiers.graph_path.path_counts import EXPONENT, UNIT, PathCounts


@st.composite
def graphs(draw: st.DrawFn) -> nx.Graph:
    """2 to 9 nodes, some edges and some self-loops, weights 0 to 1."""
    size = draw(st.integers(2, 9))
    pairs = draw(st.sets(st.sampled_from(list(itertools.combinations_with_replacement(range(size), 2)))))
    graph = nx.Graph()
    graph.add_nodes_from(range(size))
    graph.add_weighted_edges_from((a, b, draw(st.integers(0, 8)) / 8) for a, b in sorted(pairs))
    return graph


def counts_of(graph: nx.Graph) -> PathCounts:
    edges = {(a, b): w for x, y, w in graph.edges(data="weight") for a, b in ((x, y), (y, x))}
    start, end = (np.array([edge[i] for edge in edges], dtype=np.int64) for i in (0, 1))
    return PathCounts(build_csr(len(graph), start, end, np.array(list(edges.values()), dtype=np.float64)))


def reference(graph: nx.Graph, a: int, b: int, steps: int) -> float:
    """The formula of the module, path by path."""
    degree = {x: max(1, len(graph[x])) for x in graph}
    own = int(graph.has_edge(a, b) and graph[a][b]["weight"] > 0)
    total = 0.0
    for path in nx.all_simple_paths(graph, a, b, cutoff=steps):
        if len(path) == steps + 1:
            value = math.prod(graph[x][y]["weight"] for x, y in itertools.pairwise(path))
            total += value * math.prod(degree[x] ** -EXPONENT for x in path[1:-1])
    ends = max(1, len(graph[a]) - own) * max(1, len(graph[b]) - own)
    return min(1.0, math.log1p(total * ends**-EXPONENT / UNIT) / math.log1p(1 / UNIT))


@given(graphs(), st.randoms(use_true_random=False))
def test_against_every_simple_path(graph: nx.Graph, random: object) -> None:
    counts = counts_of(graph)
    pairs = list(itertools.permutations(range(len(graph)), 2))
    random.shuffle(pairs)  # type: ignore[attr-defined]
    a, b = (np.array([pair[i] for pair in pairs], dtype=np.int32) for i in (0, 1))
    two, three = counts(a, b)
    np.testing.assert_allclose(two, [reference(graph, x, y, 2) for x, y in pairs], atol=1e-12)
    np.testing.assert_allclose(three, [reference(graph, x, y, 3) for x, y in pairs], atol=1e-9)


def test_a_hub_between_counts_less_than_a_quiet_gene() -> None:
    """0 - 4 - 1 and 2 - 5 - 3, where 5 has ten partners more."""
    graph = nx.Graph([(0, 4), (4, 1), (2, 5), (5, 3), *((5, x) for x in range(6, 16))])
    nx.set_edge_attributes(graph, 1.0, "weight")
    two, three = counts_of(graph)(np.array([0, 2], np.int32), np.array([1, 3], np.int32))
    assert two[0] > two[1] > 0
    assert (three == 0).all()


def test_the_pairs_own_step_changes_nothing() -> None:
    graph = nx.gnm_random_graph(12, 30, seed=4)
    nx.set_edge_attributes(graph, 0.5, "weight")
    a, b = np.array([0], np.int32), np.array([1], np.int32)
    graph.add_edge(0, 1, weight=0.9)
    known = counts_of(graph)(a, b)
    graph.remove_edge(0, 1)
    np.testing.assert_allclose(known, counts_of(graph)(a, b), atol=1e-12)


def test_what_lies_between_is_named_with_its_share() -> None:
    graph = nx.Graph([(0, 2), (2, 1), (0, 3), (3, 1), (3, 4)])
    nx.set_edge_attributes(graph, 1.0, "weight")
    between = counts_of(graph).between(0, 1)
    assert [gene for gene, _ in between] == [2, 3]
    assert sum(share for _, share in between) == pytest.approx(1.0)
    assert between[0][1] / between[1][1] == pytest.approx((3 / 2) ** EXPONENT)
    assert counts_of(graph).between(0, 4, most=1) == [(3, 1.0)]
