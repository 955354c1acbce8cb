"""Where a true link ranks among false ones: filtered candidates, explicit ties, chance-corrected measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.verifiers.link_predictor.negatives import GROUPS, Negatives
from rbio_kg.verifiers.stats.negatives import Pairs, is_known

TIES = ("optimistic", "realistic", "pessimistic")


@dataclass(frozen=True)
class Ranks:
    """Ranks of n true links, 1 the best.

    Args:
        optimistic: float (n,), a tied candidate is counted as worse.
        pessimistic: float (n,), a tied candidate is counted as better.
        size: int (n,), how many were ranked, the true one included.
    """

    optimistic: FloatArray
    pessimistic: FloatArray
    size: NDArray[np.int64]

    @property
    def realistic(self) -> FloatArray:
        """The mean of the two: what ties broken by chance give on average."""
        return (self.optimistic + self.pessimistic) / 2.0

    def measures(self, ties: str = "realistic", hits: Sequence[int] = (1, 3, 10)) -> dict[str, float]:
        """Mean reciprocal rank, shares of ranks up to k, and the adjusted mean rank index, -1 to 1.

        The index is 1 - (mean rank - 1) / (its expectation under random scores), 0 for a random and at most 0 for a
        constant scorer with pessimistic ties (Berrendorf et al. 2020). NaN where nothing was ranked.
        """
        rank = {"optimistic": self.optimistic, "realistic": self.realistic, "pessimistic": self.pessimistic}[ties]
        if not len(rank):
            return dict.fromkeys(("mrr", *(f"hits@{k}" for k in hits), "amri"), float("nan"))
        chance = float(np.mean((self.size - 1) / 2.0))
        return {
            "mrr": float(np.mean(1.0 / rank)),
            **{f"hits@{k}": float(np.mean(rank <= k)) for k in hits},
            "amri": 1.0 - float(np.mean(rank - 1.0)) / chance if chance else float("nan"),
        }


def ranks(true: ArrayLike, candidates: ArrayLike, allowed: ArrayLike) -> Ranks:
    """Rank each true score among the scores of its allowed candidates; larger is better.

    Args:
        true: (n,).
        candidates: (n, k).
        allowed: bool (n, k), False for candidates that are filtered out.

    Raises:
        ValueError: the arrays do not have the same shape, or a score that counts is not a number.
    """
    score, others, keep = np.asarray(true, float), np.asarray(candidates, float), np.asarray(allowed, dtype=np.bool_)
    if score.ndim != 1 or others.shape != keep.shape or others.shape[:1] != score.shape:
        raise ValueError(f"true {score.shape}, candidates {others.shape} and allowed {keep.shape} do not fit")
    if np.isnan(score).any() or np.isnan(others[keep]).any():
        raise ValueError("a score is not a number")
    better = ((others > score[:, None]) & keep).sum(axis=1)
    tied = ((others == score[:, None]) & keep).sum(axis=1)
    return Ranks(1.0 + better, 1.0 + better + tied, keep.sum(axis=1) + 1)


@dataclass(frozen=True)
class Questions:
    """Held-out links with the candidates that may stand in an end's place: first the object's, then the subject's.

    Args:
        true: the links, int32 (n,) each.
        a, b: int32 (2n, k), the pairs that compete with each link.
        allowed: bool (2n, k), False where such a pair is itself true, a self-pair or drawn twice.
    """

    true: Pairs
    a: Indices
    b: Indices
    allowed: NDArray[np.bool_]

    def pairs(self) -> Pairs:
        """Every pair to score, int32 (n + 2nk,): the links, then all candidates row by row."""
        return np.concatenate((self.true[0], self.a.ravel())), np.concatenate((self.true[1], self.b.ravel()))

    def ranks(self, scores: FloatArray) -> Ranks:
        """From the scores of `pairs()`."""
        count = len(self.true[0])
        return ranks(np.tile(scores[:count], 2), scores[count:].reshape(self.a.shape), self.allowed)


def questions(rng: np.random.Generator, negatives: Negatives, name: str, true: Pairs, candidates: int) -> Questions:
    """Draw the candidates of each link once, to be put to every model: `candidates` for its object, as many for its
    subject, uniformly from all that have an edge; true ones, held-out ones among them, are filtered.
    """
    a, b = (np.repeat(end[:, None], candidates, axis=1) for end in true)
    shape = a.shape
    fresh_b = rng.choice(negatives.objects[name], shape).astype(np.int32)
    fresh_a = rng.choice(negatives.subjects[name], shape).astype(np.int32)
    first, second = np.concatenate((a, fresh_a)), np.concatenate((fresh_b, b))
    allowed = ~is_known(negatives.known[name], first.ravel(), second.ravel()).reshape(first.shape)
    if name not in GROUPS:
        allowed &= first != second
    allowed &= _first_of_each(np.concatenate((fresh_b, fresh_a)))
    return Questions(true, first, second, allowed)


def _first_of_each(drawn: Indices) -> NDArray[np.bool_]:
    """For each row, True where a value stands for the first time."""
    order = np.argsort(drawn, axis=1, kind="stable")
    ordered = np.take_along_axis(drawn, order, axis=1)
    new = np.ones(drawn.shape, dtype=np.bool_)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    out = np.empty_like(new)
    np.put_along_axis(out, order, new, axis=1)
    return out
