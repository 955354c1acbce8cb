"""Kernel regression over pairs of a knockdown and a monitored gene: what like knockdowns did to like genes.

A Gaussian process on the log odds of a label, above the gene's habit h in its cell line, with the covariance

    A(l, l') (k(p, p') + SELF [p = p']) [g = g'] + PAIR B(l, l') (k(p, p') + [p = p']) v(g).v(g')

of the pairs (p, g) in line l and (p', g') in line l'. k is the squared cosine of the knockdowns' profiles, v(g) a short
vector of the gene's profile, A and B are 1 within a cell line and a constant between two. Labels enter by one Newton
step of the Laplace approximation from the habits (Rasmussen and Williams 2006, section 3.4): with w = h (1 - h), the
weights solve (K + W^-1) a = (label - h) / w, here by conjugate gradients. Settings were chosen on train rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.snapshot.kernels import compiled
from rbio_kg.verifiers.expression.similarity import Profiles

SELF = 0.3
"""Covariance of the same knockdown in two cell lines, beyond that of like knockdowns."""
PAIR = 0.3
"""Share of the genes' likeness."""
ACROSS, PAIR_ACROSS = 0.5, 0.7
"""Correlation of two cell lines, for the same gene and for like genes."""
FACTORS = 80
LEAST_LENGTH = 0.3
"""A gene's vector is scaled to length 1, one shorter than this only by as much: little is known of the gene."""
LEAST_SPREAD = 0.01
"""Least w: a gene that hardly ever changes has no steep log odds."""
_TOLERANCE, _MOST_STEPS = 3e-3, 60
_KEPT = 2000


class PerturbationKernel:
    """How alike the training knockdowns of all cell lines are, and the monitored genes.

    Args:
        profiles: of all genes.
        perts: places of the training knockdowns, ascending.
        factors: float32 (all genes, factors), v of the module's formula.
    """

    def __init__(self, profiles: Profiles, perts: NDArray[np.int32], factors: NDArray[np.float32]) -> None:
        self.profiles, self.perts, self.factors = profiles, perts, factors
        self._kept: OrderedDict[int, FloatArray] = OrderedDict()

    def similarity(self, subjects: Sequence[int]) -> FloatArray:
        """Similarities of subjects to the training knockdowns, (subjects, perts); the latest are kept."""
        found = {one: self._kept[one] for one in subjects if one in self._kept}
        missing = [one for one in dict.fromkeys(subjects) if one not in found]
        fresh = dict(zip(missing, self.profiles.similarity(np.array(missing), self.perts), strict=True))
        self._kept |= fresh
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        found |= fresh
        return np.array([found[one] for one in subjects]).reshape(len(subjects), len(self.perts))

    @cached_property
    def like(self) -> NDArray[np.float32]:
        """k of the module's formula, (perts, perts)."""
        similarity = self.profiles.similarity(self.perts, self.perts)
        return squared_cosines(self.profiles, self.perts, self.perts, similarity).astype(np.float32)


def squared_cosines(
    profiles: Profiles, first: NDArray[Any], second: NDArray[Any], similarity: FloatArray
) -> FloatArray:
    """Similarities (first, second) as squared cosines, 0 to 1; a gene without a profile is like nothing."""
    reach = [np.maximum(profiles.lengths[places], 1e-6) for places in (first, second)]
    out: FloatArray = (similarity / reach[0][:, None] / reach[1][None, :]) ** 2
    return out


def gene_factors(profiles: Profiles, monitored: NDArray[Any]) -> NDArray[np.float32]:
    """Vectors (all genes, factors): the profiles on the main axes of the monitored genes' profiles."""
    from sklearn.utils.extmath import randomized_svd

    rows = profiles.rows(monitored)
    most = min(FACTORS, min(rows.shape) - 1)
    if most < 1 or not rows.nnz:
        return np.zeros((len(profiles.genes), 1), dtype=np.float32)
    axes = randomized_svd(rows, most, random_state=0)[2]
    found = np.asarray(profiles.matrix @ axes.T.astype(np.float32))
    length = np.linalg.norm(found, axis=1, keepdims=True)
    vectors: NDArray[np.float32] = (found / np.maximum(length, LEAST_LENGTH)).astype(np.float32)
    return vectors


