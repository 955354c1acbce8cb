"""Cells are found and read in blocks; what cannot be compared is set aside or refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.screens.simulated_screen import draw_screen
from rbio_kg.core.errors import ConfigError, SelectionError, SourceError
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.training.data.screens import h5ad
from rbio_kg.training.data.screens.cells import CellOptions, ScreenCells, batches, find_cells
from rbio_kg.training.data.screens.h5ad import CellFile
from tests.support.cell_files import FORMS, MODEL, cell_data, write_cells
from tests.support.screens import gene_names

NAMES = gene_names()


def found(path: Path, names: NameRules = DEFAULT_RULES, **options: Any) -> ScreenCells:
    with CellFile(path) as file:
        return find_cells(file, CellOptions(**options), NAMES, names, path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block", [1, 700, 1 << 20])
def test_every_form_gives_the_same_counts(form: str, block: int, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(h5ad, "BLOCK_BYTES", block)
    path = write_cells(tmp_path / "screen.h5ad", FORMS[form](cell_data()))
    rows = np.sort(np.random.default_rng(0).choice(390, 57, replace=False)).astype(np.int64)
    with CellFile(path) as file:
        assert file.matrix.kind == "counts"
        assert np.array_equal(file.read(rows).toarray(), draw_screen(MODEL).counts(0, 390)[rows])
        assert file.read(rows[:0]).shape == (0, len(MODEL.genes))
        assert file.table(file.genes_table)["index"].to_list() == list(MODEL.genes)


def test_perturbed_and_control_cells_are_found(tmp_path: Path) -> None:
    path = write_cells(tmp_path / "screen.h5ad", cell_data())
    cells = found(path)
    labels = draw_screen(MODEL).labels
    assert set(cells.perturbed) == set(MODEL.perts)
    for pert, rows in cells.perturbed.items():
        assert rows.tolist() == np.flatnonzero(labels == pert).tolist()
    assert cells.control.tolist() == np.flatnonzero(labels == "non-targeting").tolist()
    assert (cells.compared, dict(cells.set_aside), cells.key) == (390, {}, "perturbation")
    with CellFile(path) as file:
        assert [pert for batch in batches(file, cells, 1) for pert in batch] == [
            pert for batch in batches(file, cells, 1 << 30) for pert in batch
        ]
        assert all(len(batch) == 1 for batch in batches(file, cells, 1))


SET_ASIDE = [
    ("TP53+MDM2", "combination"),
    ("SP1_MDM2", "combination"),
    ("SP1_sgRNA2", "guide"),
    ("2-Sep", "date"),
    ("NOVEL9", "unknown"),
    ("nan", "missing"),
]


@pytest.mark.parametrize(("label", "reason"), SET_ASIDE)
def test_cells_that_are_no_single_perturbation_are_counted_by_reason(label: str, reason: str, tmp_path: Path) -> None:
    path = write_cells(tmp_path / "screen.h5ad", cell_data(SP1=label))
    with pytest.raises(SelectionError, match="60 of 240 rows"):
        found(path)
    cells = found(path, NameRules(most=0.5))
    assert cells.set_aside == {reason: 60}
    assert "SP1" not in cells.perturbed


def test_guides_of_one_gene_are_pooled_on_request(tmp_path: Path) -> None:
    data = cell_data()
    names = data.obs["perturbation"].astype(str).to_list()
    data.obs["perturbation"] = [f"{name}_sgRNA{1 + n % 2}" for n, name in enumerate(names)]
    path = write_cells(tmp_path / "screen.h5ad", data)
    with pytest.raises(SelectionError, match="guides"):
        found(path)
    cells = found(path, NameRules(accept=True))
    assert {pert: len(rows) for pert, rows in cells.perturbed.items()} == dict.fromkeys(MODEL.perts, 60)
    assert len(cells.control) == 150


PRESET_FILES = [
    ("scperturb", "perturbation", "control", "{}"),
    ("gears", "condition", "ctrl", "{}+ctrl"),
    ("gears", "condition", "ctrl", "ctrl+{}"),
    ("arc", "target_gene", "non-targeting", "{}"),
    ("cellxgene", "genetic_perturbation_id", "non-targeting", "{}"),
    (None, "Perturbed.Gene", "NegCtrl10", "{}"),
]


@pytest.mark.parametrize(("preset", "key", "control", "form"), PRESET_FILES)
def test_presets_know_the_names_of_their_collections(
    preset: str | None, key: str, control: str, form: str, tmp_path: Path
) -> None:
    data = cell_data()
    names = data.obs.pop("perturbation").astype(str)
    data.obs[key] = [control if name == MODEL.control else form.format(name) for name in names]
    cells = found(write_cells(tmp_path / "screen.h5ad", data), preset=preset)
    assert set(cells.perturbed) == set(MODEL.perts)
    assert cells.control_labels == (control,)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ({"non_targeting": "plate 3"}, {}, "no label names control cells.*--control.*'plate 3' .150 cells"),
        ({}, {"control": ["ctrl"]}, "no cell is labelled 'ctrl'.*'non-targeting' look like controls"),
        ({}, {"perturbation_key": "guide"}, "no column 'guide' in obs.*'perturbation', 'batch'"),
        ({}, {"min_cells": 100}, "no perturbation has 100 cells .the largest has 60"),
        ({}, {"min_cells": 200}, "there are 150 control cells"),
        ({}, {"preset": "gears"}, "--perturbation-key"),
    ],
)
def test_what_is_missing_is_named(
    labels: dict[str, str], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write_cells(tmp_path / "screen.h5ad", cell_data(**labels))
    with pytest.raises(SourceError, match=message):
        found(path, NameRules(most=1.0), **options)


def test_perturbations_with_few_cells_are_set_aside(tmp_path: Path) -> None:
    data = cell_data()
    kept = (data.obs["perturbation"] != "SP1") | (np.cumsum(data.obs["perturbation"] == "SP1") <= 10)
    cells = found(write_cells(tmp_path / "screen.h5ad", data[kept].copy()))
    assert cells.set_aside == {"too_few_cells": 10}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "t-test"}, "known: wilcoxon, pseudobulk"),
        ({"min_cells": 1}, "--min-cells"),
        ({"min_detected": 1.5}, "--min-detected"),
        ({"max_memory": 0.0}, "--max-memory"),
    ],
)
def test_settings_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CellOptions(**options)


def test_unusable_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5ad").write_text("no")
    with pytest.raises(SourceError, match="no h5ad file"), CellFile(tmp_path / "text.h5ad"):
        pass
    with pytest.raises(SourceError, match="no such file"), CellFile(tmp_path / "none.h5ad"):
        pass
    path = write_cells(tmp_path / "screen.h5ad", cell_data())
    with pytest.raises(SourceError, match=r"no matrix 'counts'.*it has X"), CellFile(path, "counts"):
        pass
    with pytest.raises(ConfigError, match="known: scperturb"):
        found(path, preset="seurat")
    genes = write_cells(tmp_path / "genes.h5ad", FORMS["by genes"](cell_data()))
    with pytest.raises(SourceError, match=r"stored by genes.*tocsr"), CellFile(genes, memory=100):
        pass
    scaled = cell_data()
    scaled.X = scaled.X.toarray() - 0.5
    with (
        CellFile(write_cells(tmp_path / "scaled.h5ad", scaled)) as file,
        pytest.raises(SourceError, match="below zero"),
    ):
        file.read(np.arange(10))
