"""Kernel regression over pairs of a knockdown and a monitored gene: what similar knockdowns did to similar genes.

A Gaussian process on the log odds of a label, relative to the gene's base rate r in its cell line, with the covariance

    A(l, l') (k(p, p') + SELF_COVARIANCE [p = p']) [g = g'] + PAIR_WEIGHT B(l, l') (k(p, p') + [p = p']) v(g).v(g')

of the pairs (p, g) in line l and (p', g') in line l'. k is the squared cosine of the knockdowns' profiles, v(g) a short
vector of the gene's profile, A and B are 1 within a cell line and a constant between two. Labels enter by one Newton
step of the Laplace approximation from the base rates (Rasmussen and Williams 2006, section 3.4). With w = r (1 - r),
the weights solve (K + W^-1) a = (label - r) / w, here by conjugate gradients. Settings were chosen on train rows.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from rbio_kg.core.errors import ConvergenceWarning
from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot.kernels import compiled
from rbio_kg.verifiers.expression.similarity import Profiles

SELF_COVARIANCE = 0.3
"""Covariance of the same knockdown in two cell lines, in addition to that of similar knockdowns."""
PAIR_WEIGHT = 0.3
"""Weight of the term that compares the monitored genes by their profiles."""
LINE_CORRELATION, PAIR_LINE_CORRELATION = 0.5, 0.7
"""Correlation of two cell lines, for the same gene and for similar genes."""
FACTORS = 80
MIN_LENGTH = 0.3
"""A gene's vector is scaled to length 1; a shorter one is divided by this length, because little is known of it."""
MIN_VARIANCE = 0.01
"""Least w: a gene that hardly ever changes has no steep log odds."""
TOLERANCE = 3e-3
"""Relative residual at which conjugate gradients stop."""
MAX_ITERATIONS = 60
_CACHED = 2000

CscParts = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Column starts, row indices and values of a sparse matrix."""


@dataclass(frozen=True)
class Pairs:
    """Labelled pairs of one task in all cell lines, (n,) each.

    Args:
        perts: index of the knocked down gene among the profiles.
        genes: index of the monitored gene among the profiles.
        lines: number of the cell line, from 0.
    """

    perts: NDArray[Any]
    genes: NDArray[Any]
    lines: NDArray[Any]


class PerturbationKernel:
    """Similarities of the training knockdowns of all cell lines, and vectors of the monitored genes.

    Args:
        profiles: of all genes.
        perts: indices of the training knockdowns among the profiles, ascending.
        factors: float32 (all genes, factors), v of the module's formula.
    """

    def __init__(self, profiles: Profiles, perts: NDArray[np.int32], factors: NDArray[np.float32]) -> None:
        self.profiles, self.perts, self.factors = profiles, perts, factors
        self._cache: OrderedDict[int, FloatArray] = OrderedDict()

    def similarity(self, subjects: Sequence[int]) -> FloatArray:
        """Similarities of subjects to the training knockdowns, (subjects, perts); a cache keeps the latest."""
        found = {one: self._cache[one] for one in subjects if one in self._cache}
        missing = [one for one in dict.fromkeys(subjects) if one not in found]
        fresh = dict(zip(missing, self.profiles.similarity(np.array(missing), self.perts), strict=True))
        self._cache |= fresh
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        found |= fresh
        return np.array([found[one] for one in subjects]).reshape(len(subjects), len(self.perts))

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """k of the module's formula, (perts, perts)."""
        similarity = self.profiles.similarity(self.perts, self.perts)
        return squared_cosines(self.profiles, self.perts, self.perts, similarity).astype(np.float32)


def squared_cosines(
    profiles: Profiles, first: NDArray[Any], second: NDArray[Any], similarity: FloatArray
) -> FloatArray:
    """Similarities (first, second) as squared cosines, 0 to 1; 0 for a gene without a profile."""
    lengths = [np.maximum(profiles.lengths[genes], 1e-6) for genes in (first, second)]
    out: FloatArray = (similarity / lengths[0][:, None] / lengths[1][None, :]) ** 2
    return out


def gene_factors(profiles: Profiles, monitored: NDArray[Any]) -> NDArray[np.float32]:
    """Vectors (all genes, factors): all profiles projected on the main axes of the monitored genes' profiles."""
    from sklearn.utils.extmath import randomized_svd

    rows = profiles.rows(monitored)
    most = min(FACTORS, min(rows.shape) - 1)
    if most < 1 or not rows.nnz:
        return np.zeros((len(profiles.genes), 1), dtype=np.float32)
    axes = randomized_svd(rows, most, random_state=0)[2]
    found = np.asarray(profiles.matrix @ axes.T.astype(np.float32))
    length = np.linalg.norm(found, axis=1, keepdims=True)
    vectors: NDArray[np.float32] = (found / np.maximum(length, MIN_LENGTH)).astype(np.float32)
    return vectors


