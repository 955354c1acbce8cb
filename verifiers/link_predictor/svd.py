"""Low-rank tables of the message graph: similar genes, and the groups and partners of similar genes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.verifiers.link_predictor.split import MessageGraph

RANK = 64
NEAREST = 20
SHARPNESS = 3
"""Similarities are raised to this power as weights of the nearest genes' votes."""

Table = NDArray[np.float32]


@dataclass(frozen=True)
class Latent:
    """Truncated singular vectors of genes x (partners, terms, pathways, regulators, targets), each block scaled by the
    roots of its row and column sums; every row times the root of its singular values.

    Args:
        gene: float32 (genes, rank), the left vectors.
        partner, term, pathway, regulator, target: float32 (n, rank), the right vectors of each block. The product of a
            gene's row with one of these rebuilds that entry of the scaled matrix.
        near: gene x gene, the most similar genes by the cosine of the left vectors; weights float32, cosine to the
            power of `SHARPNESS`.
    """

    gene: Table
    partner: Table
    term: Table
    pathway: Table
    regulator: Table
    target: Table
    near: Csr

    @cached_property
    def lengths(self) -> dict[str, Table]:
        """Length of every row of each table."""
        return {name: np.linalg.norm(getattr(self, name), axis=1) for name in TABLES}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For saving."""
        tables = {f"latent.{name}": getattr(self, name) for name in TABLES}
        near = {f"near.{part}": getattr(self.near, part) for part in ("indptr", "indices", "weights")}
        return tables | near

    @classmethod
    def of_arrays(cls, arrays: Any) -> Latent:
        """What `arrays` gave.

        Raises:
            KeyError: one is missing.
        """
        near = Csr(*(arrays[f"near.{part}"] for part in ("indptr", "indices", "weights")))
        return cls(**{name: arrays[f"latent.{name}"] for name in TABLES}, near=near)


TABLES = tuple(field.name for field in fields(Latent) if field.name != "near")


def latent_tables(graph: MessageGraph, seed: int, rank: int = RANK) -> Latent:
    """Factorise the message graph; `seed` starts the randomised iteration."""
    from scipy import sparse
    from sklearn.utils.extmath import randomized_svd

    genes, content = len(graph.interactions), graph.information_content
    sizes = (genes, len(graph.term_genes), len(graph.pathway_genes), genes, genes)
    tables = (graph.interactions, graph.closure, graph.memberships, graph.regulated_by, graph.regulates)
    blocks = []
    for number, (csr, size) in enumerate(zip(tables, sizes, strict=True)):
        values = np.ones(len(csr.indices))
        if number == 0:
            values = csr.weights.astype(np.float64)
        elif number == 1:
            values = content[csr.indices].astype(np.float64)
        matrix = sparse.csr_matrix((values, csr.indices, csr.indptr), shape=(genes, size))
        left, right = (_root_scale(matrix, axis) for axis in (1, 0))
        blocks.append(left @ matrix @ right)
    stacked = sparse.hstack(blocks).tocsr().astype(np.float32)
    used = max(1, min(rank, *(side - 1 for side in stacked.shape)))
    if stacked.nnz:
        u, s, v = randomized_svd(stacked, n_components=used, n_iter=2, random_state=seed)
    else:
        u, s, v = np.zeros((genes, used)), np.zeros(used), np.zeros((used, stacked.shape[1]))
    gene, others = (u * np.sqrt(s)).astype(np.float32), (v.T * np.sqrt(s)).astype(np.float32)
    ends = np.cumsum(sizes)
    parts = np.split(others, ends[:-1])
    right = dict(zip(TABLES[1:], map(np.ascontiguousarray, parts), strict=True))
    return Latent(gene=gene, **right, near=nearest(gene, NEAREST))


def nearest(table: Table, count: int) -> Csr:
    """The `count` rows of largest positive cosine with each row, itself left out; ascending."""
    rows = len(table)
    length = np.linalg.norm(table, axis=1, keepdims=True)
    unit = table / np.maximum(length, 1e-9)
    count = min(count, max(rows - 1, 0))
    found = np.empty((rows, count), dtype=np.int32)
    weight = np.empty((rows, count), dtype=np.float32)
    for start in range(0, rows, 1024):
        part = slice(start, min(start + 1024, rows))
        # Rounded, so that equal rows tie exactly.
        cosine = np.round(unit[part] @ unit.T, 5)
        cosine[np.arange(part.stop - start), np.arange(start, part.stop)] = -2.0
        best = np.sort(np.argpartition(-cosine, count - 1, axis=1)[:, :count], axis=1) if count else found[part]
        found[part], weight[part] = best, np.take_along_axis(cosine, best, axis=1)
    keep = (weight > 0).ravel()
    indptr = np.concatenate(([0], np.cumsum((weight > 0).sum(axis=1)))).astype(np.int64)
    return Csr(indptr, found.ravel()[keep], weight.ravel()[keep] ** SHARPNESS)


def _root_scale(matrix: Any, axis: int) -> Any:
    from scipy import sparse

    return sparse.diags(1.0 / np.sqrt(np.maximum(np.asarray(matrix.sum(axis=axis)).ravel(), 1e-9)))
