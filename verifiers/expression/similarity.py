"""Similarity of two genes in the graph: a weighted sum of cosines of sparse profiles.

Each kind of similarity is one profile per gene (a sparse row). The weighted sum of their cosines equals the dot
product of the concatenated, weighted unit profiles, so one matrix holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from rbio_kg.graph.snapshot.kernels import compiled

Tables = Mapping[str, pl.DataFrame]
Profile = Callable[[Tables, Sequence[str]], Any]

MAX_ENTRIES = 300
"""Entries kept of a two-step diffusion profile; more changed nothing in cross-validation."""
_CHUNK = 1000
_CACHED = 16


def positions(values: Iterable[str], names: Sequence[str]) -> NDArray[np.int64]:
    """Index of each value in `names`, -1 where it is missing."""
    index = dict(zip(names, range(len(names)), strict=True))
    return np.array([index.get(value, -1) for value in values], dtype=np.int64)


def _incidence(frame: pl.DataFrame, rows: Sequence[str], columns: Sequence[str]) -> Any:
    """1 where `frame` joins start (row) and end (column), csr (rows, columns)."""
    start, end = positions(frame["start"], rows), positions(frame["end"], columns)
    known = (start >= 0) & (end >= 0)
    ones = np.ones(int(known.sum()), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (start[known], end[known])), shape=(len(rows), len(columns)))
    matrix.data[:] = 1.0
    return matrix


def unit_rows(matrix: Any) -> Any:
    """Rows scaled to length 1; an empty row stays empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return (sp.diags(scale.astype(np.float32)) @ matrix).tocsr()


def go_profiles(tables: Tables, genes: Sequence[str]) -> Any:
    """Terms of each gene with ancestors by is_a and part_of, weighted by information content; csr (genes, terms)."""
    terms = tables["terms"]["id"].sort().to_list()
    parents = _incidence(pl.concat([tables[name].select("start", "end") for name in ("is_a", "part_of")]), terms, terms)
    annotated = _incidence(tables["annotations"], genes, terms)
    while True:
        grown = annotated + annotated @ parents
        grown.data[:] = 1.0
        if grown.nnz == annotated.nnz:
            break
        annotated = grown
    content = tables["terms"].sort("id")["information_content"].fill_null(0.0).to_numpy()
    return annotated @ sp.diags(content.astype(np.float32))


def diffusion_profiles(tables: Tables, genes: Sequence[str]) -> Any:
    """Where a two-step random walk over STRING (steps by combined score) from each gene ends; csr (genes, genes)."""
    edges = tables["interactions"]
    one, two = positions(edges["start"], genes), positions(edges["end"], genes)
    known = (one >= 0) & (two >= 0)
    one, two = one[known], two[known]
    score = (edges["score"].to_numpy()[known] / 1000).astype(np.float32)
    shape = (len(genes), len(genes))
    graph = sp.csr_matrix((np.r_[score, score], (np.r_[one, two], np.r_[two, one])), shape=shape)
    strength = np.asarray(graph.sum(axis=1)).ravel()
    scale = np.divide(1.0, strength, out=np.zeros_like(strength), where=strength > 0)
    step = (sp.diags(scale) @ graph).tocsr()
    # In chunks: the square of the complete STRING graph would not fit into memory.
    parts = [_largest(step[start : start + _CHUNK] @ step, MAX_ENTRIES) for start in range(0, len(genes), _CHUNK)]
    return sp.vstack(parts, format="csr") if parts else graph


def _largest(matrix: Any, most: int) -> Any:
    """The `most` largest entries of each row."""
    matrix = matrix.tocsr()
    for row in range(matrix.shape[0]):
        data = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
        if len(data) > most:
            data[data < np.partition(data, -most)[-most]] = 0.0
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def pathway_profiles(tables: Tables, genes: Sequence[str]) -> Any:
    """Pathways of each gene; csr (genes, pathways)."""
    return _incidence(tables["memberships"], genes, tables["pathways"]["id"].sort().to_list())


SIMILARITIES: tuple[tuple[str, float, Profile], ...] = (
    ("GO", 1.0, go_profiles),
    ("STRING", 1.0, diffusion_profiles),
    ("pathways", 0.5, pathway_profiles),
)
"""Name, weight and profile of each similarity; add a line for another one."""
VECTOR_WEIGHT = 1.0
"""Weight of the similarity by a user's gene vectors."""
NEAREST = 50
"""Genes in a gene's profile by vectors."""


def _parts(matrix: Any) -> tuple[Any, Any, Any]:
    return np.asarray(matrix.indptr), np.asarray(matrix.indices), np.asarray(matrix.data)


