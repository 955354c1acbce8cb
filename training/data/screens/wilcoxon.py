"""Wilcoxon's rank-sum test of perturbed against control cells, by scanpy, a batch of perturbations at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.progress import Progress, silent
from rbio_kg.training.data.screens.cells import CellOptions, ScreenCells, batches
from rbio_kg.training.data.screens.h5ad import CellFile
from rbio_kg.training.data.screens.table import SCHEMA

TARGET_SUM = 1e4
"""Counts of each cell are scaled to this sum before the logarithm, as scanpy's tutorials do."""


def wilcoxon(
    file: CellFile,
    cells: ScreenCells,
    genes: list[str],
    options: CellOptions,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Compare each perturbation with the control.

    Counts are normalised by cell and take `log1p`. A gene is tested where enough perturbed or control cells have it
    (`min_detected`). P-values have scanpy's correction for ties and are adjusted (Benjamini-Hochberg) over the genes of
    each perturbation.

    Args:
        file: the open file.
        cells: that are compared.
        genes: name of each column of the matrix.
        options: how.
        seed: of the draw of control cells.
        progress: called with a message and the finished share.

    Returns:
        Rows of `rbio_kg.training.data.screens.table.SCHEMA`; `lfc` is scanpy's fold change of means.
    """
    control_rows = sample(cells.control, options.max_control_cells, seed)
    progress(f"reading {len(control_rows):,} control cells", None)
    control = normalised(file.read(control_rows), file.matrix.kind)
    parts = []
    for done, (pert, values) in enumerate(_perturbed(file, cells, options.batch_bytes), 1):
        parts.append(compare(control, normalised(values, file.matrix.kind), pert, genes, options.min_detected))
        progress(f"Wilcoxon's test: {done:,} of {len(cells.perturbed):,} perturbations", done / len(cells.perturbed))
    return pl.concat(parts)


def sample(rows: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """At most `most` of some positions, drawn at random, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def normalised(values: Any, kind: str) -> Any:
    """Logarithms of normalised expression as a CSR matrix: `log1p` of counts for each 10,000 of a cell.

    Args:
        values: CSR matrix of cells; not changed.
        kind: see `rbio_kg.training.data.screens.h5ad.Matrix`. Logarithms are taken as they are.
    """
    if kind == "log":
        return values
    import scanpy as sc
    from anndata import AnnData

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = AnnData(values.copy())
        if kind == "counts":
            sc.pp.normalize_total(found, target_sum=TARGET_SUM)
        sc.pp.log1p(found)
    return found.X


def compare(control: Any, perturbed: Any, pert: str, genes: list[str], min_detected: float) -> pl.DataFrame:
    """Scanpy's Wilcoxon test of one perturbation; rows of `SCHEMA` for the genes that enough cells have.

    Args:
        control, perturbed: CSR matrices of logarithms, (cells, genes).
        pert: the perturbation.
        genes: names of the columns.
        min_detected: least share of the cells of either group that have a gene.
    """
    import pandas as pd
    import scanpy as sc
    from anndata import AnnData
    from scipy.sparse import vstack

    shares = [matrix.getnnz(axis=0) / matrix.shape[0] for matrix in (control, perturbed)]
    most = np.maximum(shares[0], shares[1])
    tested = np.flatnonzero((most >= min_detected) & (most > 0))
    if not len(tested):
        return pl.DataFrame(schema=SCHEMA)
    group = ["control"] * control.shape[0] + ["perturbed"] * perturbed.shape[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = AnnData(
            vstack([control[:, tested], perturbed[:, tested]], format="csr"),
            obs=pd.DataFrame({"group": pd.Categorical(group)}, index=[str(number) for number in range(len(group))]),
            var=pd.DataFrame(index=[str(number) for number in tested]),
        )
        sc.tl.rank_genes_groups(
            both, "group", groups=["perturbed"], reference="control", method="wilcoxon", tie_correct=True
        )
        found = sc.get.rank_genes_groups_df(both, "perturbed")
    order = np.argsort(found["names"].astype(np.int64).to_numpy())
    return pl.DataFrame(
        {
            "pert": [pert] * len(tested),
            "gene": [genes[number] for number in tested.tolist()],
            "padj": found["pvals_adj"].to_numpy()[order],
            "lfc": found["logfoldchanges"].to_numpy()[order].astype(np.float64),
            "line": tested + 1,
        },
        schema=SCHEMA,
    ).with_columns(pl.col("padj", "lfc").fill_nan(None))


def _perturbed(file: CellFile, cells: ScreenCells, limit: int) -> Iterator[tuple[str, Any]]:
    """Each perturbation with its values, read in batches."""
    for batch in batches(file, cells, limit):
        rows = np.sort(np.concatenate([cells.perturbed[pert] for pert in batch]))
        values = file.read(rows)
        for pert in batch:
            yield pert, values[np.searchsorted(rows, cells.perturbed[pert])]
