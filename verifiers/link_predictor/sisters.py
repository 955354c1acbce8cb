"""Sister relations: another relation that joins the same two genes directly, so that a held-out link is not hidden.

A regulation next to an interaction, the regulation in the other direction, and a pathway or GO term of exactly these
two genes all give a held-out pair away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import BoolArray, Indices
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.verifiers.graph_path.features import PathGraph
from rbio_kg.verifiers.stats.negatives import Keys, is_known

SISTERS: Mapping[str, tuple[str, ...]] = {
    "interacts_with": ("other_relation", "two_gene_sets"),
    "regulates": ("other_relation", "other_direction", "two_gene_sets"),
}
"""Kinds of sister by relation. A gene's link to a term or pathway has none."""


def sister_masks(graph: PathGraph, name: str, a: Indices, b: Indices) -> dict[str, BoolArray]:
    """For each kind of sister of a relation, which pairs (n,) have one in a graph.

    Args:
        graph: the complete graph, held-out edges included.
        name: the relation; the result is empty for one without kinds of sister.
        a, b: int32 (n,), the pairs.
    """
    kinds = SISTERS.get(name, ())
    low, high = np.minimum(a, b), np.maximum(a, b)
    masks: dict[str, BoolArray] = {}
    for kind in kinds:
        if kind == "two_gene_sets":
            masks[kind] = is_known(two_gene_sets(graph.pathway_genes, graph.term_genes), low, high)
        elif kind == "other_direction":
            masks[kind] = is_known(pair_keys(graph.regulates), b, a)
        elif name == "regulates":
            masks[kind] = is_known(unordered_keys(graph.interactions), low, high)
        else:
            masks[kind] = is_known(unordered_keys(graph.regulates), low, high)
    return masks


def two_gene_sets(*members: Csr) -> Keys:
    """Unordered keys of the pairs of genes that are all the genes of a set; each matrix has a row per set."""
    found = []
    for csr in members:
        starts = csr.indptr[:-1][csr.degrees == 2]
        first, second = csr.indices[starts].astype(np.int64), csr.indices[starts + 1].astype(np.int64)
        found.append((np.minimum(first, second) << 32) | np.maximum(first, second))
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def pair_keys(csr: Csr) -> Keys:
    """Each entry as one number, row * 2^32 + column, ascending."""
    return np.unique((csr.rows().astype(np.int64) << 32) | csr.indices)


def unordered_keys(csr: Csr) -> Keys:
    """Each entry as one number that is the same for both directions, ascending."""
    return np.unique(_unordered(csr))


def _unordered(csr: Csr) -> Keys:
    rows, columns = csr.rows().astype(np.int64), csr.indices.astype(np.int64)
    return (np.minimum(rows, columns) << 32) | np.maximum(rows, columns)


def together(csrs: Mapping[str, Csr], codes: Mapping[str, NDArray[np.int8]]) -> dict[str, NDArray[np.int8]]:
    """The codes of gene-gene edges, so that all edges of two genes have one code: that of the first matrix with them.

    Args:
        csrs: matrices of genes by genes.
        codes: int8 (entries,), of each matrix.
    """
    keys = np.concatenate([_unordered(csr) for csr in csrs.values()])
    drawn = np.concatenate([codes[name] for name in csrs])
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    shared = drawn[first][place]
    ends = np.cumsum([len(csr.indices) for csr in csrs.values()])
    return dict(zip(csrs, np.split(shared, ends[:-1]), strict=True))


def sister_report(masks: Mapping[str, BoolArray], labels: NDArray[Any]) -> tuple[dict[str, float | int], BoolArray]:
    """Share of the true pairs with a sister, by kind and with any, and which pairs (n,) have none.

    Args:
        masks: of `sister_masks`, not empty.
        labels: (n,), 1 true, 0 false.
    """
    anyone = np.logical_or.reduce(list(masks.values()))
    true = labels == 1
    shares = {kind: float(mask[true].mean()) if true.any() else 0.0 for kind, mask in masks.items()}
    shares["any"] = float(anyone[true].mean()) if true.any() else 0.0
    return shares, ~anyone
