"""Structural features of pairs, from the message graph alone: they beat plain graph networks on protein graphs."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot import kernels
from rbio_kg.graph.snapshot.compile import order_by_content
from rbio_kg.graph.snapshot.csr import Csr, build_csr
from rbio_kg.verifiers.graph_path.features import PathParts
from rbio_kg.verifiers.link_predictor.negatives import GROUPS
from rbio_kg.verifiers.link_predictor.split import MessageGraph
from rbio_kg.verifiers.link_predictor.svd import Latent, Table

_GENES = (
    "term",
    "overlap",
    "pathway",
    "common_neighbours",
    "adamic_adar",
    "resource_allocation",
    "degree_product",
    "degree_gap",
    "annotated",
    "cosine",
    "latent",
    "latent_back",
    "votes",
    "votes_back",
    "back",
)
_GROUPS = (
    "neighbours",
    "excess",
    "breadth",
    "degree",
    "annotated",
    "joined",
    "regulated",
    "common_neighbours",
    "adamic_adar",
    "resource_allocation",
    "latent",
    "fit",
    "votes",
)
FEATURES: dict[str, tuple[str, ...]] = {
    "interacts_with": (*_GENES, "regulation"),
    "regulates": (*_GENES, "direct", "regulator", "regulated", "regulation_product"),
    "terms": (*_GROUPS, "content", "held_content", "gap", "overlap", "parents"),
    "pathways": _GROUPS,
}
"""Columns of each relation's features. For `interacts_with` all are the same both ways: what has a direction is there
the larger of the two and `*back` the smaller."""

BASELINES: dict[str, tuple[str, ...]] = {
    "interacts_with": ("common_neighbours", "adamic_adar", "resource_allocation", "degree_product"),
    "regulates": ("common_neighbours", "adamic_adar", "resource_allocation", "regulation_product"),
    "terms": ("common_neighbours", "adamic_adar", "resource_allocation", "neighbours", "breadth"),
    "pathways": ("common_neighbours", "adamic_adar", "resource_allocation", "neighbours", "breadth"),
}
"""Single features whose metrics are reported with those of the model."""


class LinkParts:
    """What the features need of one graph, computed at first use.

    Args:
        graph: the message graph.
        latent: low-rank tables of it.
    """

    def __init__(self, graph: MessageGraph, latent: Latent) -> None:
        self.graph = graph
        self.latent = latent
        self.paths = PathParts(graph)

    @cached_property
    def everything(self) -> Csr:
        """The complete graph without types and directions: genes, then terms (by all annotations), then pathways."""
        g = self.graph
        genes, terms = len(g.interactions), len(g.term_genes)
        tables = ((g.interactions, 0), (g.regulates, 0), (g.closure, genes), (g.memberships, genes + terms))
        start = np.concatenate([csr.rows() for csr, _ in tables])
        end = np.concatenate([csr.indices + np.int32(offset) for csr, offset in tables])
        both = np.concatenate((start, end)), np.concatenate((end, start))
        size = genes + terms + len(g.pathway_genes)
        return build_csr(size, *both, np.ones(2 * len(start), dtype=np.uint8))

    @cached_property
    def gene_terms(self) -> Csr:
        """Gene x term, `closure` in ascending order."""
        return self.graph.term_genes.transpose(len(self.graph.interactions))

    @cached_property
    def lineage(self) -> Csr:
        """The genes' terms, then each term's own ancestors and itself; rows descend by information content."""
        g = self.graph
        terms = len(g.term_genes)
        own = build_csr(terms, np.arange(terms), np.arange(terms), np.ones(terms, dtype=np.uint8))
        up = g.term_parents
        indptr, indices = kernels.ancestor_closure(own.indptr, own.indices, up.indptr, up.indices)
        ancestors = order_by_content(indptr, indices, own, g.information_content)
        pointers = np.concatenate((g.closure.indptr, g.closure.indptr[-1] + indptr[1:]))
        both = np.concatenate((g.closure.indices, ancestors.indices))
        return Csr(pointers, both, np.ones(len(both), dtype=np.uint8))


def features(parts: LinkParts, relation: str, a: Indices, b: Indices) -> FloatArray:
    """Features (n, len(FEATURES[relation])) of pairs; counts and degrees as ln(1 + x), the pair's own edge left out."""
    columns = _group_columns(parts, relation, a, b) if relation in GROUPS else _gene_columns(parts, relation, a, b)
    return np.stack([columns[name] for name in FEATURES[relation]], axis=1)


