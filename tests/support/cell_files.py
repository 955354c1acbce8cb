"""Small single-cell files: a simulated screen in every form that h5ad files have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.screens.simulated_screen import ScreenModel, SimulatedScreen, draw_screen
from tests.support.screens import PERTS

MODEL = ScreenModel(
    PERTS[:4], [*PERTS, "TP53", "PTBP2", "CDKN1A", "EXO1", "CCNA1", "CDK1"], control_cells=150, cells_each=60,
    depth=120.0, changed=0.3, seed=3,
)  # fmt: skip


def cell_data(screen: SimulatedScreen | None = None, **labels: str) -> Any:
    """The screen as AnnData; labels are written otherwise where they are named."""
    import pandas as pd
    from anndata import AnnData
    from scipy.sparse import csr_matrix

    screen = screen or draw_screen(MODEL)
    names = [labels.get(label.replace("-", "_"), label) for label in screen.labels.tolist()]
    obs = pd.DataFrame(
        {"perturbation": pd.Categorical(names), "batch": pd.Categorical(screen.replicates)},
        index=[f"cell{number}" for number in range(len(names))],
    )
    values = csr_matrix(screen.counts(0, len(names)))
    return AnnData(values, obs, pd.DataFrame(index=list(screen.model.genes)))


def _logarithms(data: Any) -> Any:
    import scanpy as sc

    data.raw = None
    sc.pp.normalize_total(data, target_sum=1e4)
    sc.pp.log1p(data)
    return data


def _with_raw(data: Any) -> Any:
    raw = data.copy()
    _logarithms(data)
    data.raw = raw
    return data[:, :9].copy()


def _with_layer(data: Any) -> Any:
    data.layers["counts"] = data.X.copy()
    return _logarithms(data)


def _dense(data: Any) -> Any:
    data.X = np.asarray(data.X.toarray(), dtype=np.float64)
    return data


def _by_genes(data: Any) -> Any:
    data.X = data.X.tocsc()
    return data


FORMS: dict[str, Callable[[Any], Any]] = {
    "by cells": lambda data: data,
    "dense": _dense,
    "by genes": _by_genes,
    "counts in raw": _with_raw,
    "counts in a layer": _with_layer,
}
"""Ways to keep the same counts."""


def write_cells(path: Path, data: Any) -> Path:
    """Write the file."""
    data.write_h5ad(path)
    return path
