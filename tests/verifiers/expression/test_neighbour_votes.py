"""Votes against a slow, obvious loop."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rbio_kg.verifiers.expression.neighbour_votes import (
    SHRINK_NARROW,
    SHRINK_WIDE,
    LabelledPairs,
    NeighbourVoter,
)
from rbio_kg.verifiers.expression.similarity import Profiles, gene_profiles
from rbio_kg.verifiers.splits import fold_of
from rbio_kg.verifiers.stats.probability import PRIOR_ROWS
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    tables = small_tables(seed=1, genes=40)
    return gene_profiles(tables, tables["genes"]["symbol"].to_list())


def _rows(seed: int, perts: range, genes: range) -> LabelledPairs:
    rng = np.random.default_rng(seed)
    pairs = [(p, g) for p in perts for g in genes if rng.random() < 0.6]
    perts_, genes_ = (np.array(column, dtype=np.int32) for column in zip(*pairs, strict=True))
    return LabelledPairs(perts_, genes_, (rng.random(len(pairs)) < 0.35).astype(float))


def _base_rates(rows: LabelledPairs, columns: range) -> dict[int, float]:
    base = (rows.labels.sum() + 1) / (len(rows) + 2)
    found = {}
    for gene in columns:
        mine = rows.labels[rows.genes == gene]
        found[gene] = (mine.sum() + PRIOR_ROWS * base) / (len(mine) + PRIOR_ROWS)
    return found


def _vote(
    profiles: Profiles,
    rows: LabelledPairs,
    base_rate: dict[int, float],
    pert: int,
    gene: int,
    power: int,
    shrink: float,
) -> float:
    above = below = 0.0
    for other, label in zip(rows.perts[rows.genes == gene], rows.labels[rows.genes == gene], strict=True):
        if other != pert:
            weight = float(profiles.similarity(np.array([pert]), np.array([other]))[0, 0]) ** power
            above += weight * (label - base_rate[gene])
            below += weight
    return above / (below + shrink)


def _all(voter: NeighbourVoter, subjects: NDArray[np.int32]) -> NDArray[np.float64]:
    """Features (subjects, columns, names)."""
    perts, genes = np.repeat(subjects, len(voter.columns)), np.tile(voter.columns, len(subjects))
    return voter.features(perts, genes).reshape(len(subjects), len(voter.columns), -1)


def test_votes_are_the_formula(profiles: Profiles) -> None:
    columns = range(20, 32)
    rows, other = _rows(0, range(10), columns), _rows(1, range(5, 15), columns)
    voter = NeighbourVoter(profiles, rows, np.array(columns, dtype=np.int32), [other], use_same_perturbation=True)
    subjects = np.array([0, 7, 17], dtype=np.int32)
    found = _all(voter, subjects)
    base_rate, other_rates = _base_rates(rows, columns), _base_rates(other, columns)
    for s, pert in enumerate(subjects.tolist()):
        for c, gene in enumerate(columns):
            part = dict(zip(voter.names, found[s, c], strict=True))
            assert part["base_rate"] == pytest.approx(np.log(base_rate[gene] / (1 - base_rate[gene])))
            assert part["vote"] == pytest.approx(_vote(profiles, rows, base_rate, pert, gene, 4, SHRINK_NARROW))
            assert part["wide_vote"] == pytest.approx(_vote(profiles, rows, base_rate, pert, gene, 2, SHRINK_WIDE))
            assert part["other_lines"] == pytest.approx(
                _vote(profiles, other, other_rates, pert, gene, 4, SHRINK_NARROW)
            )
            assert part["direct"] == pytest.approx(profiles.similarity(np.array([pert]), np.array([gene]))[0, 0])
            own = other.labels[(other.perts == pert) & (other.genes == gene)]
            assert part["same_perturbation"] == pytest.approx(own[0] - other_rates[gene] if len(own) else 0.0)


def test_the_features_of_a_pair_do_not_depend_on_the_batch(profiles: Profiles) -> None:
    columns = np.arange(20, 40, dtype=np.int32)
    voter = NeighbourVoter(profiles, _rows(2, range(12), range(20, 40)), columns)
    perts, genes = np.repeat(np.arange(18, dtype=np.int32), 20), np.tile(columns, 18)
    together = voter.features(perts, genes)
    mixed = np.random.default_rng(0).permutation(len(perts))
    np.testing.assert_allclose(voter.features(perts[mixed], genes[mixed]), together[mixed], rtol=0, atol=1e-12)
    for row in range(0, len(perts), 7):
        np.testing.assert_allclose(
            voter.features(perts[row : row + 1], genes[row : row + 1])[0], together[row], rtol=0, atol=1e-12
        )
    assert voter.features(perts[:0], genes[:0]).shape == (0, len(voter.names))


def test_a_knockdown_never_votes_for_itself(profiles: Profiles) -> None:
    columns = np.arange(20, 40, dtype=np.int32)
    rows = _rows(3, range(12), range(20, 40))
    alone = LabelledPairs(*(column[rows.perts == 4] for column in (rows.perts, rows.genes, rows.labels)))
    only_self = _all(NeighbourVoter(profiles, alone, columns), np.array([4], dtype=np.int32))[0]
    assert not only_self[:, 1:4].any() and not only_self[:, 5].any()


def test_folds_are_even_and_depend_on_the_seed() -> None:
    names = [f"GENE{i}" for i in range(2000)]
    counts = np.bincount([fold_of(name, 0) for name in names], minlength=10)
    assert counts.min() > 150 and counts.max() < 250
    assert [fold_of(name, 0) for name in names] != [fold_of(name, 1) for name in names]