def _gene_columns(parts: LinkParts, relation: str, a: Indices, b: Indices) -> dict[str, FloatArray]:
    g, latent = parts.graph, parts.latent
    interactions, regulates = g.interactions, g.regulates
    content, most = parts.paths.content
    _, best, overlap = kernels.shared_terms(g.closure.indptr, g.closure.indices, content, a, b)
    _, pathway = kernels.shared_groups(g.memberships.indptr, g.memberships.indices, parts.paths.pathway_weight, a, b)
    count, adamic, resource = kernels.shared_neighbours(interactions.indptr, interactions.indices, a, b)
    direct = kernels.direct_weights(interactions.indptr, interactions.indices, interactions.weights, a, b, 0.0)
    own = (direct > 0).astype(np.float64)
    degree_a, degree_b = np.log1p(interactions.degrees[a] - own), np.log1p(interactions.degrees[b] - own)
    forward, backward = (_has(regulates, one, other) for one, other in ((a, b), (b, a)))
    regulator = np.log1p(regulates.degrees[a] - forward)
    regulated = np.log1p(g.regulated_by.degrees[b] - forward)
    directed = relation == "regulates"
    # Genes similar to a that regulate b, and genes similar to b that a regulates; without direction: that interact.
    votes = _votes(latent.near, g.regulated_by if directed else interactions, a, b)
    votes_back = _votes(latent.near, regulates if directed else interactions, b, a)
    terms = g.closure.degrees
    columns = {
        "term": best / most,
        "overlap": overlap,
        "pathway": pathway,
        "common_neighbours": np.log1p(count),
        "adamic_adar": np.log1p(adamic),
        "resource_allocation": np.sqrt(resource),
        "degree_product": degree_a + degree_b,
        "degree_gap": np.abs(degree_a - degree_b),
        "annotated": np.log1p(terms[a]) + np.log1p(terms[b]),
        "cosine": _cosines(latent, "gene", a, b),
        "latent": _dots(latent.gene, latent.target if directed else latent.partner, a, b),
        "latent_back": _dots(latent.gene, latent.regulator if directed else latent.partner, b, a),
        "votes": votes,
        "votes_back": votes_back,
        "direct": direct / 1000.0,
        "regulator": regulator,
        "regulated": regulated,
        "regulation_product": regulator + regulated,
        "regulation": forward,
        "back": backward,
    }
    if not directed:
        for large, small in (("regulation", "back"), ("latent", "latent_back"), ("votes", "votes_back")):
            one, other = columns[large], columns[small]
            columns[large], columns[small] = np.maximum(one, other), np.minimum(one, other)
    return columns


def _group_columns(parts: LinkParts, relation: str, gene: Indices, group: Indices) -> dict[str, FloatArray]:
    graph, latent = parts.graph, parts.latent
    found = parts.paths.groups(gene, group, relation)
    terms = relation == "terms"
    members, table = (graph.term_genes, latent.term) if terms else (graph.pathway_genes, latent.pathway)
    every, first = parts.everything, len(graph.interactions) + (0 if terms else len(graph.term_genes))
    count, adamic, resource = kernels.shared_neighbours(
        every.indptr, every.indices, gene, (group + first).astype(np.int32)
    )
    columns = {
        "neighbours": found.neighbours,
        "excess": found.excess,
        "breadth": found.breadth,
        "degree": np.log1p(graph.interactions.degrees[gene]).astype(np.float64),
        "annotated": np.log1p(graph.annotations.degrees[gene]).astype(np.float64),
        "joined": np.log1p(graph.memberships.degrees[gene]).astype(np.float64),
        "regulated": np.log1p(graph.regulated_by.degrees[gene]).astype(np.float64),
        "common_neighbours": np.log1p(count),
        "adamic_adar": np.log1p(adamic),
        "resource_allocation": np.sqrt(resource),
        "latent": _dots(latent.gene, table, gene, group),
        "fit": _cosines(latent, "term" if terms else "pathway", gene, group),
        "votes": _votes(latent.near, members, gene, group),
    }
    if terms:
        lineage = parts.lineage
        content, most = parts.paths.content
        _, best, overlap = kernels.shared_terms(
            lineage.indptr, lineage.indices, content, gene, (group + len(graph.interactions)).astype(np.int32)
        )
        up, has = graph.term_parents, parts.gene_terms
        held, total = kernels.neighbour_support(up.indptr, up.indices, up.weights, has.indptr, has.indices, group, gene)
        own = content[group].astype(np.float64)
        columns |= {
            "content": own / most,
            "held_content": best / most,
            "gap": (own - best) / most,
            "overlap": overlap,
            "parents": np.divide(held, total, out=np.zeros_like(held), where=total > 0),
        }
    return columns


def _has(csr: Csr, a: Indices, b: Indices) -> FloatArray:
    """1 where entry (a, b) is there, else 0."""
    weights = kernels.direct_weights(csr.indptr, csr.indices, csr.weights, a, b, np.nan)
    return (~np.isnan(weights)).astype(np.float64)


def _votes(near: Csr, members: Csr, gene: Indices, group: Indices) -> FloatArray:
    """Weighted share of the genes nearest to each gene that belong to the group, as its root; 0 to 1."""
    support, total = kernels.neighbour_support(
        near.indptr, near.indices, near.weights, members.indptr, members.indices, gene, group
    )
    share: FloatArray = np.sqrt(np.divide(support, total, out=np.zeros_like(support), where=total > 0))
    return share


def _dots(left: Table, right: Table, a: Indices, b: Indices) -> FloatArray:
    """Cube roots of the products of rows, (n,): they are heavy-tailed."""
    roots: FloatArray = np.cbrt(_products(left, right, a, b))
    return roots


def _cosines(latent: Latent, right: str, a: Indices, b: Indices) -> FloatArray:
    length = latent.lengths["gene"][a] * latent.lengths[right][b]
    cosines: FloatArray = _products(latent.gene, getattr(latent, right), a, b) / np.maximum(length, 1e-9)
    return cosines


def _products(left: Table, right: Table, a: Indices, b: Indices) -> FloatArray:
    out = np.empty(len(a))
    for start in range(0, len(a), 8192):  # Two small blocks at a time stay in the cache.
        part = slice(start, start + 8192)
        out[part] = np.einsum("ij,ij->i", left[a[part]], right[b[part]])
    return out
