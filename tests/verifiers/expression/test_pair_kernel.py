"""The kernel regression against its dense formula."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rbio_kg.verifiers.expression import pair_kernel as regression
from rbio_kg.verifiers.expression.pair_kernel import (
    ACROSS,
    LEAST_SPREAD,
    PAIR,
    PAIR_ACROSS,
    SELF,
    PairRegression,
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
def known(profiles: Profiles) -> PerturbationKernel:
    return PerturbationKernel(profiles, np.array(PERTS, dtype=np.int32), gene_factors(profiles, np.array(GENES)))


def _pairs(seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    rows = [(p, g, line) for line in range(2) for p in PERTS for g in GENES if rng.random() < 0.4]
    perts, genes, lines = zip(*rows, strict=True)
    return np.array(perts, np.int32), np.array(genes, np.int32), np.array(lines, np.int64)


def _covariance(known: PerturbationKernel, one: tuple[int, int, int], two: tuple[int, int, int]) -> tuple[float, float]:
    """The two terms of the module's formula, spelled out."""
    (p, g, line), (q, h, other) = one, two
    dense = known.profiles.matrix.toarray().astype(float)
    across = float(dense[p] @ dense[q])
    length = float(np.linalg.norm(dense[p]) * np.linalg.norm(dense[q]))
    like, itself = ((across / length) ** 2 if length else 0.0), float(p == q)
    same = (1.0 if line == other else ACROSS) * (like + SELF * itself) * float(g == h)
    vectors = float(known.factors[g].astype(float) @ known.factors[h].astype(float))
    return same, PAIR * (1.0 if line == other else PAIR_ACROSS) * (like + itself) * vectors


def test_weights_and_answers_are_the_formula(known: PerturbationKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regression, "_TOLERANCE", 1e-6)
    perts, genes, lines = pairs = _pairs(0)
    rng = np.random.default_rng(1)
    base_rate = rng.uniform(0.005, 0.6, len(perts))
    labels = (rng.random(len(perts)) < 0.4).astype(float)
    labels[genes == GENES[3]] = 0.0
    found = solve(known, pairs, labels - base_rate, base_rate)
    assert not found[genes == GENES[3]].any(), "a gene that never changed is left out"
    kept = np.flatnonzero(genes != GENES[3])
    rows = [(int(perts[i]), int(genes[i]), int(lines[i])) for i in kept]
    covariance = np.array([[sum(_covariance(known, one, two)) for two in rows] for one in rows])
    spread = np.maximum(base_rate * (1 - base_rate), LEAST_SPREAD)[kept]
    expected = np.linalg.solve(covariance + np.diag(1 / spread), (labels - base_rate)[kept] / spread)
    np.testing.assert_allclose(found[kept], expected, atol=1e-3 * np.abs(expected).max())

    columns = np.array(GENES, dtype=np.int32)
    split = [lines == 0, lines == 1]
    told = [(perts[mine], genes[mine]) for mine in split]
    for own in (0, 1, -1):
        answering = PairRegression(known, columns, told, [found[mine] for mine in split], own)
        subjects = np.array([2, 17, 5], dtype=np.int32)
        for pert in subjects.tolist():
            same, alike = answering.answers(pert, known.similarity([pert])[0], np.arange(len(GENES)))
            for c, gene in enumerate(GENES):
                terms = [
                    np.multiply(_covariance(known, (pert, gene, own), row), weight)
                    for row, weight in zip(rows, found[kept].tolist(), strict=True)
                ]
                np.testing.assert_allclose((same[c], alike[c]), np.sum(terms, axis=0), atol=2e-4)


def test_nothing_changed_means_nothing_to_say(known: PerturbationKernel) -> None:
    pairs = _pairs(2)
    base_rate = np.full(len(pairs[0]), 0.1)
    assert not solve(known, pairs, -base_rate, base_rate).any()
    none = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert solve(known, none, np.zeros(0), np.zeros(0)).shape == (0,)


def test_other_labels_of_a_gene_pull_towards_them(known: PerturbationKernel) -> None:
    perts, genes, lines = (np.array(column) for column in ([0, 1, 2, 3], [20] * 4, [0] * 4))
    base_rate = np.full(4, 0.3)
    labels = np.array([1.0, 0.0, 0.0, 0.0])
    weights = solve(known, (perts, genes, lines), labels - base_rate, base_rate)
    assert weights[0] > 0 > weights[1:].max()
