from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.link_predictor.negatives import RELATIONS
from rbio_kg.verifiers.link_predictor.ranking import TIES, questions, ranks
from rbio_kg.verifiers.link_predictor.split import LinkSplit, split_graph
from tests.support.graphs import small_tables

SCORES = arrays(np.float64, (6, 9), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0]))
ALLOWED = arrays(np.bool_, (6, 9))
TRUE = arrays(np.float64, 6, elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0]))


def slow_rank(true: float, others: list[float], ties: str) -> float:
    """Sort, and look where the true one may stand."""
    ordered = sorted([true, *others], reverse=True)
    first = ordered.index(true) + 1
    last = len(ordered) - ordered[::-1].index(true)
    return {"optimistic": first, "realistic": (first + last) / 2, "pessimistic": last}[ties]


@given(TRUE, SCORES, ALLOWED)
def test_ranks_and_measures_are_those_of_sorting(true: np.ndarray, scores: np.ndarray, allowed: np.ndarray) -> None:
    found = ranks(true, scores, allowed)
    for ties in TIES:
        expected = [slow_rank(t, row[keep].tolist(), ties) for t, row, keep in zip(true, scores, allowed, strict=True)]
        np.testing.assert_array_equal(getattr(found, ties), expected)
        measured = found.measures(ties)
        assert measured["mrr"] == pytest.approx(sum(1 / rank for rank in expected) / 6)
        assert measured["hits@3"] == sum(rank <= 3 for rank in expected) / 6
        chance = sum((1 + keep.sum() + 1) / 2 for keep in allowed) / 6
        if chance > 1:
            assert measured["amri"] == pytest.approx(1 - (sum(expected) / 6 - 1) / (chance - 1))


def test_a_constant_scorer_does_not_look_good() -> None:
    found = ranks(np.zeros(5), np.zeros((5, 99)), np.ones((5, 99), dtype=bool))
    assert found.measures("realistic")["amri"] == pytest.approx(0.0)
    assert found.measures("pessimistic")["mrr"] == pytest.approx(0.01)
    assert found.measures("optimistic")["mrr"] == 1.0, "why ties are never counted for the scorer"


def test_scores_that_cannot_be_ranked() -> None:
    with pytest.raises(ValueError, match="not a number"):
        ranks([0.0], [[np.nan]], [[True]])
    assert ranks([0.0], [[np.nan]], [[False]]).size.tolist() == [1]
    with pytest.raises(ValueError, match="do not fit"):
        ranks([0.0, 1.0], [[0.0]], [[True]])


# PyKEEN and what it imports call what torch and others deprecate.
@pytest.mark.filterwarnings("ignore")
def test_ranks_are_those_of_pykeen() -> None:
    pytest.importorskip("pykeen", reason="PyKEEN comes with the bench extra")
    import torch
    from pykeen.evaluation.ranks import Ranks as Peer
    from pykeen.metrics.ranking import AdjustedArithmeticMeanRankIndex, HitsAtK, InverseHarmonicMeanRank

    rng = np.random.default_rng(0)
    scores, true = rng.integers(0, 12, (200, 40)).astype(float), rng.integers(0, 12, 200).astype(float)
    allowed = rng.random(scores.shape) < 0.8
    found = ranks(true, scores, allowed)
    # PyKEEN wants the true one among the candidates, and what is filtered as NaN.
    every = np.concatenate((true[:, None], np.where(allowed, scores, np.nan)), axis=1)
    peer = Peer.from_scores(torch.from_numpy(true[:, None]), torch.from_numpy(every))
    for ties in TIES:
        np.testing.assert_allclose(getattr(found, ties), getattr(peer, ties).numpy())
    rank, size = found.realistic, found.size
    assert found.measures()["mrr"] == pytest.approx(InverseHarmonicMeanRank()(rank, size))
    assert found.measures()["hits@10"] == pytest.approx(HitsAtK(10)(rank, size))
    assert found.measures()["amri"] == pytest.approx(AdjustedArithmeticMeanRankIndex()(rank, size))


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> LinkSplit:
    directory = tmp_path_factory.mktemp("build") / "snapshot"
    write_snapshot(small_tables(5, genes=240), directory, "build-1")
    return split_graph(Snapshot.open(directory), np.random.default_rng(0), 0.1)


@pytest.mark.parametrize("relation", RELATIONS)
def test_candidates_are_false_and_drawn_once(split: LinkSplit, relation: str) -> None:
    true = split.test[relation]
    ranking = questions(np.random.default_rng(1), split.negatives, relation, true, 30)
    count = len(true[0])
    assert ranking.a.shape == ranking.b.shape == ranking.allowed.shape == (2 * count, 30)
    keys = set(split.negatives.known[relation].tolist())
    for row in range(2 * count):
        keep = ranking.allowed[row]
        pairs = list(zip(ranking.a[row][keep].tolist(), ranking.b[row][keep].tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)
        assert not {(a << 32) | b for a, b in pairs} & keys
        fixed = {a for a, _ in pairs} if row < count else {b for _, b in pairs}
        assert fixed <= {int(true[0 if row < count else 1][row % count])}
    a, _ = ranking.pairs()
    best = ranking.ranks(np.where(np.arange(len(a)) < count, 1.0, 0.0))
    assert (best.pessimistic == 1).all()
    np.testing.assert_array_equal(ranking.a, questions(np.random.default_rng(1), split.negatives, relation, true, 30).a)
