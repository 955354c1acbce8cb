"""DESeq2's test on pseudobulk samples, by PyDESeq2: the summed counts of each perturbation and replicate."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import SourceError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.training.data.screens.cells import CellOptions, ScreenCells, batches
from rbio_kg.training.data.screens.h5ad import CellFile
from rbio_kg.training.data.screens.table import SCHEMA

LEAST_CELLS = 5
"""Fewest cells of a sample: the sum of fewer is left out."""
LEAST_SAMPLES = 2
"""Fewest samples of a perturbation, and of the control."""
LEAST_COUNTS = 10
"""Fewest counts of a gene over all samples of a comparison."""


def pseudobulk(
    file: CellFile,
    cells: ScreenCells,
    genes: list[str],
    options: CellOptions,
    *,
    progress: Progress = silent,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Compare each perturbation with the control, replicates as samples (design `~condition`).

    P-values are PyDESeq2's, adjusted over the genes of each perturbation after its independent filtering. A gene that
    it filters has none.

    Args:
        file: the open file.
        cells: that are compared.
        genes: name of each column of the matrix.
        options: how.
        progress: called with a message and the finished share.

    Returns:
        Rows of `rbio_kg.training.data.screens.table.SCHEMA`, and reason -> number of cells that were left out.

    Raises:
        SourceError: the values are no counts, there is no column of replicates, or too few samples.
    """
    if file.matrix.kind != "counts":
        raise SourceError(
            f"{file.matrix.place} holds no counts but values that are not integers",
            where=file.path,
            hint="pseudobulk needs counts: name a layer with --layer NAME, or use --method wilcoxon",
        )
    if cells.replicates is None:
        raise SourceError(
            "no column of obs names replicates",
            where=file.path,
            hint="name one with --replicate-key (batch, donor, ...), or use --method wilcoxon",
        )
    names = cells.replicates.drop_nulls().unique().sort()
    codes = cells.replicates.replace_strict(
        names.to_list(), list(range(len(names))), default=-1, return_dtype=pl.Int64
    ).fill_null(-1)
    replicate = codes.to_numpy().astype(np.int64)
    progress("summing control cells", None)
    control = _samples(file, cells.control, replicate, len(names), options.batch_bytes)
    if len(control) < LEAST_SAMPLES:
        raise SourceError(
            f"the control has {len(control)} replicates of {LEAST_CELLS} cells in {cells.replicate_key!r}",
            where=file.path,
            hint=f"{LEAST_SAMPLES} are needed: name another column with --replicate-key, or use --method wilcoxon",
        )
    parts: list[pl.DataFrame] = []
    set_aside: dict[str, int] = {}
    done = 0
    for batch in batches(file, cells, options.batch_bytes):
        rows = np.sort(np.concatenate([cells.perturbed[pert] for pert in batch]))
        values = file.read(rows)
        for pert in batch:
            own = np.searchsorted(rows, cells.perturbed[pert])
            sums, counts = _sums(values[own], replicate[rows[own]], len(names))
            samples = sums[counts >= LEAST_CELLS]
            if len(samples) < LEAST_SAMPLES:
                set_aside["too_few_replicates"] = set_aside.get("too_few_replicates", 0) + len(own)
            else:
                parts.append(_compared(control, samples, pert, genes))
            done += 1
            progress(f"pseudobulk: {done:,} of {len(cells.perturbed):,} perturbations", done / len(cells.perturbed))
    if not parts:
        raise SourceError(
            f"no perturbation has {LEAST_SAMPLES} replicates of {LEAST_CELLS} cells in {cells.replicate_key!r}",
            where=file.path,
            hint="name another column with --replicate-key, or use --method wilcoxon",
        )
    return pl.concat(parts), set_aside


def _samples(
    file: CellFile, rows: NDArray[np.int64], replicate: NDArray[np.int64], count: int, limit: int
) -> NDArray[np.int64]:
    """Summed counts of the replicates with enough cells, (samples, genes), without holding all cells."""
    total = np.zeros((count, file.matrix.columns), dtype=np.int64)
    number = np.zeros(count, dtype=np.int64)
    bounds = np.cumsum(file.bytes_of(rows)) // max(limit, 1)
    for part in np.split(rows, np.flatnonzero(np.diff(bounds)) + 1):
        sums, counts = _sums(file.read(part), replicate[part], count)
        total += sums
        number += counts
    return np.asarray(total[number >= LEAST_CELLS])


def _sums(values: Any, replicate: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts summed by replicate, (replicates, genes), and number of cells, (replicates,)."""
    from scipy.sparse import csr_matrix

    known = np.flatnonzero(replicate >= 0)
    ones = np.ones(len(known), dtype=np.float64)
    sums = csr_matrix((ones, (replicate[known], known)), shape=(count, len(replicate))) @ values
    return np.rint(sums.toarray()).astype(np.int64), np.bincount(replicate[known], minlength=count).astype(np.int64)


def _compared(control: NDArray[np.int64], perturbed: NDArray[np.int64], pert: str, genes: list[str]) -> pl.DataFrame:
    """PyDESeq2's test of one perturbation; rows of `SCHEMA` for the genes with enough counts."""
    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    counts = np.vstack([control, perturbed])
    tested = np.flatnonzero(counts.sum(axis=0) >= LEAST_COUNTS)
    if not len(tested):
        return pl.DataFrame(schema=SCHEMA)
    condition = ["control"] * len(control) + ["perturbed"] * len(perturbed)
    index = [str(number) for number in range(len(condition))]
    inference = DefaultInference(n_cpus=1)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        data = DeseqDataSet(
            counts=pd.DataFrame(counts[:, tested], index=index, columns=[str(number) for number in tested]),
            metadata=pd.DataFrame({"condition": condition}, index=index),
            design="~condition",
            quiet=True,
            inference=inference,
        )
        data.deseq2()
        test = DeseqStats(data, contrast=["condition", "perturbed", "control"], quiet=True, inference=inference)
        test.summary()
    return pl.DataFrame(
        {
            "pert": [pert] * len(tested),
            "gene": [genes[number] for number in tested.tolist()],
            "padj": test.results_df["padj"].to_numpy(),
            "lfc": test.results_df["log2FoldChange"].to_numpy(),
            "line": tested + 1,
        },
        schema=SCHEMA,
    ).with_columns(pl.col("padj", "lfc").fill_nan(None))
