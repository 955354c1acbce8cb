"""Predicted and control cells to a table: the documented formula, on counts and logarithms, and clear refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.training.data.screens.predicted import PredictedCells, predicted_effects

anndata = pytest.importorskip("anndata")
GENES = ["TP53", "MDM2", "SP1", "MYC"]


def write(path: Path, values: Any, labels: list[str], genes: list[str] = GENES, key: str = "condition") -> Path:
    import pandas as pd

    obs = pd.DataFrame({key: labels}, index=[f"c{i}" for i in range(len(labels))])
    anndata.AnnData(np.asarray(values, dtype=np.float32), obs=obs, var=pd.DataFrame(index=genes)).write_h5ad(path)
    return path


def logs(counts: Any) -> Any:
    return np.log1p(counts / counts.sum(axis=1, keepdims=True) * 10_000)


@pytest.mark.parametrize("form", ["counts", "logarithms"])
def test_the_formula(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(0)
    control, cells = rng.poisson(20, (50, 4)) + 1.0, rng.poisson(20, (30, 4)) + 1.0
    cells[:15, 0] *= 5
    labels = ["SP1+ctrl"] * 15 + ["ctrl+MYC"] * 10 + ["ctrl"] * 5
    shown = (lambda values: values) if form == "counts" else logs
    order = [3, 1, 0, 2]  # the genes of the control file stand in another order
    files = PredictedCells(
        write(tmp_path / "p.h5ad", shown(cells), labels),
        write(tmp_path / "c.h5ad", shown(control)[:, order], ["ctrl"] * 50, [GENES[i] for i in order]),
        cell_line="k562",
    )
    found = predicted_effects(files)
    assert set(found["subject"]) == {"SP1", "MYC"} and found.height == 2 * 2 * 4
    deviation = logs(control).std(axis=0, ddof=1)
    expected = (logs(cells)[:15].mean(axis=0) - logs(control).mean(axis=0)) / (deviation + np.median(deviation))
    rises = found.filter(subject="SP1", relation="increases_if_changed")
    assert rises["object"].to_list() == GENES
    np.testing.assert_allclose(rises["score"].to_numpy(), expected, rtol=1e-3, atol=1e-3)
    changes = found.filter(subject="SP1", relation="changes_expression_of")["score"].to_numpy()
    np.testing.assert_allclose(changes, np.abs(expected), rtol=1e-3, atol=1e-3)
    assert changes.argmax() == 0


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "a.h5ad", np.ones((3, 4)), ["SP1"] * 3)
    other = write(tmp_path / "b.h5ad", np.ones((3, 4)), ["ctrl"] * 3, ["A", "B", "C", "D"])
    nameless = write(tmp_path / "n.h5ad", np.ones((3, 4)), ["SP1"] * 3, key="colour")
    (tmp_path / "t.h5ad").write_text("text")
    for predicted, control, words in (
        (one, other, "share no gene"),
        (tmp_path / "x.h5ad", one, "no such file"),
        (tmp_path / "t.h5ad", one, "no h5ad file"),
        (nameless, one, "--perturbation-key"),
    ):
        with pytest.raises(SourceError, match=words):
            predicted_effects(PredictedCells(predicted, control))
