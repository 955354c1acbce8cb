"""Vectors of genes: a user's table (Parquet: gene, vector), or the graph's own spectral embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.verifiers.expression.pair_kernel import gene_factors
from rbio_kg.verifiers.expression.similarity import gene_profiles, positions

_HINT = "it must be Parquet with the columns gene (text) and vector (list of numbers, all of one length)"


@dataclass(frozen=True)
class Embeddings:
    """One vector per gene.

    Args:
        genes: symbols, each once.
        vectors: float32 (genes, width), finite.
        source: where they come from, for people.
    """

    genes: tuple[str, ...]
    vectors: NDArray[np.float32]
    source: str

    def indices(self, symbols: Sequence[str]) -> NDArray[np.int64]:
        """Index of each symbol among the genes, int64 (n,), -1 for a gene without a vector."""
        return positions(symbols, self.genes)


def spectral_embeddings(tables: Mapping[str, pl.DataFrame]) -> Embeddings:
    """The graph's genes on the main axes of their profiles (GO, STRING diffusion, pathways), of length at most 1."""
    profiles = gene_profiles(tables, tables["genes"]["symbol"].to_list())
    vectors = gene_factors(profiles, np.arange(len(profiles.genes)))
    return Embeddings(profiles.genes, vectors, "spectral embedding of the graph")


def read_embeddings(file: Path, names: GeneNames | None = None) -> Embeddings:
    """A user's table.

    Args:
        file: Parquet with `gene` and `vector`.
        names: names of genes; a row under another name counts where the symbol has no row itself.

    Raises:
        SourceError: it is unreadable; a column is missing or of another type; a gene is empty or occurs twice; vectors
            are empty, of different lengths or not finite.
    """
    try:
        frame = pl.read_parquet(file)
    except FileNotFoundError:
        raise SourceError("there is no such file", where=file, hint=_HINT) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"is not readable Parquet ({str(error).splitlines()[0]})", where=file, hint=_HINT) from error
    missing = [name for name in ("gene", "vector") if name not in frame.columns]
    if missing:
        raise SourceError(f"the column {' and '.join(missing)} is missing", where=file, hint=_HINT)
    kind = frame.schema["vector"]
    inner = kind.inner if isinstance(kind, (pl.List, pl.Array)) else None
    if frame.schema["gene"] != pl.String or inner is None or not inner.is_numeric():
        found = f"gene is {frame.schema['gene']}, vector is {kind}"
        raise SourceError(f"the columns have the wrong types ({found})", where=file, hint=_HINT)
    if frame.is_empty():
        raise SourceError("there are no rows", where=file, hint=_HINT)
    vectors = frame["vector"].cast(pl.List(pl.Float64))
    width = vectors.list.len()
    _refuse(frame, frame["gene"].is_null() | (frame["gene"] == ""), "has no gene", file)
    _refuse(frame, frame["gene"].is_duplicated(), "occurs twice", file)
    _refuse(frame, vectors.is_null() | (width.fill_null(0) == 0), "has no vector", file)
    _refuse(frame, width != width[0], f"has a vector of another length than the first ({width[0]})", file)
    values = vectors.explode().to_numpy().reshape(len(frame), -1)
    # A null within a vector becomes NaN here.
    _refuse(frame, pl.Series(~np.isfinite(values).all(axis=1)), "has a number in its vector that is not finite", file)
    labels = frame["gene"].to_list()
    symbols = [(names.symbol(label) if names else None) or label for label in labels]
    chosen: dict[str, int] = {}
    for row, (label, symbol) in enumerate(zip(labels, symbols, strict=True)):
        if symbol not in chosen or label == symbol:
            chosen[symbol] = row
    rows = np.array(sorted(chosen.values()))
    return Embeddings(tuple(symbols[row] for row in rows), values[rows].astype(np.float32), Path(file).name)


def _refuse(frame: pl.DataFrame, wrong: pl.Series, why: str, file: Path) -> None:
    bad = frame.with_row_index("row", offset=1).filter(wrong)
    if not bad.is_empty():
        gene = bad["gene"][0] or "(empty)"
        more = f" ({len(bad)} such rows)" if len(bad) > 1 else ""
        raise SourceError(f"row {bad['row'][0]}, gene {gene}, {why}{more}", where=file, hint=_HINT)
