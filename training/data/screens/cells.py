"""Which cells of a screen are compared: perturbed cells by gene, control cells, replicates; the rest by reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import ConfigError, SourceError
from rbio_kg.graph.identity import forms
from rbio_kg.graph.identity.gene_names import UNRECOGNISED, GeneNames
from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.graph.identity.unrecognised import Unrecognised, recognise
from rbio_kg.training.data.screens.h5ad import CellFile
from rbio_kg.training.data.screens.presets import column_of, maybe_column, preset_named, single_gene

METHODS = ("wilcoxon", "pseudobulk")
_SHOWN = 6


@dataclass(frozen=True)
class CellOptions:
    """How a single-cell file is read and compared.

    Args:
        perturbation_key: column of `obs`; None guesses.
        control: labels of control cells; None takes the preset's, or recognises them.
        preset: `scperturb`, `gears`, `arc` or `cellxgene`; None guesses.
        method: `wilcoxon` or `pseudobulk`.
        min_cells: fewest cells of a perturbation, and of the control.
        replicate_key: column of `obs` with replicates, for pseudobulk; None guesses.
        layer: `X`, `raw` or a layer; None takes the first that holds counts.
        min_detected: least share of the perturbed or of the control cells with a count of a gene, 0 to 1.
        max_control_cells: most control cells for Wilcoxon's test; more are drawn at random.
        max_memory: GiB that values of cells may take.

    Raises:
        ConfigError: a value is unknown or out of range.
    """

    perturbation_key: str | None = None
    control: Sequence[str] | None = None
    preset: str | None = None
    method: str = "wilcoxon"
    min_cells: int = 25
    replicate_key: str | None = None
    layer: str | None = None
    min_detected: float = 0.05
    max_control_cells: int = 5000
    max_memory: float = 2.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise ConfigError(f"there is no method {self.method!r}", where="--method", hint=f"known: {known}")
        for option, value, low, high in (
            ("--min-cells", self.min_cells, 2, np.inf),
            ("--min-detected", self.min_detected, 0.0, 1.0),
            ("--max-control-cells", self.max_control_cells, 2, np.inf),
            ("--max-memory", self.max_memory, 0.01, np.inf),
        ):
            if not low <= value <= high:
                raise ConfigError(f"{value:g} is out of range", where=option, hint=f"use {low:g} or more")

    @property
    def batch_bytes(self) -> int:
        """Bytes of values that are held at once: they are copied about three times."""
        return int(self.max_memory * 2**30 / 4)


@dataclass(frozen=True)
class ScreenCells:
    """The cells of a screen.

    Args:
        perturbed: approved symbol -> positions of its cells, ascending.
        control: positions of the control cells, ascending.
        control_labels: their labels.
        key: column of `obs`.
        set_aside: reason -> number of cells.
        names: labels of cells that were not recognised.
        replicates: replicate of every cell of the file, null where it has none; None without such a column.
        replicate_key: that column.
    """

    perturbed: Mapping[str, NDArray[np.int64]]
    control: NDArray[np.int64]
    control_labels: tuple[str, ...]
    key: str
    set_aside: Mapping[str, int]
    names: Unrecognised
    replicates: pl.Series | None = field(default=None, repr=False)
    replicate_key: str | None = None

    @property
    def compared(self) -> int:
        """Number of perturbed and control cells."""
        return len(self.control) + sum(map(len, self.perturbed.values()))


def find_cells(file: CellFile, options: CellOptions, genes: GeneNames, names: NameRules, where: Path) -> ScreenCells:
    """The perturbed and control cells of a file.

    Raises:
        SourceError: a column or the control is missing, or too few cells are left.
        SelectionError: too many cells have a label that is not recognised (controls do not count).
    """
    preset = preset_named(options.preset)
    there = file.columns("obs")
    key = column_of(there, options.perturbation_key, preset.perturbation, where, "--perturbation-key")
    labels = file.table("obs", columns=[key])[key].str.strip_chars()
    chosen = options.control if options.control is not None else preset.control
    is_control = labels.is_in(_control_labels(labels, chosen, key, where)).fill_null(False)
    single = {label: single_gene(label, preset) for label in labels.unique().drop_nulls()}
    frame = pl.DataFrame({"perturbation": labels.replace(single)}).with_row_index("cell")
    others = frame.filter(~is_control)
    if others.is_empty():
        raise SourceError("all cells are control cells", where=where, hint="check --perturbation-key and --control")
    settled, report = recognise(others, genes, ("perturbation",), f"{where}, cells", accept=names.accept)
    report.check(names.most)
    set_aside: dict[str, int] = {}
    for kind in UNRECOGNISED:
        if kind in report.by_kind:
            set_aside[kind] = report.by_kind[kind]
    settled = settled.filter(~report.stands(("perturbation",), UNRECOGNISED))
    groups = settled.group_by("perturbation").agg(pl.col("cell").sort()).sort("perturbation")
    few = groups.filter(pl.col("cell").list.len() < options.min_cells)
    if not few.is_empty():
        set_aside["too_few_cells"] = int(few["cell"].list.len().sum())
    kept = groups.filter(pl.col("cell").list.len() >= options.min_cells)
    control = np.flatnonzero(is_control.to_numpy()).astype(np.int64)
    if len(control) < options.min_cells:
        raise SourceError(
            f"there are {len(control)} control cells", where=where, hint="lower --min-cells if that will do"
        )
    if kept.is_empty():
        most = max((len(found) for found in groups["cell"].to_list()), default=0)
        raise SourceError(
            f"no perturbation has {options.min_cells} cells (the largest has {most})",
            where=where,
            hint="lower --min-cells, or check --perturbation-key",
        )
    perturbed = {
        str(row["perturbation"]): np.asarray(row["cell"], dtype=np.int64) for row in kept.iter_rows(named=True)
    }
    replicate_key = options.replicate_key
    if replicate_key is not None:
        column_of(there, replicate_key, (), where, "--replicate-key")
    elif options.method == "pseudobulk":
        replicate_key = maybe_column([column for column in there if column != key], preset.replicate)
    replicates = None if replicate_key is None else file.table("obs", columns=[replicate_key])[replicate_key]
    return ScreenCells(
        perturbed, control, tuple(sorted(labels.filter(is_control).unique())), key, set_aside, report, replicates,
        replicate_key,
    )  # fmt: skip


def _control_labels(labels: pl.Series, chosen: Sequence[str], key: str, where: Path) -> list[str]:
    """The labels of control cells.

    Raises:
        SourceError: a chosen one is not there, or none is recognised; the most frequent labels are named.
    """
    counts = labels.drop_nulls().value_counts(sort=True)
    there = counts[labels.name].to_list()
    lost = [label for label in chosen if label not in there]
    found = [label for label in chosen if label in there] or [label for label in there if forms.is_control(label)]
    if found and (not lost or len(lost) < len(chosen)):
        return found
    shown = ", ".join(f"{label!r} ({count:,} cells)" for label, count in counts.head(_SHOWN).iter_rows())
    likely = f"; {', '.join(map(repr, found))} look like controls" if found else ""
    wanted = f"no cell is labelled {', '.join(map(repr, lost))}" if lost else "no label names control cells"
    raise SourceError(
        f"{wanted} in the column {key!r}{likely}",
        where=where,
        hint=f"name the control with --control; the most frequent labels are {shown}",
    )


def batches(file: CellFile, cells: ScreenCells, limit: int) -> Iterator[list[str]]:
    """Perturbations whose cells are read at once, in the order of the file, each batch of at most `limit` bytes.

    A perturbation with more has a batch of its own.
    """
    order = sorted(cells.perturbed, key=lambda pert: (int(cells.perturbed[pert][0]), pert))
    batch: list[str] = []
    held = 0
    for pert in order:
        size = int(file.bytes_of(cells.perturbed[pert]).sum())
        if batch and held + size > limit:
            yield batch
            batch, held = [], 0
        batch.append(pert)
        held += size
    if batch:
        yield batch