@compiled
def column_sums(
    start: NDArray[Any], rows: NDArray[Any], values: NDArray[Any], weights: FloatArray, columns: NDArray[Any]
) -> FloatArray:
    """Weighted sums (len(columns),) of some columns of a csc matrix for weights (rows,)."""
    out = np.zeros(len(columns))
    for number in range(len(columns)):
        for at in range(start[columns[number]], start[columns[number] + 1]):
            out[number] += values[at] * weights[rows[at]]
    return out


def csc_parts(matrix: Any) -> tuple[Any, Any, Any]:
    """What `column_sums` takes of a sparse matrix."""
    matrix = matrix.tocsc()
    matrix.sort_indices()
    return matrix.indptr, matrix.indices, matrix.data


@compiled
def _same_gene(  # noqa: PLR0917
    start: NDArray[np.int64],
    perts: NDArray[np.int64],
    lines: NDArray[np.int64],
    like: NDArray[np.float32],
    share: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Fills in the first term of the covariance of rows sorted by gene: the lower triangle of each gene's block."""
    at = 0
    for block in range(len(start) - 1):
        for i in range(start[block], start[block + 1]):
            for j in range(start[block], i + 1):
                found = like[perts[i], perts[j]]
                if perts[i] == perts[j]:
                    found += np.float32(SELF)
                out[at] = share[lines[i], lines[j]] * found
                at += 1


@compiled
def _times_same_gene(
    start: NDArray[np.int64], triangles: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Adds what `_same_gene` filled in, times the weights."""
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
def _pooled(
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
def _met(
    cells: NDArray[np.int64],
    genes: NDArray[np.int32],
    spoken: NDArray[np.float32],
    factors: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Adds to each row the product of its cell of `spoken` with its gene's vector."""
    for row in range(len(cells)):
        total = np.float32(0.0)
        for k in range(factors.shape[1]):
            total += spoken[cells[row], k] * factors[genes[row], k]
        out[row] += total


def solve(
    known: PerturbationKernel,
    pairs: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    excess: FloatArray,
    base_rate: FloatArray,
) -> NDArray[np.float32]:
    """The weights a of labelled pairs, float32 (n,).

    The time and memory of one step grow with the sum over genes of (labels of the gene) ** 2.

    Args:
        known: of all knockdowns among the pairs.
        pairs: (n,) each: places of perturbation and gene among the profiles, and number of the cell line, from 0.
        excess: label minus habit.
        habit: rate of label 1 of the pair's gene in its line, 0 to 1.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    perts, genes, lines = pairs
    found = np.zeros(len(perts), dtype=np.float32)
    # A gene that never changed anywhere says nothing of one knockdown rather than another.
    changed = np.unique(genes[excess > 0])
    order = np.flatnonzero(np.isin(genes, changed))
    order = order[np.lexsort((perts[order], lines[order], genes[order]))]
    if not len(order):
        return found
    place, line = np.searchsorted(known.perts, perts[order]), lines[order].astype(np.int64)
    gene = genes[order].astype(np.int32)
    start = np.flatnonzero(np.r_[True, gene[1:] != gene[:-1], True])
    sizes, count, size = np.diff(start), int(lines.max()) + 1, len(known.perts)
    triangles = np.empty(int((sizes * (sizes + 1) // 2).sum()), dtype=np.float32)
    share = np.where(np.eye(count) > 0, 1.0, ACROSS).astype(np.float32)
    _same_gene(start, place, line, known.like, share, triangles)
    cells, factors = line * size + place, np.ascontiguousarray(known.factors)
    # Only knockdowns with labels in a line are answered for there.
    there = [np.unique(place[line == one]) for one in range(count)]
    likes = [known.like[mine] for mine in there]
    spread = np.maximum(base_rate * (1.0 - base_rate), LEAST_SPREAD)[order]
    root = np.sqrt(spread).astype(np.float32)
    spoken = np.zeros((count * size, factors.shape[1]), dtype=np.float32)

    def times(vector: NDArray[Any]) -> NDArray[np.float32]:
        scaled = np.asarray(vector, dtype=np.float32).ravel() * root
        out = np.zeros(len(order), dtype=np.float32)
        _times_same_gene(start, triangles, scaled, out)
        pool = np.zeros((count, size, factors.shape[1]), dtype=np.float32)
        _pooled(cells, gene, scaled, factors, pool.reshape(count * size, -1))
        everywhere = np.float32(PAIR_ACROSS) * pool.sum(axis=0)
        for one, (mine, like) in enumerate(zip(there, likes, strict=True)):
            mixed = everywhere + np.float32(1.0 - PAIR_ACROSS) * pool[one]
            spoken[one * size + mine] = np.float32(PAIR) * (like @ mixed + mixed[mine])
        _met(cells, gene, spoken, factors, out)
        return np.asarray(out * root + scaled / root, dtype=np.float32)

    system = LinearOperator((len(order), len(order)), matvec=times, dtype=np.float32)
    wanted = (excess[order] / spread).astype(np.float32) * root
    solved, _ = cg(system, wanted, rtol=_TOLERANCE, maxiter=_MOST_STEPS)
    found[order] = solved * root
    return found


class PairRegression:
    """Solved weights, ready to answer for one cell line.

    Args:
        known: the training knockdowns of all cell lines.
        columns: places of the genes that can be asked about.
        rows: (perts, genes) of the labelled pairs of one cell line, one entry a line.
        weights: those of `solve`, one array a line.
        own: the number of the line that answers are for; -1 for a line without labels.
    """

    def __init__(
        self,
        known: PerturbationKernel,
        columns: NDArray[np.int32],
        rows: Sequence[tuple[NDArray[Any], NDArray[Any]]],
        weights: Sequence[NDArray[np.float32]],
        own: int,
    ) -> None:
        self.known = known
        size = len(known.perts)
        same = sp.csr_matrix((size, len(columns)))
        alike = np.zeros((size, known.factors.shape[1]))
        for number, ((perts, genes), weight) in enumerate(zip(rows, weights, strict=True)):
            kept = weight != 0
            place, gene, value = np.searchsorted(known.perts, perts[kept]), genes[kept], weight[kept].astype(np.float64)
            column = np.minimum(np.searchsorted(columns, gene), max(len(columns) - 1, 0))
            inside = columns[column] == gene if len(columns) else np.zeros(len(gene), dtype=np.bool_)
            matrix = sp.csr_matrix((value[inside], (place[inside], column[inside])), (size, len(columns)))
            same = same + matrix * (1.0 if number == own else ACROSS)
            pool = sp.csr_matrix((value, (place, np.arange(len(value)))), (size, len(value)))
            alike += (pool @ known.factors[gene].astype(np.float64)) * (1.0 if number == own else PAIR_ACROSS)
        self._same, self._alike = csc_parts(same), PAIR * alike
        self._vectors = known.factors[columns].astype(np.float64)

    def answers(self, subject: int, similarity: FloatArray, asked: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Log odds above the habit, by the same gene and by like genes, both (asked,).

        Args:
            subject: place of a knockdown.
            similarity: its, to the training knockdowns, (perts,).
            asked: indices among the columns.
        """
        known = self.known
        like = squared_cosines(known.profiles, np.array([subject]), known.perts, similarity[None, :])[0]
        itself = np.equal(known.perts, subject).astype(np.float64)
        spoken = (like + itself) @ self._alike
        # A sum by genes, not a matrix product: BLAS sums in another order for another number of genes.
        return column_sums(*self._same, like + SELF * itself, asked), (self._vectors[asked] * spoken).sum(axis=1)
