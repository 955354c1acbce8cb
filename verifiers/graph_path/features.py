"""How strongly the graph joins two genes, or a gene and a term or pathway: the parts of a path score."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot import kernels
from rbio_kg.graph.snapshot.csr import Csr, build_csr
from rbio_kg.verifiers.graph_path.pair_parts import GeneGroups, GenePairs
from rbio_kg.verifiers.graph_path.path_counts import PathCounts

__all__ = ["GeneGroups", "GenePairs", "PathGraph", "PathParts"]

HUB_EXPONENT = 0.25
"""Passing through a node multiplies a path by its degree to the minus this (degree-weighted paths, after Himmelstein
and Baranzini 2015)."""
REGULATION_STEP = 0.7
"""Weight of a regulation as a step of an association path, and of each step of a regulatory cascade."""


class PathGraph(Protocol):
    """The arrays that parts are computed from, named as in `rbio_kg.graph.snapshot.snapshot.Snapshot`, which is one."""

    interactions: Csr
    regulates: Csr
    regulated_by: Csr
    annotations: Csr
    closure: Csr
    term_genes: Csr
    memberships: Csr
    pathway_genes: Csr
    pathway_sizes: NDArray[np.int32]
    information_content: NDArray[np.float32]


class PathParts:
    """Computes parts over one graph; the step graphs are computed at first use and kept."""

    def __init__(self, graph: PathGraph) -> None:
        self.graph = graph

    def genes(self, a: Indices, b: Indices, *, counts: bool = False) -> GenePairs:
        """Parts of the gene pairs (a, b), int32 (n,) each; every index known. `counts` adds those of all paths."""
        s = self.graph
        two, three = self.counts(a, b) if counts else (None, None)
        path, path_nodes = self.association_paths(a, b)
        cascade, cascade_nodes = self.cascades(a, b)
        edge = kernels.direct_weights(s.regulates.indptr, s.regulates.indices, s.regulates.weights, a, b, np.nan)
        regulation = (~np.isnan(edge)).astype(np.float64)
        content, most = self.content
        shared_term, best, overlap = kernels.shared_terms(s.closure.indptr, s.closure.indices, content, a, b)
        shared_pathway, pathway = kernels.shared_groups(
            s.memberships.indptr, s.memberships.indices, self.pathway_weight, a, b
        )
        direct = kernels.direct_weights(
            s.interactions.indptr, s.interactions.indices, s.interactions.weights, a, b, 0.0
        )
        return GenePairs(
            direct=direct / 1000.0,
            path=path,
            regulation=regulation,
            sign=(sign := np.nan_to_num(edge)),
            cascade=cascade,
            cascade_sign=self._cascade_signs(cascade_nodes),
            term=best / most,
            overlap=overlap,
            pathway=pathway,
            regulator=_log_share(s.regulates.degrees, a, regulation),
            regulated=_log_share(s.regulated_by.degrees, b, regulation),
            subject_sign=_mean_sign(self._signs[0], s.regulates.degrees, a, sign, regulation),
            object_sign=_mean_sign(self._signs[1], s.regulated_by.degrees, b, sign, regulation),
            path_nodes=path_nodes,
            cascade_nodes=cascade_nodes,
            shared_term=shared_term,
            shared_pathway=shared_pathway,
            two=two,
            three=three,
        )

    def association_paths(self, a: Indices, b: Indices) -> tuple[FloatArray, Indices]:
        """Best association path of 2 or 3 steps and its nodes."""
        # A path has the same weight in both directions, so the search starts from the end with fewer neighbours.
        degrees = self.steps.degrees
        swapped = degrees[a] > degrees[b]
        start, goal = np.where(swapped, b, a).astype(np.int32), np.where(swapped, a, b).astype(np.int32)
        entering, last = self.steps, self.last_steps
        product, nodes = kernels.best_paths(
            entering.indptr,
            entering.indices,
            entering.weights,
            last.indptr,
            last.indices,
            last.weights,
            start,
            goal,
            2,
            3,
        )
        lengths = (nodes >= 0).sum(axis=1)
        columns = np.arange(4)[None, :]
        reversed_nodes = np.take_along_axis(nodes, np.clip(lengths[:, None] - 1 - columns, 0, 3), axis=1)
        reversed_nodes[columns >= lengths[:, None]] = -1
        return product, np.where(swapped[:, None], reversed_nodes, nodes)

    def cascades(self, a: Indices, b: Indices) -> tuple[FloatArray, Indices]:
        """Best chain of 2 or 3 regulations from a to b and its nodes."""
        out, into = self._cascade_steps
        product, nodes = kernels.best_paths(
            out.indptr, out.indices, out.weights, into.indptr, into.indices, into.weights, a, b, 2, 3
        )
        return product, nodes

    def groups(self, gene: Indices, group: Indices, kind: str) -> GeneGroups:
        """Parts of pairs of a gene and a group; `kind` is `terms` or `pathways`."""
        s = self.graph
        members = s.term_genes if kind == "terms" else s.pathway_genes
        i = s.interactions
        support, total = kernels.neighbour_support(
            i.indptr, i.indices, i.weights, members.indptr, members.indices, gene, group
        )
        genes = max(1, int((s.closure.degrees > 0).sum() if kind == "terms" else (s.memberships.degrees > 0).sum()))
        held = kernels.direct_weights(members.indptr, members.indices, members.weights, group, gene, np.nan)
        known = ~np.isnan(held)
        others = members.degrees[group] - known
        neighbours = np.divide(support, total, out=np.zeros_like(support), where=total > 0)
        expected = (others + 1.0) / (genes + 1.0)
        excess = np.log((support + 100.0 * expected) / (total + 100.0) / expected)
        return GeneGroups(
            neighbours=neighbours,
            excess=np.clip(excess / 10.0, 0.0, 1.0),
            breadth=np.log1p(others) / np.log1p(genes),
            known=known,
        )

    @cached_property
    def isolated(self) -> NDArray[np.bool_]:
        """Genes without any relationship, bool (genes,)."""
        s = self.graph
        tables = (s.interactions, s.regulates, s.regulated_by, s.annotations, s.memberships)
        alone: NDArray[np.bool_] = np.sum([table.degrees for table in tables], axis=0) == 0
        return alone

    @cached_property
    def steps(self) -> Csr:
        """Association steps from each gene, strongest first; a weight counts the penalty of the gene entered."""
        last = self.last_steps
        penalty = np.maximum(last.degrees, 1) ** -HUB_EXPONENT
        return _strongest_first(last, last.weights * penalty[last.indices])

    @cached_property
    def last_steps(self) -> Csr:
        """Association steps without penalty: interactions by score, and regulations either way."""
        s = self.graph
        genes = len(s.interactions)
        start = np.concatenate((s.interactions.rows(), s.regulates.rows(), s.regulates.indices))
        end = np.concatenate((s.interactions.indices, s.regulates.indices, s.regulates.rows()))
        regulation = np.full(2 * len(s.regulates.indices), REGULATION_STEP)
        weights = np.concatenate((s.interactions.weights / 1000.0, regulation))
        return build_csr(genes, start, end, weights)

    @cached_property
    def counts(self) -> PathCounts:
        """Counts of all association paths of a pair."""
        return PathCounts(self.last_steps)

    @cached_property
    def _signs(self) -> tuple[FloatArray, FloatArray]:
        """Sum of the signs of each gene's regulations: of others, and by others."""
        csr, genes = self.graph.regulates, len(self.graph.regulates)
        signs = csr.weights.astype(np.float64)
        out, into = np.bincount(csr.rows(), signs, genes), np.bincount(csr.indices, signs, genes)
        return out.astype(np.float64), into.astype(np.float64)

    @cached_property
    def _cascade_steps(self) -> tuple[Csr, Csr]:
        s = self.graph
        penalty = np.maximum(s.regulates.degrees + s.regulated_by.degrees, 1) ** -HUB_EXPONENT
        out = _strongest_first(s.regulates, REGULATION_STEP * penalty[s.regulates.indices])
        into = s.regulated_by
        return out, Csr(into.indptr, into.indices, np.full(len(into.indices), REGULATION_STEP))

    @cached_property
    def content(self) -> tuple[NDArray[np.float32], float]:
        """Information content of the terms, and the largest, at least 1."""
        content = _read_only(np.asarray(self.graph.information_content))
        return content, max(float(content.max(initial=0.0)), 1.0)

    @cached_property
    def pathway_weight(self) -> FloatArray:
        """1 - ln(size) / ln(genes in pathways), 0 to 1, (pathways,)."""
        s = self.graph
        members = max(2, int((s.memberships.degrees > 0).sum()))
        return _read_only(np.clip(1.0 - np.log(np.maximum(s.pathway_sizes, 1)) / np.log(members), 0.0, 1.0))

    def _cascade_signs(self, nodes: Indices) -> FloatArray:
        s = self.graph.regulates
        sign = (nodes[:, 0] >= 0).astype(np.float64)
        for step in range(3):
            there = nodes[:, step + 1] >= 0
            weights = kernels.direct_weights(
                s.indptr,
                s.indices,
                s.weights,
                np.where(there, nodes[:, step], 0),
                np.where(there, nodes[:, step + 1], 0),
                0.0,
            )
            sign *= np.where(there, weights, 1.0)
        return sign


def _strongest_first(csr: Csr, weights: FloatArray) -> Csr:
    order = np.lexsort((csr.indices, -weights, csr.rows()))
    return Csr(csr.indptr, csr.indices[order], weights[order])


def _log_share(degrees: NDArray[Any], genes: Indices, own: FloatArray) -> FloatArray:
    largest = np.log1p(max(1, int(degrees.max(initial=0))))
    share: FloatArray = np.log1p(degrees[genes] - own) / largest
    return share


def _mean_sign(
    sums: FloatArray, degrees: NDArray[Any], genes: Indices, own_sign: FloatArray, own: FloatArray
) -> FloatArray:
    mean: FloatArray = (sums[genes] - own_sign) / (degrees[genes] - own + 1.0)
    return mean


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
