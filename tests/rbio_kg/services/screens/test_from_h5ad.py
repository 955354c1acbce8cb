"""Questions from single cells: the command, its manifest, and what becomes of its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.screens.simulated_screen import ScreenModel, SimulatedScreen, draw_screen, write_screen
from rbio_kg.core.errors import ConfigError
from rbio_kg.training.data.screens import h5ad
from rbio_kg.training.data.screens.cells import CellOptions
from rbio_kg.workspace import Workspace
from tests.support.cell_files import cell_data, write_cells
from tests.support.commands import fails, invoke

Built = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def screen(built: Built) -> SimulatedScreen:
    with Workspace(built[0]) as opened:
        genes = sorted(opened.tables["genes"]["symbol"])[:300]
    model = ScreenModel(genes[:8], genes, control_cells=200, cells_each=80, depth=2000.0, changed=0.05, seed=1)
    return draw_screen(model)


def test_the_command_makes_questions_with_a_manifest(built: Built, screen: SimulatedScreen, tmp_path: Path) -> None:
    path, out, out_dir = tmp_path / "screen.h5ad", tmp_path / "a549-de.csv", tmp_path / "a549-dir.csv"
    write_screen(screen, path)
    files = ("--out", str(out), "--out-dir", str(out_dir))
    arguments = ("questions", "from-h5ad", str(path), "--cell-line", "A549", *files)
    document = invoke(built[0], *arguments)
    assert document["cells"] == 200 + 8 * 80
    assert document["set_aside_cells"] == {}
    assert document["set_aside"]["same_gene"] <= 8
    made = pl.read_csv(out)
    assert (made.height, made["pert"].n_unique()) == (document["rows"], 8)
    truth = screen.truth.filter(pl.col("pert") != pl.col("gene"))
    joined = made.join(truth, on=["pert", "gene"], how="left")
    called = joined.filter(pl.col("label") == 1)
    assert (called["effect"] == 0).mean() < 0.2  # type: ignore[operator]
    up = pl.read_csv(out_dir).join(truth, on=["pert", "gene"]).filter(pl.col("effect") != 0)
    assert ((up["effect"] > 0) == (up["label"] == 1)).mean() > 0.95  # type: ignore[operator]
    manifest = json.loads((tmp_path / "a549-de.manifest.json").read_text())
    assert manifest["settings"]["method"] == "wilcoxon"
    assert manifest["settings"]["control"] == ["non-targeting"]
    assert {"anndata", "scanpy"} <= set(manifest["software"])
    assert manifest["counts"]["cells"] == document["cells"]
    first = out.read_bytes()
    invoke(built[0], *arguments, "--max-memory", "0.01")
    assert out.read_bytes() == first
    evaluated = invoke(built[0], "evaluate", "expression", "--questions", str(out), "--alone")
    assert evaluated["rows"] > 0


def test_what_is_left_out_is_counted(built: Built, screen: SimulatedScreen, tmp_path: Path) -> None:
    first, second, third, *_ = screen.model.perts
    labels = {first: f"{second}+{third}", second: f"{second}_sgRNA1", third: "NOVEL9"}
    data = cell_data(screen, **labels)
    data.var.index = [*data.var.index[:-2], "AC000001.2", "AC000002.1"]
    path, out = write_cells(tmp_path / "screen.h5ad", data), tmp_path / "a549-de.csv"
    arguments = ("questions", "from-h5ad", str(path), "--out", str(out))
    message = fails(built[0], *arguments)
    assert "240 of 640 rows" in message
    assert "--max-unrecognised" in message
    document = invoke(built[0], *arguments, "--max-unrecognised", "0.5")
    assert document["set_aside_cells"] == {"combination": 80, "guide": 80, "unknown": 80}
    assert document["cells"] == 200 + 5 * 80
    assert document["set_aside"]["unknown"] == document["unrecognised"]["unknown"] > 0
    accepted = invoke(built[0], *arguments, "--max-unrecognised", "0.5", "--accept-suggestions")
    assert accepted["set_aside_cells"] == {"combination": 80, "unknown": 80}
    assert "--control" in fails(built[0], *arguments, "--control", "untreated")


def test_the_extra_is_named_where_it_is_absent(
    built: Built, screen: SimulatedScreen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in ("scanpy", "pydeseq2") else found(name, *rest)
    )
    with pytest.raises(ConfigError, match=r"needs scanpy; run pip install 'rbio-kg\[anndata\]'"):
        h5ad.need_extra("wilcoxon")
    with Workspace(built[0]) as opened, pytest.raises(ConfigError, match="pydeseq2"):
        opened.questions_from_h5ad(tmp_path / "any.h5ad", options=CellOptions(method="pseudobulk"))


def test_genes_may_be_named_by_identifiers_or_a_column(built: Built, screen: SimulatedScreen, tmp_path: Path) -> None:
    data = cell_data(screen)
    data.var["feature_name"] = data.var.index.to_list()
    data.var.index = [f"locus{number}" for number in range(len(data.var))]
    path = write_cells(tmp_path / "screen.h5ad", data)
    with Workspace(built[0]) as opened:
        said: list[str] = []
        from rbio_kg.services.screens.from_h5ad import questions_from_h5ad

        found = questions_from_h5ad(opened, path, options=CellOptions(preset="cellxgene"), say=said.append)
    assert found.unrecognised == {}
    assert "genes named by 'feature_name'" in said[0]
