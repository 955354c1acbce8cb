"""A single-cell screen drawn from a negative binomial model with known effects, written in blocks.

The count of gene j in cell c, which has perturbation p and replicate b, is

    negative binomial, mean m = size_c * mean_j * 2^(effect_pj) * replicate_bj, variance m + dispersion * m^2

    size_c       log-normal, median 1, sigma 0.25
    mean_j       log-normal, sigma 1, scaled so that a control cell has `depth` counts on average
    effect_pj    0 for control cells and most genes; for a share `changed` of the genes uniform from 0.5 to 2 with a
                 random sign
    replicate_bj log-normal, median 1, sigma `replicate_sigma`

A negative binomial value is drawn as a Poisson value whose mean is gamma distributed (shape 1 / dispersion).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class ScreenModel:
    """The settings of the model.

    Args:
        perts, genes: names.
        control_cells, cells_each: cells without and with each perturbation.
        replicates: number of replicates, over which cells are spread evenly.
        depth: counts of a control cell on average.
        changed: share of the genes that a perturbation changes.
        dispersion: of the negative binomial.
        replicate_sigma: spread of replicates, natural logarithm.
        control: label of control cells.
        shuffled: whether cells of different perturbations are mixed in the file.
        seed: of all draws.
    """

    perts: Sequence[str]
    genes: Sequence[str]
    control_cells: int = 400
    cells_each: int = 100
    replicates: int = 3
    depth: float = 2000.0
    changed: float = 0.1
    dispersion: float = 0.2
    replicate_sigma: float = 0.05
    control: str = "non-targeting"
    shuffled: bool = True
    seed: int = 0


@dataclass(frozen=True)
class SimulatedScreen:
    """A drawn screen.

    Args:
        labels: perturbation of each cell.
        replicates: replicate of each cell.
        effects: log2 fold changes, (perturbations, genes).
        truth: the effects as a table: `pert`, `gene`, `effect`.
    """

    model: ScreenModel
    labels: NDArray[np.str_]
    replicates: NDArray[np.str_]
    effects: NDArray[np.float64]
    means: NDArray[np.float64]
    batch: NDArray[np.float64]

    @property
    def truth(self) -> pl.DataFrame:
        """The effects: `pert`, `gene`, `effect` (log2, 0 where nothing changes)."""
        perts, genes = list(self.model.perts), list(self.model.genes)
        return pl.DataFrame(
            {
                "pert": np.repeat(perts, len(genes)),
                "gene": np.tile(genes, len(perts)),
                "effect": self.effects.ravel(),
            }
        )

    def counts(self, start: int, stop: int) -> NDArray[np.float32]:
        """Counts of some cells, (cells, genes); the same for the same cells, whatever the block."""
        model = self.model
        position = {pert: number for number, pert in enumerate(model.perts)}
        found = np.empty((stop - start, len(model.genes)), dtype=np.float32)
        fold = 2.0**self.effects
        for cell in range(start, stop):
            rng = np.random.default_rng([model.seed, 1, cell])
            number = position.get(str(self.labels[cell]))
            mean = self.means * self.batch[int(self.replicates[cell][1:])] * rng.lognormal(0.0, 0.25)
            if number is not None:
                mean = mean * fold[number]
            found[cell - start] = rng.poisson(
                rng.standard_gamma(1.0 / model.dispersion, len(mean)) * model.dispersion * mean
            )
        return found


def draw_screen(model: ScreenModel) -> SimulatedScreen:
    """Labels, replicates and effects of a screen."""
    rng = np.random.default_rng([model.seed, 0])
    genes, perts = len(model.genes), len(model.perts)
    means = rng.lognormal(0.0, 1.0, genes)
    means *= model.depth / means.sum()
    effects = rng.uniform(0.5, 2.0, (perts, genes)) * rng.choice([-1.0, 1.0], (perts, genes))
    effects[rng.random((perts, genes)) >= model.changed] = 0.0
    labels = np.array([model.control] * model.control_cells + [p for p in model.perts for _ in range(model.cells_each)])
    replicates = np.array([f"r{number % model.replicates}" for number in range(len(labels))])
    if model.shuffled:
        order = rng.permutation(len(labels))
        labels, replicates = labels[order], replicates[order]
    batch = rng.lognormal(0.0, model.replicate_sigma, (model.replicates, genes))
    return SimulatedScreen(model, labels, replicates, effects, means, batch)


def write_screen(screen: SimulatedScreen, path: Path, *, block: int = 2000, obs: dict[str, Any] | None = None) -> None:
    """Write the screen as h5ad with counts in `X` (CSR), a block of cells at a time.

    Args:
        screen: what is written.
        path: the file.
        block: cells that are held at once.
        obs: further columns of `obs`.
    """
    import h5py
    import pandas as pd
    from anndata import AnnData
    from scipy.sparse import csr_matrix

    cells, genes = len(screen.labels), len(screen.model.genes)
    table = pd.DataFrame(
        {"perturbation": pd.Categorical(screen.labels), "replicate": pd.Categorical(screen.replicates), **(obs or {})},
        index=[f"cell{number}" for number in range(cells)],
    )
    empty = AnnData(csr_matrix((cells, genes), dtype=np.float32), table, pd.DataFrame(index=list(screen.model.genes)))
    empty.write_h5ad(path)
    with h5py.File(path, "a") as file:
        group = file["X"]
        for name, kind in (("data", np.float32), ("indices", np.int32)):
            del group[name]
            group.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(1 << 18,), dtype=kind)
        pointers = np.zeros(cells + 1, dtype=np.int64)
        for start in range(0, cells, block):
            stop = min(start + block, cells)
            values = csr_matrix(screen.counts(start, stop))
            before = pointers[start]
            pointers[start + 1 : stop + 1] = before + values.indptr[1:]
            for name, part in (("data", values.data), ("indices", values.indices)):
                group[name].resize((before + values.nnz,))
                group[name][before:] = part
        del group["indptr"]
        group["indptr"] = pointers
