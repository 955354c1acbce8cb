"""The kernels against NetworkX and against slow, obvious loops, on random graphs."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.snapshot import kernels
from rbio_kg.graph.snapshot.compile import order_by_content
from rbio_kg.graph.snapshot.csr import Csr, build_csr


@st.composite
def weighted_graphs(draw: st.DrawFn) -> nx.Graph:
    """2 to 9 nodes, some edges, weights 1 to 1000."""
    size = draw(st.integers(2, 9))
    pairs = draw(st.sets(st.sampled_from(list(itertools.combinations(range(size), 2)))))
    graph = nx.Graph()
    graph.add_nodes_from(range(size))
    graph.add_weighted_edges_from((a, b, draw(st.integers(1, 1000))) for a, b in sorted(pairs))
    return graph


def symmetric(graph: nx.Graph) -> Csr:
    edges = [(a, b, w) for a, b, w in graph.edges(data="weight")]
    edges += [(b, a, w) for a, b, w in edges]
    start, end, weight = (np.array([edge[i] for edge in edges], dtype=np.int64) for i in range(3))
    return build_csr(len(graph), start, end, weight.astype(np.uint16))


def all_pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.divmod(np.arange(size * size, dtype=np.int32), np.int32(size))
    return a, b


@given(weighted_graphs())
def test_direct_weights(graph: nx.Graph) -> None:
    csr, (a, b) = symmetric(graph), all_pairs(len(graph))
    found = kernels.direct_weights(csr.indptr, csr.indices, csr.weights, a, b, -1.0)
    expected = [
        graph[x][y]["weight"] if graph.has_edge(x, y) else -1 for x, y in zip(a.tolist(), b.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(found, expected)


@given(weighted_graphs())
def test_shared_neighbours(graph: nx.Graph) -> None:
    csr, (a, b) = symmetric(graph), all_pairs(len(graph))
    a, b = a[a != b], b[a != b]
    count, adamic, resource = kernels.shared_neighbours(csr.indptr, csr.indices, a, b)
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    np.testing.assert_array_equal(count, [len(list(nx.common_neighbors(graph, x, y))) for x, y in pairs])
    np.testing.assert_allclose(adamic, [value for _, _, value in nx.adamic_adar_index(graph, pairs)])
    np.testing.assert_allclose(resource, [value for _, _, value in nx.resource_allocation_index(graph, pairs)])


@given(weighted_graphs(), st.sampled_from([(1, 3), (2, 3), (1, 2), (1, 1), (2, 2)]))
def test_best_paths_against_every_simple_path(graph: nx.Graph, steps: tuple[int, int]) -> None:
    """Entering a node costs its degree's fourth root; the last step costs nothing."""
    fewest, most = steps
    last = symmetric(graph)
    penalty = np.maximum(last.degrees, 1) ** -0.25
    weights = last.weights / 1000 * penalty[last.indices]
    order = np.lexsort((-weights, last.rows()))
    entering = Csr(last.indptr, last.indices[order], weights[order])
    a, b = all_pairs(len(graph))
    product, nodes = kernels.best_paths(
        entering.indptr,
        entering.indices,
        entering.weights,
        last.indptr,
        last.indices,
        last.weights / 1000,
        a,
        b,
        fewest,
        most,
    )

    def product_of(path: list[int]) -> float:
        value = math.prod(graph[x][y]["weight"] / 1000 for x, y in itertools.pairwise(path))
        return value * math.prod(float(penalty[x]) for x in path[1:-1])

    for i, (start, goal) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        paths = [] if start == goal else nx.all_simple_paths(graph, start, goal, cutoff=most)
        values = [product_of(path) for path in paths if len(path) > fewest]
        assert product[i] == pytest.approx(max(values, default=0.0))
        found = [node for node in nodes[i].tolist() if node >= 0]
        if values:
            assert found[0] == start
            assert found[-1] == goal
            assert fewest <= len(found) - 1 <= most
            assert len(set(found)) == len(found)
            assert product_of(found) == pytest.approx(product[i])
        else:
            assert not found


@st.composite
def ontologies(draw: st.DrawFn) -> tuple[nx.DiGraph, list[set[int]], np.ndarray]:
    """Terms with parents of a smaller number, genes with direct terms, and any content (ties and zeros included)."""
    terms = draw(st.integers(1, 9))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(terms))
    graph.add_edges_from(
        (child, parent) for child in range(1, terms) for parent in draw(st.sets(st.integers(0, child - 1)))
    )
    direct = [draw(st.sets(st.integers(0, terms - 1))) for _ in range(draw(st.integers(1, 5)))]
    content = np.array([draw(st.sampled_from([0.0, 0.5, 1.0, 2.5, 4.0])) for _ in range(terms)], dtype=np.float32)
    return graph, direct, content


