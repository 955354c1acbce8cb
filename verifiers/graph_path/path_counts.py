"""Degree-weighted path counts: all short association paths of a pair added up, hubs weighed down.

After the degree-weighted path count of Himmelstein and Baranzini (2015). For genes a and b and k = 2 or 3 steps,

    count_k(a, b) = (d_a d_b)^-p  *  sum over simple paths of k steps of  (product of step weights) (product of d_x^-p)

where x runs over the genes between the ends, d is the number of association steps of a gene, and p = `EXPONENT`. The
pair's own step counts neither as a path nor in d_a and d_b, so that a pair looks the same whether or not it is known.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.kernels import direct_weights
from rbio_kg.graph.snapshot.path_kernels import path_sums

EXPONENT = 0.75
"""p. Of 0, .25, .5, .75 and 1 the best on held-out interactions and regulations with hard false pairs."""
UNIT = 1e-4
"""Parts are ln(1 + count / UNIT), scaled to 1."""


class PathCounts:
    """Counts paths over one symmetric matrix of association steps (weights 0 to 1)."""

    def __init__(self, steps: Csr) -> None:
        self.steps = steps

    @cached_property
    def _penalty(self) -> FloatArray:
        return np.maximum(self.steps.degrees, 1) ** -EXPONENT

    def __call__(self, a: Indices, b: Indices) -> tuple[FloatArray, FloatArray]:
        """The parts of 2 and of 3 steps of the pairs (a, b), int32 (n,) each; float (n,), 0 to 1, 0 without a path."""
        s, degrees = self.steps, self.steps.degrees
        swapped = degrees[a] > degrees[b]
        start, goal = np.where(swapped, b, a).astype(np.int32), np.where(swapped, a, b).astype(np.int32)
        order = np.lexsort((goal, start))
        sums = np.zeros((2, len(a)))
        sums[:, order] = path_sums(s.indptr, s.indices, s.weights, self._penalty, start[order], goal[order])
        own = direct_weights(s.indptr, s.indices, s.weights, start, goal, 0.0) > 0
        ends = np.maximum(degrees[start] - own, 1) * np.maximum(degrees[goal] - own, 1).astype(np.float64)
        two, three = np.minimum(np.log1p(sums * ends**-EXPONENT / UNIT) / np.log1p(1.0 / UNIT), 1.0)
        return two, three

    def between(self, a: int, b: int, most: int = 3) -> list[tuple[int, float]]:
        """The strongest genes between a and b on paths of 2 steps, each with its share of `two`'s sum, 0 to 1."""
        (near_a, weight_a), (near_b, weight_b) = self.steps.row(a), self.steps.row(b)
        shared, index_a, index_b = np.intersect1d(near_a, near_b, assume_unique=True, return_indices=True)
        kept = (shared != a) & (shared != b)
        shared = shared[kept]
        weight = weight_a[index_a[kept]] * weight_b[index_b[kept]] * self._penalty[shared]
        order = np.lexsort((shared, -weight))[:most]
        return [(int(shared[i]), float(weight[i] / weight.sum())) for i in order]
