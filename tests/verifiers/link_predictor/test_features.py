"""Each column against a slow reading of the message graph."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.link_predictor.features import FEATURES, LinkParts, features
from rbio_kg.verifiers.link_predictor.split import LinkSplit, MessageGraph, split_graph
from rbio_kg.verifiers.link_predictor.svd import NEAREST, SHARPNESS, Latent, latent_tables, nearest
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> LinkSplit:
    directory = tmp_path_factory.mktemp("build") / "snapshot"
    write_snapshot(small_tables(3, genes=120), directory, "build-1")
    return split_graph(Snapshot.open(directory), np.random.default_rng(1))


@pytest.fixture(scope="module")
def parts(split: LinkSplit) -> LinkParts:
    return LinkParts(split.graph, latent_tables(split.graph, 0, rank=16))


def rows(csr: Csr) -> list[set[int]]:
    return [set(csr.row(i)[0].tolist()) for i in range(len(csr))]


def ancestors(g: MessageGraph, term: int) -> set[int]:
    found, queue = {term}, [term]
    while queue:
        for parent in g.term_parents.row(queue.pop())[0].tolist():
            if parent not in found:
                found.add(parent)
                queue.append(parent)
    return found


def vote(latent: Latent, gene: int, members: set[int]) -> float:
    near, weight = latent.near.row(gene)
    total = sum(w for x, w in zip(near.tolist(), weight.tolist(), strict=True) if x != gene)
    support = sum(w for x, w in zip(near.tolist(), weight.tolist(), strict=True) if x in members)
    return math.sqrt(support / total) if total else 0.0


def test_gene_pairs(split: LinkSplit, parts: LinkParts) -> None:
    g, pairs = split.graph, split.supervision["regulates"]
    interactions, regulates, regulated_by = rows(g.interactions), rows(g.regulates), rows(g.regulated_by)
    a, b = pairs.a[:60], pairs.b[:60]
    named = dict(zip(FEATURES["regulates"], features(parts, "regulates", a, b).T, strict=True))
    for i, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        common = interactions[x] & interactions[y]
        assert named["common_neighbours"][i] == pytest.approx(math.log1p(len(common)))
        resource = sum(1 / len(interactions[z]) for z in common)
        assert named["resource_allocation"][i] == pytest.approx(math.sqrt(resource))
        own = y in regulates[x]
        expected = math.log1p(len(regulates[x]) - own) + math.log1p(len(regulated_by[y]) - own)
        assert named["regulation_product"][i] == pytest.approx(expected)
        assert named["back"][i] == float(x in regulates[y])
        assert named["votes"][i] == pytest.approx(vote(parts.latent, x, regulated_by[y]), abs=1e-6)
        assert named["votes_back"][i] == pytest.approx(vote(parts.latent, y, regulates[x]), abs=1e-6)


def test_genes_with_terms(split: LinkSplit, parts: LinkParts) -> None:
    g, pairs = split.graph, split.supervision["terms"]
    closure, members, interactions, regulates = map(rows, (g.closure, g.term_genes, g.interactions, g.regulates))
    regulated_by = rows(g.regulated_by)
    content = g.information_content
    most = max(1.0, float(content.max()))
    a, b = pairs.a[:80], pairs.b[:80]
    named = dict(zip(FEATURES["terms"], features(parts, "terms", a, b).T, strict=True))
    for i, (gene, term) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        shared = ancestors(g, term) & closure[gene]
        best = max((float(content[x]) for x in shared), default=0.0)
        assert named["held_content"][i] == pytest.approx(best / most)
        assert named["gap"][i] == pytest.approx((float(content[term]) - best) / most, abs=1e-6)
        parents = g.term_parents.row(term)
        held = sum(w for x, w in zip(*map(np.ndarray.tolist, parents), strict=True) if x in closure[gene])
        assert named["parents"][i] == pytest.approx(held / max(sum(parents[1].tolist()), 1))
        around = (interactions[gene] | regulates[gene] | regulated_by[gene]) & members[term]
        assert named["common_neighbours"][i] == pytest.approx(math.log1p(len(around)))
        assert named["votes"][i] == pytest.approx(vote(parts.latent, gene, members[term]), abs=1e-6)


def test_nearest_are_those_of_sorting() -> None:
    table = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    near = nearest(table, 5)
    for i in range(50):
        cosine = unit @ unit[i]
        cosine[i] = -2
        expected = np.sort([j for j in np.argsort(-cosine)[:5] if cosine[j] > 0])
        found, weight = near.row(i)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(weight, cosine[expected] ** SHARPNESS, atol=1e-4)


def test_full_rank_products_rebuild_the_scaled_graph(split: LinkSplit) -> None:
    g = split.graph
    latent = latent_tables(g, 0, rank=len(g.interactions) - 1)
    dense = np.zeros((len(g.memberships), len(g.pathway_genes)))
    dense[g.memberships.rows(), g.memberships.indices] = 1.0
    scale = np.sqrt(np.maximum(np.outer(dense.sum(axis=1), dense.sum(axis=0)), 1e-9))
    np.testing.assert_allclose(latent.gene @ latent.pathway.T, dense / scale, atol=0.05)
    assert (np.diff(latent.near.indptr) <= NEAREST).all()
    again = latent_tables(g, 0, rank=len(g.interactions) - 1)
    np.testing.assert_array_equal(latent.gene, again.gene)
