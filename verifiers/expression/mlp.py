"""The baseline of the expression model: rbio's perceptron on the vectors of both genes (Istrate et al. 2025).

Linear(2d, 64), ReLU, Linear(64, 1), binary cross-entropy, Adam at 1e-3, ten epochs of batches with 16 rows of each
label. Its probabilities hold at the balanced rate of such batches. It has no input for the cell line and is fitted for
one. Use it on test rows only: for a training perturbation it repeats the labels that it was fitted on.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.verifiers.expression.embeddings import Embeddings

HIDDEN, RATE, EPOCHS, HALF_BATCH = 64, 1e-3, 10, 16


def line_rows(train: pl.DataFrame, line: str) -> pl.DataFrame:
    """The train rows of a cell line's perceptron: its own, or those of the other lines where it has none."""
    own = train.filter(pl.col("cell_line") == line)
    return train if own.is_empty() else own


def mlp_scores(
    embeddings: Embeddings,
    train: pl.DataFrame,
    rows: pl.DataFrame,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Fit on train rows and score others.

    Args:
        embeddings: vectors of the genes; a row with a gene that has none is left out.
        train: rows with `pert,gene,label`.
        rows: to score, with `pert,gene`.
        seed: of the weights and the batches.
        progress: called with a message and the share done.

    Returns:
        Probabilities (n,), NaN for a pair with a gene that has no vector.

    Raises:
        TrainingError: no gene of the train rows has a vector, or the rows that have them carry one label only.
    """
    import torch
    from torch import nn

    pairs, labels = _pairs(embeddings, train), train["label"].to_numpy()
    known = (pairs >= 0).all(axis=1)
    pairs, labels = pairs[known], labels[known]
    if not len(labels):
        raise TrainingError(
            f"no pair of the {len(train)} train rows has vectors for both genes",
            where=embeddings.source,
            hint="the column gene must hold gene symbols, such as TP53",
        )
    groups = [torch.from_numpy(np.flatnonzero(labels == label)) for label in (0, 1)]
    if not all(len(group) for group in groups):
        raise TrainingError("the train rows carry one label only", hint="name a questions file with both labels")
    vectors, both = torch.from_numpy(embeddings.vectors), torch.from_numpy(pairs)
    width = vectors.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(2 * width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
    draws = torch.Generator().manual_seed(seed)
    adam, loss = torch.optim.Adam(network.parameters(), lr=RATE), nn.BCEWithLogitsLoss()
    wanted = torch.cat([torch.zeros(HALF_BATCH), torch.ones(HALF_BATCH)])
    batches = max(1, len(labels) // (2 * HALF_BATCH))
    for epoch in range(EPOCHS):
        progress("mlp: epochs", epoch / EPOCHS)
        drawn = torch.cat(
            [group[torch.randint(len(group), (batches, HALF_BATCH), generator=draws)] for group in groups], dim=1
        )
        for batch in drawn:
            adam.zero_grad()
            loss(network(vectors[both[batch]].flatten(1)).squeeze(1), wanted).backward()
            adam.step()
    out = np.full(len(rows), np.nan)
    indices = _pairs(embeddings, rows)
    known_rows = np.flatnonzero((indices >= 0).all(axis=1))
    with torch.no_grad():
        for start in range(0, len(known_rows), 10_000):
            chosen = known_rows[start : start + 10_000]
            odds = network(vectors[torch.from_numpy(indices[chosen])].flatten(1)).squeeze(1)
            out[chosen] = torch.sigmoid(odds.double()).numpy()
    return out


def _pairs(embeddings: Embeddings, rows: pl.DataFrame) -> NDArray[np.int64]:
    return np.stack([embeddings.indices(rows[name].to_list()) for name in ("pert", "gene")], axis=1)
