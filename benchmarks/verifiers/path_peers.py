"""What people use instead of the graph path verifier: Katz, personalised PageRank, shortest paths, by scipy.

Each takes a sparse matrix of steps (row to column, weights 0 to 1) and pairs, and gives a score, higher for closer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import eigs

from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot.csr import Csr

BLOCK = 256


def matrix(csr: Csr, weights: FloatArray | None = None) -> sp.csr_matrix:
    """The matrix for scipy."""
    values = np.asarray(csr.weights if weights is None else weights, dtype=np.float32)
    return sp.csr_matrix((values, csr.indices, csr.indptr), shape=(len(csr), len(csr)))


def largest_eigenvalue(steps: sp.csr_matrix) -> float:
    """Of largest modulus; Katz converges for attenuations below one over it."""
    start = np.ones(steps.shape[0])
    return float(abs(eigs(steps.astype(np.float64), k=1, which="LM", v0=start, return_eigenvectors=False)[0]))


def katz(steps: sp.csr_matrix, a: Indices, b: Indices, attenuation: float, most: int = 6) -> FloatArray:
    """Sum over walks from a to b of up to `most` steps of their weights times attenuation^steps (Katz 1953)."""
    turned = steps.T.tocsr()

    def columns(sources: Indices) -> FloatArray:
        walks = attenuation * steps[sources].toarray().T
        total = walks.copy()
        for _ in range(most - 1):
            walks = attenuation * (turned @ walks)
            total += walks
        return total

    return _by_source(a, b, columns)


def personalised_pagerank(steps: sp.csr_matrix, a: Indices, b: Indices, restart: float, rounds: int = 15) -> FloatArray:
    """Probability of being at b in a walk that restarts at a; a walk that cannot go on restarts."""
    strength = np.asarray(steps.sum(axis=1)).ravel()
    turned = sp.diags((1.0 - restart) / np.where(strength > 0, strength, 1.0)).dot(steps).T.tocsr().astype(np.float32)
    stuck = np.flatnonzero(strength == 0)

    def columns(sources: Indices) -> FloatArray:
        place = np.arange(len(sources))
        at = np.zeros((steps.shape[0], len(sources)), dtype=np.float32)
        at[sources, place] = 1.0
        for _ in range(rounds):
            back = restart + (1.0 - restart) * at[stuck].sum(axis=0)
            at = turned @ at
            at[sources, place] += back
        return at

    return _by_source(a, b, columns)


def shortest_path(steps: sp.csr_matrix, a: Indices, b: Indices) -> FloatArray:
    """1 / (1 + length) of the shortest path, where a step of weight w is 1 - ln w long; 0 without a path."""
    lengths = steps.copy().astype(np.float64)
    lengths.data = 1.0 - np.log(np.maximum(lengths.data, 1e-3))

    def columns(sources: Indices) -> FloatArray:
        return 1.0 / (1.0 + dijkstra(lengths, indices=sources).T)

    return _by_source(a, b, columns)


def _by_source(a: Indices, b: Indices, columns: Callable[[Indices], FloatArray]) -> FloatArray:
    out = np.zeros(len(a))
    for sources, rows, place in _blocks(a):
        out[rows] = columns(sources)[b[rows], place]
    return out


def _blocks(a: Indices) -> Iterator[tuple[Indices, NDArray[np.int64], NDArray[np.int64]]]:
    """Distinct sources, a block at a time, with the pairs that begin there and the place of each one's source."""
    sources, place = np.unique(a, return_inverse=True)
    order = np.argsort(place, kind="stable")
    edges = np.searchsorted(place[order], np.arange(0, len(sources) + BLOCK, BLOCK))
    for block, (low, high) in enumerate(pairwise(edges.tolist())):
        rows = order[low:high]
        yield sources[block * BLOCK : (block + 1) * BLOCK], rows, place[rows] - block * BLOCK
