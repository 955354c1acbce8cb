"""Structural features of pairs, from the message graph alone: what beats plain graph networks on protein graphs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rbio_kg.graph import kernels
from verifiers.path_parts import GenePairs, PathParts

Indices = NDArray[np.int32]
Floats = NDArray[np.float64]

_SHARED = (
    "path",
    "term",
    "overlap",
    "pathway",
    "common_neighbours",
    "adamic_adar",
    "resource_allocation",
    "degree_product",
    "degree_gap",
    "back",
)
FEATURES: dict[str, tuple[str, ...]] = {
    "interacts_with": (*_SHARED, "regulation"),
    "regulates": (*_SHARED, "direct", "cascade", "regulator", "regulated", "regulation_product"),
    "terms": ("neighbours", "excess", "breadth", "degree"),
    "pathways": ("neighbours", "excess", "breadth", "degree"),
}
"""Columns of each relation's features. For `interacts_with` all are the same both ways; `regulation` is
there the larger of the two directions and `back` the smaller."""

BASELINES: dict[str, tuple[str, ...]] = {
    "interacts_with": ("common_neighbours", "adamic_adar", "resource_allocation", "degree_product", "path"),
    "regulates": ("common_neighbours", "adamic_adar", "resource_allocation", "regulation_product", "path"),
    "terms": ("neighbours", "excess", "breadth"),
    "pathways": ("neighbours", "excess", "breadth"),
}
"""Single features that stand beside the model in its metrics."""


def features(parts: PathParts, relation: str, a: Indices, b: Indices) -> Floats:
    """Features (n, len(FEATURES[relation])) of pairs; counts and degrees as ln(1 + x), the pair's own edge left out."""
    columns = _group_columns(parts, relation, a, b) if relation in ("terms", "pathways") else None
    columns = _gene_columns(parts, relation, a, b) if columns is None else columns
    return np.stack([columns[name] for name in FEATURES[relation]], axis=1)


def _gene_columns(parts: PathParts, relation: str, a: Indices, b: Indices) -> dict[str, Floats]:
    graph = parts.graph
    pairs: GenePairs = parts.genes(a, b)
    interactions, regulates = graph.interactions, graph.regulates
    count, adamic, resource = kernels.shared_neighbours(interactions.indptr, interactions.indices, a, b)
    own = (pairs.direct > 0).astype(np.float64)
    degree_a = np.log1p(interactions.degrees[a] - own)
    degree_b = np.log1p(interactions.degrees[b] - own)
    back = kernels.direct_weights(regulates.indptr, regulates.indices, regulates.weights, b, a, np.nan)
    backward = (~np.isnan(back)).astype(np.float64)
    columns = {name: getattr(pairs, name) for name in ("path", "term", "overlap", "pathway", "direct", "cascade")}
    columns |= {
        "common_neighbours": np.log1p(count),
        "adamic_adar": np.log1p(adamic),
        "resource_allocation": np.sqrt(resource),
        "degree_product": degree_a + degree_b,
        "degree_gap": np.abs(degree_a - degree_b),
        "regulator": pairs.regulator,
        "regulated": pairs.regulated,
        "regulation_product": pairs.regulator + pairs.regulated,
        "regulation": pairs.regulation,
        "back": backward,
    }
    if relation == "interacts_with":
        columns["regulation"] = np.maximum(pairs.regulation, backward)
        columns["back"] = np.minimum(pairs.regulation, backward)
    return columns


def _group_columns(parts: PathParts, relation: str, gene: Indices, group: Indices) -> dict[str, Floats]:
    found = parts.groups(gene, group, relation)
    return {
        "neighbours": found.neighbours,
        "excess": found.excess,
        "breadth": found.breadth,
        "degree": np.log1p(parts.graph.interactions.degrees[gene]).astype(np.float64),
    }
