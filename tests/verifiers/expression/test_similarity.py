"""Profiles against obvious loops on a small graph."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.expression.similarity import (
    Profiles,
    diffusion_profiles,
    gene_profiles,
    go_profiles,
    pathway_profiles,
)
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=3, genes=30)


def _ancestors(tables: GraphTables) -> dict[str, set[str]]:
    parents: dict[str, set[str]] = {}
    for table in ("is_a", "part_of"):
        for child, parent in tables[table].select("start", "end").iter_rows():
            parents.setdefault(child, set()).add(parent)

    def climb(term: str) -> set[str]:
        return {term}.union(*(climb(parent) for parent in parents.get(term, ())))

    return {term: climb(term) for term in tables["terms"]["id"]}


def test_go_profiles_hold_all_ancestors_by_information_content(tables: GraphTables) -> None:
    genes, terms = tables["genes"]["symbol"].sort().to_list(), tables["terms"]["id"].sort().to_list()
    content = dict(tables["terms"].select("id", "information_content").iter_rows())
    ancestors = _ancestors(tables)
    found = go_profiles(tables, genes).toarray()
    for row, gene in enumerate(genes):
        direct = tables["annotations"].filter(pl.col("start") == gene)["end"].to_list()
        having = set().union(*(ancestors[term] for term in direct))
        assert found[row] == pytest.approx([(content[term] or 0.0) if term in having else 0.0 for term in terms])


def test_diffusion_is_two_steps_of_the_walk(tables: GraphTables) -> None:
    genes = tables["genes"]["symbol"].sort().to_list()
    walk = np.zeros((len(genes), len(genes)))
    for start, end, score in tables["interactions"].select("start", "end", "score").iter_rows():
        one, two = genes.index(start), genes.index(end)
        walk[one, two] = walk[two, one] = score
    total = walk.sum(axis=1, keepdims=True)
    walk = np.divide(walk, total, out=np.zeros_like(walk), where=total > 0)
    np.testing.assert_allclose(diffusion_profiles(tables, genes).toarray(), walk @ walk, rtol=1e-5, atol=1e-7)


def test_the_similarity_is_the_weighted_sum_of_cosines(tables: GraphTables) -> None:
    genes = [*tables["genes"]["symbol"].sort().to_list(), "STRANGER"]
    profiles = gene_profiles(tables, genes)
    expected = np.zeros((len(genes), len(genes)))
    order = list(profiles.genes)
    for weight, make in ((1.0, go_profiles), (1.0, diffusion_profiles), (0.5, pathway_profiles)):
        dense = make(tables, order).toarray()
        length = np.linalg.norm(dense, axis=1, keepdims=True)
        dense = np.divide(dense, length, out=np.zeros_like(dense), where=length > 0)
        expected += weight * dense @ dense.T
    everything = np.arange(len(order))
    np.testing.assert_allclose(profiles.similarity(everything, everything), expected, atol=1e-5)
    one, two = (indices.ravel() for indices in np.indices(expected.shape))
    np.testing.assert_array_equal(
        profiles.pairs(one, two).reshape(expected.shape), profiles.similarity(everything, everything)
    )
    assert not profiles.similarity(np.array([order.index("STRANGER")]), everything).any()
    assert not profiles.similarity(np.array([-1]), everything).any()


def test_an_empty_graph_makes_all_similarities_zero() -> None:
    profiles = gene_profiles(GraphTables({}), ["A", "B"])
    assert isinstance(profiles, Profiles)
    assert not profiles.similarity(np.arange(2), np.arange(2)).any()
