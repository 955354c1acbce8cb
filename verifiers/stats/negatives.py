"""Negatives for fitting and measuring: drawn against every true pair of the graph, some of them hard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import Indices
from rbio_kg.graph.snapshot.csr import Csr

Keys = NDArray[np.int64]
Pairs = tuple[Indices, Indices]

_ROUNDS = 20


def keys_of(csr: Csr) -> Keys:
    """Each entry as one number, row * 2^32 + column, ascending: the set to draw false pairs against."""
    return np.sort((csr.rows().astype(np.int64) << 32) | csr.indices)


def is_known(keys: Keys, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether (a, b) is among the keys, bool (n,)."""
    if not len(keys):
        return np.zeros(len(a), dtype=np.bool_)
    wanted = (np.asarray(a, np.int64) << 32) | np.asarray(b, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    known: NDArray[np.bool_] = keys[place] == wanted
    return known


def pair_negatives(rng: np.random.Generator, a: Indices, b: Indices, pool: Indices, known: Keys) -> Pairs:
    """False gene pairs in place of the true pairs (a, b): every other one keeps its subject and takes the object of
    another true pair, the rest take both ends from `pool`.

    Args:
        a, b: int32 (n,), ends of true pairs.
        pool: genes to draw from.
        known: keys of all true pairs, in both directions where the relation has none.

    A draw that stays a true pair or a self-pair after 20 rounds is left out.
    """
    if not len(a) or not len(pool):
        return a[:0], b[:0]
    matched = np.arange(len(a)) % 2 == 0

    def draw(where: NDArray[np.int64]) -> Pairs:
        keeps = matched[where]
        subject = np.where(keeps, a[where], rng.choice(pool, len(where)))
        other = np.where(keeps, b[rng.integers(0, len(b), len(where))], rng.choice(pool, len(where)))
        return subject.astype(np.int32), other.astype(np.int32)

    return false_pairs(draw, len(a), known)


def group_negatives(rng: np.random.Generator, group: Indices, pool: Indices, known: Keys) -> Pairs:
    """False pairs of a gene and a group: the groups given, each with a gene of `pool` that does not belong to it.

    Args:
        group: int32 (n,), a group for each draw.
        pool: genes to draw from.
        known: keys of all true pairs (gene, group), those by ancestors included.
    """
    if not len(group) or not len(pool):
        return group[:0], group[:0]

    def draw(where: NDArray[np.int64]) -> Pairs:
        return rng.choice(pool, len(where)).astype(np.int32), group[where]

    return false_pairs(draw, len(group), known, self_pairs=True)


def false_pairs(
    draw: Callable[[NDArray[np.int64]], Pairs], count: int, known: Keys, *, self_pairs: bool = False
) -> Pairs:
    """Draw pairs, and draw the true ones again, until all are false; those still true after 20 rounds are left out.

    Args:
        draw: given positions (n,) among the pairs wanted, gives a pair for each; -1 for a draw that failed.
        count: how many pairs are wanted.
        known: keys of all true pairs.
        self_pairs: whether (i, i) may be drawn, as where the two ends are of different labels.
    """
    a, b = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int32)
    wrong = np.arange(count)
    for _ in range(_ROUNDS):
        a[wrong], b[wrong] = draw(wrong)
        bad = is_known(known, a[wrong], b[wrong]) | (a[wrong] < 0) | (b[wrong] < 0)
        if not self_pairs:
            bad |= a[wrong] == b[wrong]
        wrong = wrong[bad]
        if not len(wrong):
            break
    keep = np.ones(count, dtype=np.bool_)
    keep[wrong] = False
    return a[keep], b[keep]


def degree_matched(
    rng: np.random.Generator, genes: Indices, degrees: NDArray[np.int64], pool: Indices, width: float = 0.01
) -> Indices:
    """For each gene one of `pool` of about its degree: within `width` of the pool's ranks, at least 3 either way."""
    ranked = pool[np.lexsort((pool, degrees[pool]))]
    place = np.searchsorted(degrees[ranked], degrees[genes], side="left")
    ties = np.searchsorted(degrees[ranked], degrees[genes], side="right") - place
    place = place + rng.integers(0, np.maximum(ties, 1))
    reach = max(3, round(width * len(pool)))
    place = np.clip(place + rng.integers(-reach, reach + 1, len(genes)), 0, len(pool) - 1)
    out: Indices = ranked[place]
    return out


def walk(rng: np.random.Generator, start: Indices, steps: Sequence[Csr]) -> Indices:
    """Where a random walk ends that takes one step in each matrix; -1 where it cannot go on."""
    at = start.astype(np.int64)
    for csr in steps:
        alive = at >= 0
        degree = np.where(alive, csr.degrees[np.where(alive, at, 0)], 0)
        position = csr.indptr[np.where(alive, at, 0)] + rng.integers(0, np.maximum(degree, 1))
        moved = csr.indices[np.minimum(position, max(len(csr.indices) - 1, 0))] if len(csr.indices) else at
        at = np.where(degree > 0, moved, -1)
    return at.astype(np.int32)
