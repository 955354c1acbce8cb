"""Compressed sparse rows: the format of every relationship type in the snapshot.

Not `scipy.sparse`: these arrays are memory-mapped, and every entry also has a source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Csr:
    """A sparse matrix by rows. All arrays are read-only, so that compiled kernels see one kind of array.

    Args:
        indptr: int64 (rows + 1,), where each row begins.
        indices: int32 (entries,), column of each entry; ascending within a row unless said otherwise.
        weights: (entries,), one number per entry.
        sources: uint8 (entries,), the source of each entry (position in `Snapshot.sources`), or None.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[Any]
    sources: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        for name in ("indptr", "indices", "weights", "sources"):
            array = getattr(self, name)
            if array is not None:
                array = array.view()
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row(self, i: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Columns and weights of row i."""
        part = slice(self.indptr[i], self.indptr[i + 1])
        return self.indices[part], self.weights[part]

    def position(self, i: int, column: int) -> int:
        """Position of entry (i, column) in `indices`, or -1. The row may have any order."""
        start, end = self.indptr[i], self.indptr[i + 1]
        if start == end:
            return -1
        matches = self.indices[start:end] == column
        first = matches.argmax()
        return int(start + first) if matches[first] else -1

    @property
    def degrees(self) -> NDArray[np.int64]:
        """Entries in each row, (rows,)."""
        return np.diff(self.indptr)

    def rows(self) -> NDArray[np.int32]:
        """The row of each entry, (entries,)."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.degrees)

    def transpose(self, columns: int) -> Csr:
        """The transposed matrix, with `columns` rows; rows ascending."""
        return build_csr(columns, self.indices, self.rows(), self.weights, self.sources)


def build_csr(
    rows: int, start: ArrayLike, end: ArrayLike, weights: ArrayLike, sources: NDArray[np.uint8] | None = None
) -> Csr:
    """Sort entries into rows, columns ascending. Of entries with one row and column, that of largest weight stays.

    Args:
        rows: number of rows.
        start: row of each entry, (entries,).
        end: column of each entry, (entries,).
        weights: (entries,); its type is kept.
        sources: (entries,) or None.
    """
    column, weight = np.asarray(end), np.asarray(weights)
    indptr, order = entry_order(rows, start, column, weight)
    return Csr(indptr, column[order].astype(np.int32), weight[order], None if sources is None else sources[order])


def entry_order(
    rows: int, start: ArrayLike, end: ArrayLike, weights: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each row begins, (rows + 1,), and which entries stay, by row and column; arguments as for `build_csr`."""
    key = (np.asarray(start, np.int64) << 32) | np.asarray(end, np.int64)
    order = np.argsort(key)
    ordered = key[order]
    first = np.diff(ordered, prepend=-1) != 0
    if not first.all():
        # Of equal weights the first entry stays.
        exact = np.float64 if weights.dtype.kind == "f" else np.int64
        order = np.lexsort((-weights.astype(exact), key))[first]
        ordered = ordered[first]
    indptr = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(ordered >> 32, minlength=rows), out=indptr[1:])
    return indptr, order