def closure_of(graph: nx.DiGraph, direct: list[set[int]], content: np.ndarray) -> Csr:
    parents = build_csr(len(graph), *edge_arrays(list(graph.edges)))
    rows = [(gene, term) for gene, terms in enumerate(direct) for term in sorted(terms)]
    annotations = build_csr(len(direct), *edge_arrays(rows))
    indptr, indices = kernels.ancestor_closure(annotations.indptr, annotations.indices, parents.indptr, parents.indices)
    return order_by_content(indptr, indices, annotations, content)


def edge_arrays(edges: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    array = np.array(edges, dtype=np.int64).reshape(-1, 2)
    return array[:, 0], array[:, 1], np.ones(len(array), dtype=np.uint8)


@given(ontologies())
def test_closure_and_shared_terms(ontology: tuple[nx.DiGraph, list[set[int]], np.ndarray]) -> None:
    graph, direct, content = ontology
    closure = closure_of(graph, direct, content)
    having = [set().union(terms, *(nx.descendants(graph, term) for term in terms)) for terms in direct]
    for gene, terms in enumerate(having):
        indices, is_direct = closure.row(gene)
        assert indices.tolist() == sorted(terms, key=lambda term: (-content[term], term))
        assert {int(term) for term in indices[is_direct == 1]} == direct[gene]
    a, b = all_pairs(len(direct))
    content.flags.writeable = False
    term, best, overlap = kernels.shared_terms(closure.indptr, closure.indices, content, a, b)
    for i, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        shared, united = having[x] & having[y], having[x] | having[y]
        assert best[i] == max((float(content[t]) for t in shared), default=0.0)
        assert (term[i] == -1) == (not shared)
        assert term[i] == -1 or (term[i] in shared and content[term[i]] == best[i])
        total = sum(float(content[t]) for t in united)
        assert overlap[i] == pytest.approx(sum(float(content[t]) for t in shared) / total if total else 0.0)


def test_closure_survives_a_cycle_and_grows() -> None:
    """Far more ancestors than the first guess of the output's size, and a circle at the top."""
    terms = 200
    edges = [(i, i + 1) for i in range(terms - 1)] + [(terms - 1, terms - 2)]
    parents = build_csr(terms, *edge_arrays(edges))
    annotations = build_csr(30, *edge_arrays([(gene, 0) for gene in range(30)]))
    indptr, indices = kernels.ancestor_closure(annotations.indptr, annotations.indices, parents.indptr, parents.indices)
    assert np.diff(indptr).tolist() == [terms] * 30
    assert sorted(indices[: indptr[1]].tolist()) == list(range(terms))


@given(st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=6), weighted_graphs())
def test_groups(members: list[set[int]], graph: nx.Graph) -> None:
    """Shared groups and neighbours' support against set arithmetic."""
    members = [{gene for gene in group if gene < len(graph)} for group in members]
    pairs = [(gene, group) for group, genes in enumerate(members) for gene in sorted(genes)]
    of_gene = build_csr(len(graph), *edge_arrays(pairs))
    of_group = of_gene.transpose(len(members))
    values_of = np.linspace(0.1, 0.9, len(members))
    values_of.flags.writeable = False
    a, b = all_pairs(len(graph))
    group, best = kernels.shared_groups(of_gene.indptr, of_gene.indices, values_of, a, b)
    for i, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        shared = [k for k, genes in enumerate(members) if x in genes and y in genes]
        assert group[i] == max(shared, default=-1)
        assert best[i] == (values_of[max(shared)] if shared else 0.0)

    csr = symmetric(graph)
    gene, wanted = (
        np.array(part, dtype=np.int32)
        for part in zip(*itertools.product(range(len(graph)), range(len(members))), strict=True)
    )
    support, total = kernels.neighbour_support(
        csr.indptr, csr.indices, csr.weights, of_group.indptr, of_group.indices, gene, wanted
    )
    for i, (x, k) in enumerate(zip(gene.tolist(), wanted.tolist(), strict=True)):
        assert total[i] == sum(w for _, _, w in graph.edges(x, data="weight"))
        assert support[i] == sum(w for _, y, w in graph.edges(x, data="weight") if y in members[k])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(-9, 9)), max_size=30))
def test_build_csr_sorts_keeps_the_largest_and_turns_round(entries: list[tuple[int, int, int]]) -> None:
    start, end, weight = (np.array([entry[i] for entry in entries], dtype=np.int64) for i in range(3))
    csr = build_csr(6, start, end, weight.astype(np.int8))
    expected: dict[tuple[int, int], int] = {}
    for a, b, w in entries:
        expected[a, b] = max(w, expected.get((a, b), -100))
    found = {(int(a), int(b)): int(w) for a, b, w in zip(csr.rows(), csr.indices, csr.weights, strict=True)}
    assert found == expected
    assert list(found) == sorted(found)
    back = csr.transpose(5)
    assert {
        (int(b), int(a)): int(w) for a, b, w in zip(back.rows(), back.indices, back.weights, strict=True)
    } == expected
    for (a, b), weight_kept in expected.items():
        assert csr.weights[csr.position(a, b)] == weight_kept
    assert csr.position(5, 4) >= 0 or (5, 4) not in expected
    with pytest.raises(ValueError, match="read-only"):
        csr.indptr[0] = 1
