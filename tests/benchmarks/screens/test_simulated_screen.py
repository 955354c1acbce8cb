"""The simulated screen follows its model, whatever the block."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.screens.simulated_screen import ScreenModel, draw_screen, write_screen

MODEL = ScreenModel(
    ("A", "B"), [f"G{n}" for n in range(30)], control_cells=1200, cells_each=400, depth=600.0, changed=0.3
)


def test_counts_have_the_mean_the_variance_and_the_effects_of_the_model() -> None:
    screen = draw_screen(MODEL)
    counts = screen.counts(0, len(screen.labels)).astype(np.float64)
    control = counts[screen.labels == MODEL.control]
    expected = screen.means * np.exp(0.25**2 / 2)
    assert np.allclose(control.mean(axis=0), expected, rtol=0.15, atol=0.3)
    sizes = (1 + MODEL.dispersion) * np.exp(0.25**2) - 1  # squared variation of dispersion and size together
    variance = expected + sizes * expected**2
    assert np.allclose(control.var(axis=0), variance, rtol=0.5, atol=1.0)
    high = screen.means > 2
    for number, pert in enumerate(MODEL.perts):
        seen = np.log2(counts[screen.labels == pert].mean(axis=0)[high] / control.mean(axis=0)[high])
        assert np.abs(seen - screen.effects[number][high]).max() < 0.5
    assert 0.1 < (screen.effects != 0).mean() < 0.5


def test_blocks_do_not_change_the_file(tmp_path: Path) -> None:
    import anndata

    screen = draw_screen(MODEL)
    for block in (130, 5000):
        write_screen(screen, tmp_path / f"{block}.h5ad", block=block)
    small, large = (anndata.read_h5ad(tmp_path / f"{block}.h5ad") for block in (130, 5000))
    assert (small.X != large.X).nnz == 0
    assert np.array_equal(large.X.toarray(), screen.counts(0, len(screen.labels)))
    assert small.obs["perturbation"].tolist() == screen.labels.tolist()
