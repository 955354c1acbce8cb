"""Wilcoxon's test in batches gives what scanpy gives on the complete file, and finds the model's effects."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.screens.simulated_screen import ScreenModel, draw_screen
from rbio_kg.graph.identity.rules import DEFAULT_RULES
from rbio_kg.training.data.screens.cells import CellOptions, find_cells
from rbio_kg.training.data.screens.h5ad import CellFile
from rbio_kg.training.data.screens.table import SCHEMA
from rbio_kg.training.data.screens.wilcoxon import sample, wilcoxon
from tests.support.cell_files import FORMS, cell_data, write_cells
from tests.support.screens import PERTS, gene_names

MODEL = ScreenModel(
    PERTS, [*PERTS, *(f"G{number}" for number in range(195))], control_cells=400, cells_each=120, depth=600.0,
    changed=0.05, seed=5,
)  # fmt: skip
NAMES = gene_names()


def compared(path: Path, **options: Any) -> pl.DataFrame:
    with CellFile(path) as file:
        chosen = CellOptions(**options)
        cells = find_cells(file, chosen, NAMES, DEFAULT_RULES, path)
        return wilcoxon(file, cells, list(MODEL.genes), chosen).sort("pert", "gene")


def scanpys_own(data: Any) -> pl.DataFrame:
    """Scanpy's call on the complete data in memory."""
    import scanpy as sc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.normalize_total(data, target_sum=1e4)
        sc.pp.log1p(data)
        settings = {"method": "wilcoxon", "tie_correct": True}
        sc.tl.rank_genes_groups(data, "perturbation", reference=MODEL.control, **settings)
        found = sc.get.rank_genes_groups_df(data, None)
    return pl.DataFrame(
        {
            "pert": found["group"].astype(str).to_list(),
            "gene": found["names"].to_list(),
            "padj": found["pvals_adj"].to_numpy(),
            "lfc": found["logfoldchanges"].to_numpy().astype(np.float64),
        }
    ).sort("pert", "gene")


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cells(tmp_path_factory.mktemp("cells") / "screen.h5ad", cell_data(draw_screen(MODEL)))


def quality(rows: pl.DataFrame) -> tuple[float, float]:
    """Recall of the model's effects, and false discovery rate, at the default thresholds."""
    joined = rows.join(draw_screen(MODEL).truth, on=["pert", "gene"])
    called = (pl.col("padj") <= 0.05) & (pl.col("lfc").abs() >= 0.25)
    true = pl.col("effect") != 0
    counts = joined.select(both=(called & true).sum(), called=called.sum(), true=true.sum()).row(0, named=True)
    return counts["both"] / counts["true"], 1 - counts["both"] / counts["called"]


def test_batches_give_what_scanpy_gives_on_the_complete_file(screen: Path) -> None:
    own = scanpys_own(cell_data(draw_screen(MODEL)))
    rows = compared(screen, min_detected=0.0, max_memory=0.01)
    assert rows.schema == SCHEMA
    assert rows.select("pert", "gene").equals(own.select("pert", "gene"))
    assert np.allclose(rows["padj"], own["padj"], rtol=1e-6)
    assert np.allclose(rows["lfc"], own["lfc"], rtol=1e-4, atol=1e-4)


def test_known_effects_are_found_as_well_as_by_scanpy(screen: Path) -> None:
    recall, false = quality(compared(screen))
    own_recall, own_false = quality(scanpys_own(cell_data(draw_screen(MODEL))))
    assert recall >= own_recall - 0.02
    assert false <= own_false + 0.02
    assert recall > 0.7
    assert false < 0.12


def test_genes_that_few_cells_have_are_not_tested(screen: Path) -> None:
    everything, detected = compared(screen, min_detected=0.0), compared(screen, min_detected=0.6)
    assert detected.height < everything.height
    assert compared(screen, min_detected=1.0).height < detected.height


def test_logarithms_are_taken_as_they_are(screen: Path, tmp_path: Path) -> None:
    data = FORMS["counts in a layer"](cell_data(draw_screen(MODEL)))
    del data.layers["counts"]
    path = write_cells(tmp_path / "logarithms.h5ad", data)
    with CellFile(path) as file:
        assert file.matrix.kind == "log"
    assert np.allclose(compared(path)["padj"], compared(screen)["padj"], rtol=1e-3)


def test_control_cells_are_drawn_by_seed() -> None:
    rows = np.arange(100)
    assert np.array_equal(sample(rows, 100, 0), rows)
    drawn = sample(rows, 10, 0)
    assert len(set(drawn.tolist())) == 10
    assert np.array_equal(drawn, sample(rows, 10, 0))
    assert not np.array_equal(drawn, sample(rows, 10, 1))
    assert (np.diff(drawn) > 0).all()