@compiled
def _products(  # noqa: PLR0917
    start: NDArray[Any],
    features: NDArray[Any],
    values: NDArray[np.float32],
    indices: NDArray[Any],
    across_start: NDArray[Any],
    across: NDArray[Any],
    across_values: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Adds to a full matrix the products of some rows, given by index (-1 for none), with a sparse matrix."""
    for row in range(len(indices)):
        if indices[row] < 0:
            continue
        for at in range(start[indices[row]], start[indices[row] + 1]):
            feature, value = features[at], values[at]
            for other in range(across_start[feature], across_start[feature + 1]):
                out[row, across[other]] += value * across_values[other]


@compiled
def _pair_products(
    start: NDArray[Any], features: NDArray[Any], values: NDArray[np.float32], first: NDArray[Any], second: NDArray[Any]
) -> NDArray[np.float32]:
    """Products of pairs of rows whose features ascend."""
    out = np.zeros(len(first), dtype=np.float32)
    for pair in range(len(first)):
        one, one_end = start[first[pair]], start[first[pair] + 1]
        two, two_end = start[second[pair]], start[second[pair] + 1]
        while one < one_end and two < two_end:
            if features[one] == features[two]:
                out[pair] += values[one] * values[two]
                one, two = one + 1, two + 1
            elif features[one] < features[two]:
                one += 1
            else:
                two += 1
    return out


@dataclass(frozen=True)
class Profiles:
    """Profiles of genes.

    Args:
        genes: their symbols, sorted.
        matrix: csr float32 (genes, features); the similarity of two genes is the dot product of their rows.
    """

    genes: tuple[str, ...]
    matrix: Any
    _columns_cache: dict[bytes, Any] = field(default_factory=dict, repr=False, compare=False)

    def similarity(self, first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
        """Similarities (len(first), len(second)) of genes given by index; 0 for an index of -1."""
        out = np.zeros((len(first), len(second)), dtype=np.float32)
        _products(*self._arrays, np.asarray(first, dtype=np.int64), *_parts(self.columns(second)), out)
        return out.astype(np.float64)

    def columns(self, indices: NDArray[Any]) -> Any:
        """Profiles as columns, csr (features, len(genes)); a cache keeps the last requested."""
        key = np.asarray(indices, dtype=np.int64).tobytes()
        found = self._columns_cache.pop(key, None)
        self._columns_cache[key] = found = self.rows(indices).T.tocsr() if found is None else found
        while len(self._columns_cache) > _CACHED:
            self._columns_cache.pop(next(iter(self._columns_cache)))
        return found

    def pairs(self, first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
        """Similarities (n,) of genes given by index, 0 or more."""
        return _pair_products(*self._arrays, first, second).astype(np.float64)

    @cached_property
    def _arrays(self) -> tuple[Any, Any, Any]:
        return _parts(self.matrix)

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """Length of each gene's profile, (genes,); 0 for a gene without a profile."""
        squares = np.asarray(self.matrix.multiply(self.matrix).sum(axis=1), dtype=np.float64)
        return np.sqrt(squares).ravel()

    def rows(self, indices: NDArray[Any]) -> Any:
        """Profiles (len(genes), features); empty for an index of -1."""
        rows = self.matrix[np.maximum(indices, 0)]
        if (indices < 0).any():
            rows = sp.diags((indices >= 0).astype(np.float32)) @ rows
        return rows


def vector_profiles(vectors: NDArray[Any]) -> Any:
    """Genes as their `NEAREST` nearest genes by the cosine of centred vectors, csr float32 (genes, genes).

    Centring removes what all vectors share. Entries are positive cosines, so that profiles combine with the others.

    Args:
        vectors: (genes, width), finite; a row of zeros is a gene without a vector, whose profile is empty.
    """
    present = np.flatnonzero(np.any(vectors != 0, axis=1))
    empty = sp.csr_matrix((len(vectors), len(vectors)), dtype=np.float32)
    if not len(present):
        return empty
    own = vectors[present].astype(np.float64)
    own -= own.mean(axis=0)
    lengths = np.linalg.norm(own, axis=1, keepdims=True)
    own = np.divide(own, lengths, out=np.zeros_like(own), where=lengths > 0)
    rows, columns, values = [], [], []
    for start in range(0, len(present), _CHUNK):
        cosines = own[start : start + _CHUNK] @ own.T
        keep = min(NEAREST, cosines.shape[1])
        nearest = np.argpartition(-cosines, keep - 1, axis=1)[:, :keep]
        found = np.take_along_axis(cosines, nearest, axis=1)
        positive = found > 0
        rows.append(np.repeat(present[start : start + _CHUNK], positive.sum(axis=1)))
        columns.append(present[nearest[positive]])
        values.append(found[positive].astype(np.float32))
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sp.csr_matrix(entries, shape=empty.shape)


def gene_profiles(tables: Tables, genes: Sequence[str], vectors: NDArray[Any] | None = None) -> Profiles:
    """Profiles of the genes by every similarity of `SIMILARITIES`, and by vectors.

    Args:
        tables: the assembled graph.
        genes: symbols; one that the graph does not know has an empty profile.
        vectors: (genes, width) in the order of the sorted symbols, see `vector_profiles`; None: none.
    """
    names = sorted(set(genes))
    parts = [np.float32(weight**0.5) * unit_rows(profile(tables, names)) for _, weight, profile in SIMILARITIES]
    if vectors is not None:
        parts.append(np.float32(VECTOR_WEIGHT**0.5) * unit_rows(vector_profiles(vectors)))
    matrix = sp.hstack(parts, format="csr").astype(np.float32)
    matrix.sort_indices()
    return Profiles(tuple(names), matrix)
