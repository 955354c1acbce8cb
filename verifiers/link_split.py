"""What the link predictor may see and what it must foretell: message edges, supervision pairs, validation pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rbio_kg.graph.compilation import order_by_content
from rbio_kg.graph.csr import Csr, build_csr
from rbio_kg.graph.kernels import ancestor_closure
from rbio_kg.graph.snapshot import Snapshot
from verifiers.sampling import Pairs, degree_matched, false_pairs, is_known, keys_of, walk

RELATIONS = ("interacts_with", "regulates", "terms", "pathways")
"""What is learned; `terms` and `pathways` are the two kinds of object of takes_part_in."""

SUPERVISION_SHARE = 0.10
VALIDATION_SHARE = 0.05
NEGATIVES = 4
"""False pairs for a true one, half random and half hard: a base rate of one in five."""
MOST_SUPERVISION = 16_000
MOST_VALIDATION = 8_000

Indices = NDArray[np.int32]


@dataclass(eq=False)
class MessageGraph:
    """The graph without the held-out edges; the same arrays as a snapshot, by the same names."""

    interactions: Csr
    regulates: Csr
    regulated_by: Csr
    annotations: Csr
    closure: Csr
    term_genes: Csr
    memberships: Csr
    pathway_genes: Csr
    pathway_sizes: NDArray[np.int32]
    information_content: NDArray[np.float32]


@dataclass(frozen=True)
class LabelledPairs:
    """True and false pairs of one relation.

    Args:
        a: int32 (n,), subjects.
        b: int32 (n,), objects.
        labels: int8 (n,), 1 true, 0 false.
        hard: bool (n,), false pairs that were matched by degree or by a short walk.
    """

    a: Indices
    b: Indices
    labels: NDArray[np.int8]
    hard: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True)
class LinkSplit:
    """Message edges, and for each relation pairs to learn from and pairs to measure with: three disjoint sets."""

    graph: MessageGraph
    supervision: dict[str, LabelledPairs]
    validation: dict[str, LabelledPairs]


def split_graph(snapshot: Snapshot, rng: np.random.Generator) -> LinkSplit:
    """Hold edges out and draw false pairs against all true ones, the held-out ones included.

    An undirected edge is held out in both directions. A held-out annotation takes with it the ancestors that only it
    implied; the pairs of gene and term that vanish are the true pairs of `terms`.
    """
    s = snapshot
    genes, terms, pathways = len(s.genes), len(s.terms), len(s.pathways)
    interactions, linked = _hold_out(s.interactions, rng, undirected=True)
    regulates, regulating = _hold_out(s.regulates, rng, undirected=False)
    regulating = [(a[a != b], b[a != b]) for a, b in regulating]  # a gene's regulation of itself is no pair to judge
    memberships, joining = _hold_out(s.memberships, rng, undirected=False)
    codes = _codes(rng, len(s.annotations.indices))
    message_annotations = _kept(s.annotations, codes == 0)
    closure = _close(message_annotations, s)
    wider = _close(_kept(s.annotations, codes != 2), s)
    having = [_lost(wider, closure), _lost(s.closure, wider)]

    members = memberships.transpose(pathways)
    graph = MessageGraph(
        interactions=interactions,
        regulates=regulates,
        regulated_by=regulates.transpose(genes),
        annotations=message_annotations,
        closure=closure,
        term_genes=closure.transpose(terms),
        memberships=memberships,
        pathway_genes=members,
        pathway_sizes=members.degrees.astype(np.int32),
        information_content=s.information_content,
    )
    sampler = _Sampler(s, graph, rng)
    true = dict(zip(RELATIONS, (linked, regulating, having, joining), strict=True))
    caps = (MOST_SUPERVISION, MOST_VALIDATION)
    drawn = [{name: sampler.label(name, pairs[i], caps[i]) for name, pairs in true.items()} for i in (0, 1)]
    return LinkSplit(graph, drawn[0], drawn[1])


class _Sampler:
    """Draws false pairs of each relation: random ones, and hard ones by degree and by a short walk."""

    def __init__(self, full: Snapshot, graph: MessageGraph, rng: np.random.Generator) -> None:
        self.rng = rng
        self.graph = graph
        self.known = {
            "interacts_with": keys_of(full.interactions),
            "regulates": keys_of(full.regulates),
            "terms": keys_of(full.closure),
            "pathways": keys_of(full.memberships),
        }
        g = graph
        self.pools = {
            "interacts_with": _present(g.interactions.degrees),
            "regulates": _present(g.interactions.degrees + g.regulated_by.degrees),
            "terms": _present(g.annotations.degrees),
            "pathways": _present(g.memberships.degrees),
        }

    def label(self, name: str, true: Pairs, most: int) -> LabelledPairs:
        """Up to `most` of the true pairs with `NEGATIVES` false ones each."""
        chosen = np.sort(self.rng.permutation(len(true[0]))[:most])
        a, b = true[0][chosen], true[1][chosen]
        sets = [(a, b)]
        if len(a) and len(self.pools[name]):
            for draw in (self._random(name, a, b), self._hard(name, a, b)):
                count = len(a) * NEGATIVES // 2
                sets.append(false_pairs(draw, count, self.known[name], self_pairs=name in ("terms", "pathways")))
        sizes = [len(pairs[0]) for pairs in sets]
        return LabelledPairs(
            np.concatenate([pairs[0] for pairs in sets]),
            np.concatenate([pairs[1] for pairs in sets]),
            np.repeat(np.array([1, 0, 0], dtype=np.int8)[: len(sets)], sizes),
            np.repeat(np.array([False, False, True])[: len(sets)], sizes),
        )

    def _random(self, name: str, a: Indices, b: Indices) -> Callable[[NDArray[np.int64]], Pairs]:
        pool, rng = self.pools[name], self.rng

        def draw(where: NDArray[np.int64]) -> Pairs:
            fresh = rng.choice(pool, len(where)).astype(np.int32)
            if name == "interacts_with":
                return rng.choice(pool, len(where)).astype(np.int32), fresh
            if name == "regulates":
                return a[where % len(a)], fresh
            return fresh, b[where % len(b)]

        return draw

    def _hard(self, name: str, a: Indices, b: Indices) -> Callable[[NDArray[np.int64]], Pairs]:
        g, rng, pool = self.graph, self.rng, self.pools[name]
        ways = {
            "interacts_with": (g.interactions, g.interactions),
            "regulates": (g.regulates, g.regulated_by, g.regulates),
            "terms": (g.term_genes, g.interactions),
            "pathways": (g.pathway_genes, g.interactions),
        }
        degrees = g.regulated_by.degrees if name == "regulates" else g.interactions.degrees

        def draw(where: NDArray[np.int64]) -> Pairs:
            kept, moved = (a, b) if name in ("interacts_with", "regulates") else (b, a)
            kept, moved = kept[where % len(a)], moved[where % len(a)]
            walked = walk(rng, kept, ways[name])
            matched = degree_matched(rng, moved, degrees, pool)
            fresh = np.where((where % 2 == 0) | (walked < 0), matched, walked).astype(np.int32)
            return (kept, fresh) if name in ("interacts_with", "regulates") else (fresh, kept)

        return draw


def _hold_out(csr: Csr, rng: np.random.Generator, *, undirected: bool) -> tuple[Csr, list[Pairs]]:
    """The message edges, then the supervision and the validation pairs."""
    rows, columns = csr.rows(), csr.indices
    if undirected:
        entries = np.flatnonzero(rows < columns)
        codes = _codes(rng, len(entries))
        kept = entries[codes == 0]
        start, end = rows[kept], columns[kept]
        weights = np.tile(csr.weights[kept], 2)
        message = build_csr(len(csr), np.concatenate((start, end)), np.concatenate((end, start)), weights)
    else:
        entries = np.arange(len(columns))
        codes = _codes(rng, len(entries))
        message = _kept(csr, codes == 0)
    held = [entries[codes == code] for code in (1, 2)]
    return message, [(rows[part], columns[part]) for part in held]


def _codes(rng: np.random.Generator, count: int) -> NDArray[np.int8]:
    """0 message, 1 supervision, 2 validation for each edge."""
    draw = rng.random(count)
    return np.where(draw < VALIDATION_SHARE, 2, np.where(draw < VALIDATION_SHARE + SUPERVISION_SHARE, 1, 0)).astype(
        np.int8
    )


def _kept(csr: Csr, mask: NDArray[np.bool_]) -> Csr:
    return build_csr(len(csr), csr.rows()[mask], csr.indices[mask], csr.weights[mask])


def _close(annotations: Csr, snapshot: Snapshot) -> Csr:
    parents = snapshot.term_parents
    indptr, indices = ancestor_closure(annotations.indptr, annotations.indices, parents.indptr, parents.indices)
    return order_by_content(indptr, indices, annotations, snapshot.information_content)


def _lost(wide: Csr, narrow: Csr) -> Pairs:
    """Entries of the wide matrix that the narrow one lacks."""
    rows, columns = wide.rows(), wide.indices
    gone = ~is_known(keys_of(narrow), rows, columns)
    return rows[gone], columns[gone]


def _present(degrees: NDArray[np.int64]) -> Indices:
    return np.flatnonzero(degrees).astype(np.int32)
