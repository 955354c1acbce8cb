"""Pseudobulk samples are sums over replicates; PyDESeq2 finds the model's effects in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.screens.simulated_screen import ScreenModel, draw_screen
from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.rules import DEFAULT_RULES
from rbio_kg.training.data.screens import pseudobulk as module
from rbio_kg.training.data.screens.cells import CellOptions, find_cells
from rbio_kg.training.data.screens.h5ad import CellFile
from rbio_kg.training.data.screens.pseudobulk import pseudobulk
from tests.support.cell_files import FORMS, cell_data, write_cells
from tests.support.screens import PERTS, gene_names

MODEL = ScreenModel(
    PERTS[:2], [*PERTS, *(f"G{number}" for number in range(55))], control_cells=150, cells_each=90, depth=900.0,
    changed=0.1, seed=2,
)  # fmt: skip
NAMES = gene_names()


def compared(path: Path, **options: Any) -> tuple[pl.DataFrame, dict[str, int]]:
    with CellFile(path) as file:
        chosen = CellOptions(method="pseudobulk", **options)
        cells = find_cells(file, chosen, NAMES, DEFAULT_RULES, path)
        return pseudobulk(file, cells, list(file.table("var")["index"]), chosen)


def test_samples_are_sums_over_replicates_and_effects_are_found(tmp_path: Path, monkeypatch: Any) -> None:
    screen = draw_screen(MODEL)
    path = write_cells(tmp_path / "screen.h5ad", cell_data(screen))
    counts = screen.counts(0, len(screen.labels))
    seen = {}
    original = module._compared

    def observed(control: Any, perturbed: Any, pert: str, genes: list[str]) -> pl.DataFrame:
        seen["control"], seen[pert] = control, perturbed
        return original(control, perturbed, pert, genes)

    monkeypatch.setattr(module, "_compared", observed)
    rows, set_aside = compared(path, max_memory=0.01)
    for pert, label in (("control", MODEL.control), *((pert, pert) for pert in MODEL.perts)):
        expected = [counts[(screen.labels == label) & (screen.replicates == f"r{n}")].sum(axis=0) for n in range(3)]
        assert np.array_equal(seen[pert], np.array(expected))
    assert set_aside == {}
    joined = rows.join(screen.truth, on=["pert", "gene"])
    called = (pl.col("padj") <= 0.05) & (pl.col("lfc").abs() >= 0.25)
    true = pl.col("effect") != 0
    found = joined.select(both=(called & true).sum(), called=called.sum(), true=true.sum()).row(0, named=True)
    assert found["both"] / found["true"] > 0.6
    assert 1 - found["both"] / found["called"] < 0.15
    signs = joined.filter(called & true)
    assert (signs["lfc"].sign() == signs["effect"].sign()).all()


def test_perturbations_without_replicates_are_set_aside(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_compared", lambda *_: pl.DataFrame(schema=module.SCHEMA))
    data = cell_data(draw_screen(MODEL))
    one = (data.obs["perturbation"] == "SP1") & (data.obs["batch"] != "r0")
    rows, set_aside = compared(write_cells(tmp_path / "screen.h5ad", data[~one].copy()))
    assert set_aside == {"too_few_replicates": 30}
    assert rows.is_empty()


def test_what_pseudobulk_lacks_is_named(tmp_path: Path) -> None:
    data = cell_data(draw_screen(MODEL))
    logarithms = FORMS["counts in a layer"](data.copy())
    del logarithms.layers["counts"]
    with pytest.raises(SourceError, match=r"values that are not integers.*--layer.*wilcoxon"):
        compared(write_cells(tmp_path / "logarithms.h5ad", logarithms))
    without = data.copy()
    del without.obs["batch"]
    with pytest.raises(SourceError, match=r"no column of obs names replicates.*--replicate-key"):
        compared(write_cells(tmp_path / "without.h5ad", without))
    single = data.copy()
    single.obs["batch"] = "r0"
    with pytest.raises(SourceError, match="the control has 1 replicates"):
        compared(write_cells(tmp_path / "single.h5ad", single))
    with pytest.raises(SourceError, match="no column 'donor'"):
        compared(write_cells(tmp_path / "donor.h5ad", data), replicate_key="donor")
