"""The perceptron: it learns what its vectors can tell, the same way twice, and never reads a test label."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.errors import TrainingError
from rbio_kg.verifiers.expression.embeddings import Embeddings
from rbio_kg.verifiers.expression.mlp import mlp_scores
from rbio_kg.verifiers.stats.metrics import auroc


def _world() -> tuple[Embeddings, pl.DataFrame]:
    rng = np.random.default_rng(0)
    names = tuple(f"G{i}" for i in range(60))
    vectors = rng.normal(size=(60, 4)).astype(np.float32)
    pert, gene = np.divmod(np.arange(3600), 60)
    label = (vectors[pert, 0] * vectors[gene, 0] > 0.5).astype(int)
    frame = pl.DataFrame({"pert": [names[i] for i in pert], "gene": [names[i] for i in gene], "label": label})
    return Embeddings(names, vectors, "test"), frame.sample(fraction=1.0, shuffle=True, seed=0)


def test_it_learns_and_repeats_itself() -> None:
    embeddings, rows = _world()
    train, test = rows[:3000], rows[3000:]
    found = mlp_scores(embeddings, train, test, seed=0)
    assert ((found > 0) & (found < 1)).all()
    score = auroc(test["label"].to_numpy(), found)
    assert score is not None and score > 0.75
    np.testing.assert_array_equal(found, mlp_scores(embeddings, train, test.with_columns(label=0), seed=0))
    assert not np.array_equal(found, mlp_scores(embeddings, train, test, seed=1))


def test_a_gene_without_a_vector_gets_no_score() -> None:
    embeddings, rows = _world()
    test = pl.DataFrame({"pert": ["G1", "NONE"], "gene": ["NONE", "G2"], "label": [0, 1]})
    assert np.isnan(mlp_scores(embeddings, rows, test)).all()
    with pytest.raises(TrainingError, match="no pair of the 2 train rows has vectors"):
        mlp_scores(embeddings, test, rows)
    with pytest.raises(TrainingError, match="one label only"):
        mlp_scores(embeddings, rows.with_columns(label=0), rows)