@compiled
def column_sums(
    start: NDArray[Any], rows: NDArray[Any], values: NDArray[Any], weights: FloatArray, columns: NDArray[Any]
) -> FloatArray:
    """Weighted sums (len(columns),) of the given columns of a csc matrix, for weights (rows,)."""
    out = np.zeros(len(columns))
    for number in range(len(columns)):
        for at in range(start[columns[number]], start[columns[number] + 1]):
            out[number] += values[at] * weights[rows[at]]
    return out


def csc_parts(matrix: Any) -> CscParts:
    """The arrays of a sparse matrix that `column_sums` takes: column starts, row indices, values."""
    matrix = matrix.tocsc()
    matrix.sort_indices()
    return matrix.indptr, matrix.indices, matrix.data


@compiled
def _fill_same_gene(  # noqa: PLR0917
    start: NDArray[np.int64],
    perts: NDArray[np.int64],
    lines: NDArray[np.int64],
    similarity: NDArray[np.float32],
    correlation: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Fills in the first term of the covariance of rows sorted by gene: the lower triangle of each gene's block."""
    at = 0
    for block in range(len(start) - 1):
        for i in range(start[block], start[block + 1]):
            for j in range(start[block], i + 1):
                found = similarity[perts[i], perts[j]]
                if perts[i] == perts[j]:
                    found += np.float32(SELF_COVARIANCE)
                out[at] = correlation[lines[i], lines[j]] * found
                at += 1


@compiled
def _add_same_gene_product(
    start: NDArray[np.int64], triangles: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Adds the product of the blocks of `_fill_same_gene` with the weights."""
    at = 0
    for block in range(len(start) - 1):
        for i in range(start[block], start[block + 1]):
            total, mine = np.float32(0.0), weights[i]
            for j in range(start[block], i):
                total += triangles[at] * weights[j]
                out[j] += triangles[at] * mine
                at += 1
            out[i] += total + triangles[at] * mine
            at += 1


@compiled
def _add_weighted_vectors(
    cells: NDArray[np.int64],
    genes: NDArray[np.int32],
    weights: NDArray[np.float32],
    factors: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Adds each row's gene vector, times its weight, to its cell of `out`."""
    for row in range(len(cells)):
        for k in range(factors.shape[1]):
            out[cells[row], k] += weights[row] * factors[genes[row], k]


@compiled
def _add_vector_products(
    cells: NDArray[np.int64],
    genes: NDArray[np.int32],
    sums: NDArray[np.float32],
    factors: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Adds to each row the product of its cell of `sums` with its gene's vector."""
    for row in range(len(cells)):
        total = np.float32(0.0)
        for k in range(factors.shape[1]):
            total += sums[cells[row], k] * factors[genes[row], k]
        out[row] += total


class _System:
    """The symmetric linear system of `solve`, scaled by the square roots of w so that its diagonal is 1 or more."""

    def __init__(self, kernel: PerturbationKernel, pairs: Pairs, base_rate: FloatArray) -> None:
        self.pert = np.searchsorted(kernel.perts, pairs.perts)
        self.line = pairs.lines.astype(np.int64)
        self.gene = pairs.genes.astype(np.int32)
        self.start = np.flatnonzero(np.r_[True, self.gene[1:] != self.gene[:-1], True])
        sizes = np.diff(self.start)
        self.count, self.size = int(self.line.max()) + 1, len(kernel.perts)
        self.triangles = np.empty(int((sizes * (sizes + 1) // 2).sum()), dtype=np.float32)
        correlation = np.where(np.eye(self.count) > 0, 1.0, LINE_CORRELATION).astype(np.float32)
        _fill_same_gene(self.start, self.pert, self.line, kernel.matrix, correlation, self.triangles)
        self.cells, self.factors = self.line * self.size + self.pert, np.ascontiguousarray(kernel.factors)
        # Only knockdowns with labels in a line are needed there.
        self.present = [np.unique(self.pert[self.line == number]) for number in range(self.count)]
        self.similarities = [kernel.matrix[mine] for mine in self.present]
        self.variance = np.maximum(base_rate * (1.0 - base_rate), MIN_VARIANCE)
        self.root = np.sqrt(self.variance).astype(np.float32)
        self._sums = np.zeros((self.count * self.size, self.factors.shape[1]), dtype=np.float32)

    def times(self, vector: NDArray[Any]) -> NDArray[np.float32]:
        """The product of the system with a vector, (n,)."""
        scaled = np.asarray(vector, dtype=np.float32).ravel() * self.root
        out = np.zeros(len(self.root), dtype=np.float32)
        _add_same_gene_product(self.start, self.triangles, scaled, out)
        pooled = np.zeros((self.count, self.size, self.factors.shape[1]), dtype=np.float32)
        _add_weighted_vectors(self.cells, self.gene, scaled, self.factors, pooled.reshape(self.count * self.size, -1))
        all_lines = np.float32(PAIR_LINE_CORRELATION) * pooled.sum(axis=0)
        for number, (mine, similarity) in enumerate(zip(self.present, self.similarities, strict=True)):
            mixed = all_lines + np.float32(1.0 - PAIR_LINE_CORRELATION) * pooled[number]
            self._sums[number * self.size + mine] = np.float32(PAIR_WEIGHT) * (similarity @ mixed + mixed[mine])
        _add_vector_products(self.cells, self.gene, self._sums, self.factors, out)
        return np.asarray(out * self.root + scaled / self.root, dtype=np.float32)


def solve(
    kernel: PerturbationKernel,
    pairs: Pairs,
    excess: FloatArray,
    base_rate: FloatArray,
    *,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> NDArray[np.float32]:
    """The weights a of labelled pairs, float32 (n,).

    The time and memory of one step grow with the sum over genes of (labels of the gene) ** 2.

    Args:
        kernel: of all knockdowns among the pairs.
        pairs: the labelled pairs.
        excess: label minus base rate, (n,).
        base_rate: rate of label 1 of the pair's gene in its line, 0 to 1, (n,).
        tolerance: relative residual at which the solver stops.
        max_iterations: iterations after which it gives up.

    Warns:
        ConvergenceWarning: the solver gave up before it reached the tolerance.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    found = np.zeros(len(pairs.perts), dtype=np.float32)
    # A gene that never changed anywhere cannot tell one knockdown from another.
    changed = np.unique(pairs.genes[excess > 0])
    order = np.flatnonzero(np.isin(pairs.genes, changed))
    order = order[np.lexsort((pairs.perts[order], pairs.lines[order], pairs.genes[order]))]
    if not len(order):
        return found
    system = _System(kernel, Pairs(pairs.perts[order], pairs.genes[order], pairs.lines[order]), base_rate[order])
    operator = LinearOperator((len(order), len(order)), matvec=system.times, dtype=np.float32)
    target = (excess[order] / system.variance).astype(np.float32) * system.root
    solved, steps = cg(operator, target, rtol=tolerance, maxiter=max_iterations)
    if steps:
        residual = float(np.linalg.norm(target - system.times(solved)) / np.linalg.norm(target))
        warnings.warn(
            f"kernel regression on {len(order)} pairs: no convergence in {max_iterations} iterations "
            f"(relative residual {residual:.1e}, tolerance {tolerance:.1e})",
            ConvergenceWarning,
            stacklevel=2,
        )
    found[order] = solved * system.root
    return found


class PairRegression:
    """Predicts for one cell line from solved weights.

    Args:
        kernel: the training knockdowns of all cell lines.
        columns: indices of the genes that can be queried among the profiles, ascending.
        pairs: (perts, genes) of the labelled pairs, one entry per cell line.
        weights: those of `solve`, one array per cell line.
        own: the number of the line to predict for; -1 for a line without labels.
    """

    def __init__(
        self,
        kernel: PerturbationKernel,
        columns: Indices,
        pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
        weights: Sequence[NDArray[np.float32]],
        own: int,
    ) -> None:
        self.kernel = kernel
        size = len(kernel.perts)
        same = sp.csr_matrix((size, len(columns)))
        vectors = np.zeros((size, kernel.factors.shape[1]))
        for number, ((perts, genes), weight) in enumerate(zip(pairs, weights, strict=True)):
            kept = weight != 0
            row, gene, value = np.searchsorted(kernel.perts, perts[kept]), genes[kept], weight[kept].astype(np.float64)
            column = np.minimum(np.searchsorted(columns, gene), max(len(columns) - 1, 0))
            inside = columns[column] == gene if len(columns) else np.zeros(len(gene), dtype=np.bool_)
            matrix = sp.csr_matrix((value[inside], (row[inside], column[inside])), (size, len(columns)))
            same = same + matrix * (1.0 if number == own else LINE_CORRELATION)
            pooled = sp.csr_matrix((value, (row, np.arange(len(value)))), (size, len(value)))
            share = 1.0 if number == own else PAIR_LINE_CORRELATION
            vectors += (pooled @ kernel.factors[gene].astype(np.float64)) * share
        self._same, self._sums = csc_parts(same), PAIR_WEIGHT * vectors
        self._vectors = kernel.factors[columns].astype(np.float64)

    def predict(self, subject: int, similarity: FloatArray, columns: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Log odds above the base rate, by the same gene and by similar genes, both (len(columns),).

        Args:
            subject: index of a knockdown among the profiles.
            similarity: of the subject to the training knockdowns, (perts,).
            columns: positions among the columns.
        """
        kernel = self.kernel
        cosine = squared_cosines(kernel.profiles, np.array([subject]), kernel.perts, similarity[None, :])[0]
        identical = np.equal(kernel.perts, subject).astype(np.float64)
        sums = (cosine + identical) @ self._sums
        same = column_sums(*self._same, cosine + SELF_COVARIANCE * identical, columns)
        # A sum by genes, not a matrix product: BLAS sums in another order for another number of genes.
        return same, (self._vectors[columns] * sums).sum(axis=1)
