"""The kernel regression against its dense formula."""

from __future__ import annotations

import numpy as np
import pytest

from rbio_kg.core.errors import ConvergenceWarning
from rbio_kg.verifiers.expression.pair_kernel import (
    LINE_CORRELATION,
    MIN_VARIANCE,
    PAIR_LINE_CORRELATION,
    PAIR_WEIGHT,
    SELF_COVARIANCE,
    PairRegression,
    Pairs,
    PerturbationKernel,
    gene_factors,
    solve,
)
from rbio_kg.verifiers.expression.similarity import Profiles, gene_profiles
from tests.support.graphs import small_tables

PERTS, GENES = range(14), range(20, 32)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    tables = small_tables(seed=1, genes=40)
    return gene_profiles(tables, tables["genes"]["symbol"].to_list())


@pytest.fixture(scope="module")
def kernel(profiles: Profiles) -> PerturbationKernel:
    return PerturbationKernel(profiles, np.array(PERTS, dtype=np.int32), gene_factors(profiles, np.array(GENES)))


def _pairs(seed: int) -> Pairs:
    rng = np.random.default_rng(seed)
    rows = [(p, g, line) for line in range(2) for p in PERTS for g in GENES if rng.random() < 0.4]
    perts, genes, lines = zip(*rows, strict=True)
    return Pairs(np.array(perts, np.int32), np.array(genes, np.int32), np.array(lines, np.int64))


def _covariance(
    kernel: PerturbationKernel, one: tuple[int, int, int], two: tuple[int, int, int]
) -> tuple[float, float]:
    """The two terms of the module's formula, spelled out."""
    (p, g, line), (q, h, other) = one, two
    dense = kernel.profiles.matrix.toarray().astype(float)
    across = float(dense[p] @ dense[q])
    length = float(np.linalg.norm(dense[p]) * np.linalg.norm(dense[q]))
    similarity, identical = ((across / length) ** 2 if length else 0.0), float(p == q)
    same = (1.0 if line == other else LINE_CORRELATION) * (similarity + SELF_COVARIANCE * identical) * float(g == h)
    vectors = float(kernel.factors[g].astype(float) @ kernel.factors[h].astype(float))
    factor = PAIR_WEIGHT * (1.0 if line == other else PAIR_LINE_CORRELATION)
    return same, factor * (similarity + identical) * vectors


def test_weights_and_predictions_are_the_formula(kernel: PerturbationKernel) -> None:
    pairs = _pairs(0)
    perts, genes, lines = pairs.perts, pairs.genes, pairs.lines
    rng = np.random.default_rng(1)
    base_rate = rng.uniform(0.005, 0.6, len(perts))
    labels = (rng.random(len(perts)) < 0.4).astype(float)
    labels[genes == GENES[3]] = 0.0
    found = solve(kernel, pairs, labels - base_rate, base_rate, tolerance=1e-6)
    assert not found[genes == GENES[3]].any(), "a gene that never changed is left out"
    kept = np.flatnonzero(genes != GENES[3])
    rows = [(int(perts[i]), int(genes[i]), int(lines[i])) for i in kept]
    covariance = np.array([[sum(_covariance(kernel, one, two)) for two in rows] for one in rows])
    spread = np.maximum(base_rate * (1 - base_rate), MIN_VARIANCE)[kept]
    expected = np.linalg.solve(covariance + np.diag(1 / spread), (labels - base_rate)[kept] / spread)
    np.testing.assert_allclose(found[kept], expected, atol=1e-3 * np.abs(expected).max())

    columns = np.array(GENES, dtype=np.int32)
    split = [lines == 0, lines == 1]
    rows_by_line = [(perts[mine], genes[mine]) for mine in split]
    for own in (0, 1, -1):
        predictor = PairRegression(kernel, columns, rows_by_line, [found[mine] for mine in split], own)
        subjects = np.array([2, 17, 5], dtype=np.int32)
        for pert in subjects.tolist():
            same, similar = predictor.predict(pert, kernel.similarity([pert])[0], np.arange(len(GENES)))
            for c, gene in enumerate(GENES):
                terms = [
                    np.multiply(_covariance(kernel, (pert, gene, own), row), weight)
                    for row, weight in zip(rows, found[kept].tolist(), strict=True)
                ]
                np.testing.assert_allclose((same[c], similar[c]), np.sum(terms, axis=0), atol=2e-4)


def test_without_any_change_all_weights_are_zero(kernel: PerturbationKernel) -> None:
    pairs = _pairs(2)
    base_rate = np.full(len(pairs.perts), 0.1)
    assert not solve(kernel, pairs, -base_rate, base_rate).any()
    none = Pairs(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert solve(kernel, none, np.zeros(0), np.zeros(0)).shape == (0,)


def test_other_labels_of_a_gene_pull_towards_them(kernel: PerturbationKernel) -> None:
    perts, genes, lines = (np.array(column) for column in ([0, 1, 2, 3], [20] * 4, [0] * 4))
    base_rate = np.full(4, 0.3)
    labels = np.array([1.0, 0.0, 0.0, 0.0])
    weights = solve(kernel, Pairs(perts, genes, lines), labels - base_rate, base_rate)
    assert weights[0] > 0 > weights[1:].max()


def test_a_solver_that_is_stopped_early_warns(kernel: PerturbationKernel) -> None:
    pairs = _pairs(3)
    labels = (np.random.default_rng(0).random(len(pairs.perts)) < 0.4).astype(float)
    base_rate = np.full(len(labels), 0.4)
    with pytest.warns(ConvergenceWarning, match=r"no convergence in 1 iterations .*tolerance 1.0e-06"):
        solve(kernel, pairs, labels - base_rate, base_rate, tolerance=1e-6, max_iterations=1)
