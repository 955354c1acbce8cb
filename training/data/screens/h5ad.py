"""A single-cell file in backed mode: its cells, its genes, and the values of chosen cells, read in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    import polars as pl

BLOCK_BYTES = 64 << 20
"""Bytes of a block of cells that is read at once, about."""
SAMPLED = 256
"""Cells at the beginning, in the middle and at the end whose values decide whether a matrix holds counts."""
HIGHEST_LOG = 30.0
"""Values above this are no logarithms of counts."""
_LIKELY = ("layers/counts", "layers/raw_counts", "layers/raw", "raw/X", "X")


def need_extra(method: str) -> None:
    """Raise ConfigError where the libraries of the extra `anndata` are not installed."""
    from importlib.util import find_spec

    needed = ("anndata", "h5py", *(("pydeseq2",) if method == "pseudobulk" else ("scanpy",)))
    lost = [name for name in needed if find_spec(name) is None]
    if lost:
        raise ConfigError(
            f"reading single-cell files needs {', '.join(lost)}", hint="run pip install 'rbio-kg[anndata]'"
        )


@dataclass(frozen=True)
class Matrix:
    """A matrix of a file.

    Args:
        place: where it is: `X`, `raw/X` or `layers/NAME`.
        rows, columns: its shape, cells and genes.
        kind: `counts` (integers), `log` (normalised logarithms) or `normalised`.
    """

    place: str
    rows: int
    columns: int
    kind: str


class CellFile:
    """An h5ad file, open for reading. Only `obs`, `var` and one number for each cell are in memory.

    Args:
        path: the file.
        layer: `X`, `raw` or the name of a layer; None takes the first that holds counts.
        memory: bytes that a matrix stored by genes may take, because it is read at once.

    Raises:
        SourceError: it is no h5ad file, has no such matrix, or the matrix is unusable.
    """

    def __init__(self, path: Path, layer: str | None = None, *, memory: int = 1 << 30) -> None:
        import h5py

        self.path = path
        if not path.is_file():
            raise SourceError("there is no such file", where=path)
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise SourceError("this is no h5ad file (HDF5)", where=path, hint="write it with anndata") from error
        try:
            self.matrix = self._chosen(layer)
            self._open(memory)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def table(self, name: str, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """`obs`, `var` or `raw/var` as text, the index as the column `index` (first).

        Args:
            name: which table.
            columns: those to read; None reads all.
        """
        import polars as pl
        from anndata.io import read_elem

        group = self._file[name]
        index = group.attrs.get("_index", "index")
        found: dict[str, pl.Series] = {}
        for column in self.columns(name) if columns is None else columns:
            values = read_elem(group[column])
            # Categories that are absent (code -1) become null.
            found[column] = pl.Series(column, _text(values), dtype=pl.String)
        names = pl.Series("index", _text(read_elem(group[index])), dtype=pl.String)
        return pl.DataFrame([names, *(series for key, series in found.items() if key != "index")])

    def columns(self, name: str) -> list[str]:
        """The columns of `obs` or `var`, without the index."""
        group = self._file[name]
        index = group.attrs.get("_index", "index")
        return [str(column) for column in group.attrs.get("column-order", list(group)) if column != index]

    @property
    def genes_table(self) -> str:
        """Name of the table with the genes of the matrix."""
        return "raw/var" if self.matrix.place == "raw/X" and "raw/var" in self._file else "var"

    def bytes_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Bytes that the values of each cell take in memory, (n,)."""
        return np.asarray(self._bytes[rows])

    def read(self, rows: NDArray[np.int64]) -> Any:
        """The values of chosen cells as a CSR matrix of float32, (n, genes).

        Args:
            rows: positions of cells, ascending.

        Raises:
            SourceError: a value is negative or missing, or is no integer in a matrix of counts.
        """
        from scipy.sparse import csr_matrix, vstack

        parts = list(self._parts(rows))
        return vstack(parts, format="csr") if parts else csr_matrix((0, self.matrix.columns), dtype=np.float32)

    def _parts(self, rows: NDArray[np.int64]) -> Iterator[Any]:
        """The chosen cells, a block of the file at a time; blocks without a chosen cell are not read."""
        at = 0
        while at < len(rows):
            start = int(rows[at])
            total = np.cumsum(self._bytes[start : start + 100_000])
            stop = start + max(1, int(np.searchsorted(total, BLOCK_BYTES, side="right")))
            end = int(np.searchsorted(rows, stop))
            chosen = rows[at:end]
            block = self._checked(self._slice(start, int(chosen[-1]) + 1))
            yield block[chosen - start]
            at = end

    def _slice(self, start: int, stop: int) -> Any:
        from scipy.sparse import csr_matrix

        block = csr_matrix(self._values[start:stop])
        return csr_matrix(
            (block.data.astype(np.float32), block.indices.astype(np.int32, copy=False), block.indptr), shape=block.shape
        )

    def _checked(self, block: Any) -> Any:
        values = block.data
        if not np.isfinite(values).all():
            raise SourceError(f"{self.matrix.place} has missing values", where=self.path, hint="give counts")
        if values.size and values.min() < 0:
            raise SourceError(
                f"{self.matrix.place} has values below zero: scaled expression",
                where=self.path,
                hint="name a layer with counts: --layer NAME",
            )
        if self.matrix.kind == "counts" and (values != np.rint(values)).any():
            raise SourceError(
                f"{self.matrix.place} has counts that are not integers, though the first cells' are",
                where=self.path,
                hint="name a layer with counts: --layer NAME",
            )
        return block

    def _open(self, memory: int) -> None:
        import h5py
        from anndata.io import sparse_dataset

        element = self._file[self.matrix.place]
        genes = self.matrix.columns
        if isinstance(element, h5py.Dataset):
            self._values: Any = element
            self._bytes = np.full(self.matrix.rows, 4 * genes, dtype=np.int64)
            return
        dataset = sparse_dataset(element)
        if dataset.format == "csr":
            self._values = dataset
            pointers = element["indptr"][:].astype(np.int64)
        else:
            needed = 12 * element["data"].shape[0]
            if needed > memory:
                raise SourceError(
                    f"{self.matrix.place} is stored by genes (CSC), so that reading cells would need "
                    f"{needed / 2**30:.1f} GiB",
                    where=self.path,
                    hint="write it by cells (adata.X = adata.X.tocsr()), or allow more with --max-memory",
                )
            self._values = dataset.to_memory().tocsr()
            pointers = self._values.indptr.astype(np.int64)
        self._bytes = 8 * np.diff(pointers) + 8

    def _chosen(self, layer: str | None) -> Matrix:
        if layer is not None:
            place = {"X": "X", "raw": "raw/X", "raw/X": "raw/X"}.get(layer, f"layers/{layer}")
            if place not in self._file:
                raise SourceError(
                    f"the file has no matrix {layer!r}",
                    where=self.path,
                    hint="it has " + ", ".join(self._there()),
                )
            return self._described(place)
        found = [self._described(place) for place in _LIKELY if place in self._file]
        if not found:
            raise SourceError("the file has no matrix X", where=self.path, hint="write it with anndata")
        return next((matrix for matrix in found if matrix.kind == "counts"), found[-1])

    def _there(self) -> list[str]:
        layers = list(self._file["layers"]) if "layers" in self._file else []
        return [*("X" for _ in range("X" in self._file)), *("raw" for _ in range("raw/X" in self._file)), *layers]

    def _described(self, place: str) -> Matrix:
        import h5py
        from anndata.io import sparse_dataset

        element = self._file[place]
        is_dense = isinstance(element, h5py.Dataset)
        if not is_dense and element.attrs.get("encoding-type", "csr_matrix") not in ("csr_matrix", "csc_matrix"):
            raise SourceError(f"{place} is no matrix", where=self.path, hint="write it with anndata")
        dataset = element if is_dense else sparse_dataset(element)
        rows, columns = (int(size) for size in dataset.shape)
        if is_dense:
            parts = [element[start : start + SAMPLED] for start in (0, rows // 2, max(0, rows - SAMPLED))]
        else:
            size = element["data"].shape[0]
            wanted = SAMPLED * 1000
            parts = [element["data"][start : start + wanted] for start in (0, size // 2, max(0, size - wanted))]
        values = np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])
        if np.array_equal(values, np.rint(values)):
            return Matrix(place, rows, columns, "counts")
        return Matrix(place, rows, columns, "log" if np.nanmax(values) <= HIGHEST_LOG else "normalised")


def _text(values: Any) -> list[str | None]:
    """Values of a column as text; None where one is missing."""
    if hasattr(values, "codes"):
        names = [str(category) for category in values.categories]
        return [names[code] if code >= 0 else None for code in values.codes]
    objects = np.asarray(values, dtype=object)
    absent = [value is None or (isinstance(value, float) and math.isnan(value)) for value in objects]
    return [None if lost else str(value) for value, lost in zip(objects, absent, strict=True)]
