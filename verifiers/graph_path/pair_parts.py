"""The parts of a path score: for a pair of genes, and for a gene and a term or pathway."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import FloatArray, Indices

GROUP_PARTS = ("neighbours", "excess", "breadth")
"""Parts of a gene and a term or pathway, each 0 to 1; see `GeneGroups`."""


@dataclass(frozen=True)
class GenePairs:
    """The parts of n gene pairs, subject first. Float arrays of shape (n,) unless said otherwise.

    direct: STRING's combined score of the pair's own interaction, 0 to 1; 0 without one.
    path: product of step weights along the best association path of 2 or 3 steps.
    regulation: 1 where the subject is known to regulate the object.
    sign: of that regulation; 1, -1 or 0.
    cascade: product along the best chain of 2 or 3 regulations from subject to object.
    cascade_sign: product of the chain's signs.
    term: information content of the most informative shared GO term over the largest of all terms.
    overlap: information content shared over united.
    pathway: 1 - ln(size) / ln(genes in pathways) of the smallest shared pathway.
    regulator: ln(1 + targets of the subject) over the largest such; the pair's own edge is not counted.
    regulated: ln(1 + regulators of the object) over the largest such; the pair's own edge is not counted.
    subject_sign: mean sign of the subject's other regulations, -1 to 1, with one regulation of no sign added.
    object_sign: mean sign of the object's other regulations by others, likewise.
    two, three: degree-weighted counts of the association paths of 2 and 3 steps
        (`rbio_kg.verifiers.graph_path.path_counts`); None unless requested.
    path_nodes, cascade_nodes: int32 (n, 4), -1 after the end.
    shared_term, shared_pathway: int32, -1 for none.
    """

    direct: FloatArray
    path: FloatArray
    regulation: FloatArray
    sign: FloatArray
    cascade: FloatArray
    cascade_sign: FloatArray
    term: FloatArray
    overlap: FloatArray
    pathway: FloatArray
    regulator: FloatArray
    regulated: FloatArray
    subject_sign: FloatArray
    object_sign: FloatArray
    path_nodes: Indices
    cascade_nodes: Indices
    shared_term: Indices
    shared_pathway: Indices
    two: FloatArray | None = None
    three: FloatArray | None = None

    @property
    def is_regulator(self) -> FloatArray:
        """1 where the subject is known to regulate another gene than the object."""
        return (self.regulator > 0).astype(np.float64)

    @property
    def cascade_activation(self) -> FloatArray:
        """The chain with its sign: `cascade` where it activates, minus `cascade` where it represses."""
        return self.cascade * self.cascade_sign

    def matrix(self, parts: tuple[str, ...]) -> FloatArray:
        """The named parts as columns, (n, parts)."""
        return np.stack([getattr(self, part) for part in parts], axis=1)


@dataclass(frozen=True)
class GeneGroups:
    """The parts of n pairs of a gene and a term (or pathway). Float arrays of shape (n,).

    neighbours: share of the gene's interaction weight that goes to genes of the group.
    excess: ln of that share (one tenth of a neighbour added) over the group's share of all genes, over 10, cut to 0..1.
    breadth: ln(1 + other genes of the group) over ln(1 + all genes).
    known: 1 where the graph has the membership, itself or by a narrower term.
    """

    neighbours: FloatArray
    excess: FloatArray
    breadth: FloatArray
    known: NDArray[np.bool_]

    def matrix(self, parts: tuple[str, ...]) -> FloatArray:
        """The named parts as columns, (n, parts)."""
        return np.stack([getattr(self, part) for part in parts], axis=1)
