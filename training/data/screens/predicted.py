"""Predicted and control cells, as State and GEARS write them, to a table of predictions for `verifiers add`.

The score of a perturbation p and a gene g is a shrunken effect size: d = (mean of p's cells - mean of control cells) /
(standard deviation of control cells + s), where s is the median of these deviations over all genes (as in SAM, Tusher
et al. 2001). Values are logarithms; counts become log(1 + counts per 10,000). The number of predicted cells, which is
free, does not enter, as it would with a p-value. |d| is the score of a change, d that of an increase given a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.core.errors import SourceError
from rbio_kg.training.data.screens.h5ad import need_extra
from rbio_kg.training.data.screens.presets import ANY, PRESETS, column_of, single_gene

_BLOCK = 2000
_TARGET = 10_000.0


@dataclass(frozen=True)
class PredictedCells:
    """Two files, and what they mean.

    Args:
        predicted: h5ad of predicted cells, or of one mean profile for each perturbation.
        control: h5ad of control cells, on the same scale.
        perturbation_key: column of `obs` with the perturbation; None: guessed.
        control_label: label of control cells; None takes all cells of `control`. Predicted ones are left out.
        cell_line: of the rows; None: any.
    """

    predicted: Path
    control: Path
    perturbation_key: str | None = None
    control_label: str | None = None
    cell_line: str | None = None


def predicted_effects(files: PredictedCells) -> pl.DataFrame:
    """`subject,relation,object,cell_line,score`, two rows for each perturbation and gene.

    Raises:
        ConfigError: the extra `anndata` is not installed.
        SourceError: a file or column is missing, the files share no gene, or there are no such cells.
    """
    need_extra("wilcoxon")
    control_sums, control_genes = _sums(files.control, None if files.control_label is None else files, only=True)
    sums, genes = _sums(files.predicted, files, only=False)
    place = {gene: number for number, gene in enumerate(control_genes)}
    kept = [number for number, gene in enumerate(genes) if gene in place]
    if not kept:
        raise SourceError("the files share no gene", where=files.predicted, hint=f"control cells: {files.control}")
    if not sums:
        raise SourceError("there are no predicted cells", where=files.predicted, hint="check --control")
    if not control_sums:
        raise SourceError("there are no control cells", where=files.control, hint="check --control")
    there = [place[genes[number]] for number in kept]
    count = sum(cells for cells, _, _ in control_sums.values())
    total = np.sum([summed for _, summed, _ in control_sums.values()], axis=0)
    squares = np.sum([squared for _, _, squared in control_sums.values()], axis=0)
    if count < 2:
        raise SourceError("one control cell has no deviation", where=files.control, hint="give more control cells")
    mean = total[there] / count
    deviation = np.sqrt(np.maximum(squares[there] / count - mean**2, 0.0) * count / (count - 1))
    scale = deviation + max(float(np.median(deviation)), 1e-3)
    names = [genes[number] for number in kept]
    parts = []
    for pert, (cells, summed, _) in sorted(sums.items()):
        effect = (summed[kept] / cells - mean) / scale
        frame = pl.DataFrame({"object": names, "d": effect}).with_columns(subject=pl.lit(pert))
        parts += [
            frame.select("subject", "object", relation=pl.lit(name), score=score)
            for name, score in (
                ("changes_expression_of", pl.col("d").abs()),
                ("increases_if_changed", pl.col("d")),
            )
        ]
    columns = ["subject", "relation", "object", "cell_line", "score"]
    return pl.concat(parts).with_columns(cell_line=pl.lit(files.cell_line, pl.String)).select(columns)


def _sums(path: Path, files: PredictedCells | None, *, only: bool) -> tuple[dict[str, tuple[int, Any, Any]], list[str]]:
    """For each perturbation the number of cells, the sums and the sums of squares by gene; and the genes.

    Without `files` all cells are one group. `only` keeps the control's cells, else they are left out.
    """
    import anndata

    if not path.is_file():
        raise SourceError("there is no such file", where=path)
    try:
        data = anndata.read_h5ad(path, backed="r")
    except (OSError, KeyError, ValueError) as error:
        raise SourceError("this is no h5ad file", where=path, hint="write it with anndata") from error
    try:
        genes = [str(name) for name in data.var_names]
        labels = np.full(data.n_obs, "")
        if files is not None:
            key = column_of(
                list(data.obs.columns), files.perturbation_key, ANY.perturbation, path, "--perturbation-key"
            )
            labels = np.array([single_gene(str(label), PRESETS["gears"]) for label in data.obs[key]])
            wanted = labels == (files.control_label or "ctrl")
            labels = np.where(wanted if only else ~wanted, labels, "")
        groups: dict[str, tuple[int, Any, Any]] = {}
        for start, block in _blocks(data):
            here = labels[start : start + len(block)]
            for name in np.unique(here).tolist():
                if files is not None and not name:
                    continue
                own = block[here == name]
                count, total, squares = groups.get(name, (0, 0.0, 0.0))
                groups[name] = (count + len(own), total + own.sum(axis=0), squares + (own**2).sum(axis=0))
        return groups, genes
    finally:
        data.file.close()


def _blocks(data: Any) -> Iterator[tuple[int, Any]]:
    """Logarithms of some cells at a time, (cells, genes), with the position of the first."""
    counts: bool | None = None
    for start in range(0, data.n_obs, _BLOCK):
        block = data.X[start : start + _BLOCK]
        values = np.asarray(block.todense() if hasattr(block, "todense") else block, dtype=np.float64)
        if not np.isfinite(values).all():
            raise SourceError("X has missing values", where=str(data.filename), hint="give counts or logarithms")
        if counts is None:
            counts = bool(values.max(initial=0.0) > 1 and (values == np.rint(values)).all() and values.min() >= 0)
        if counts:
            depth = values.sum(axis=1, keepdims=True)
            values = np.log1p(np.divide(values * _TARGET, depth, out=np.zeros_like(values), where=depth > 0))
        yield start, values
