"""False pairs of each relation: random ones, and hard ones matched by degree or by a short walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import Indices
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.verifiers.graph_path.features import PathGraph
from rbio_kg.verifiers.stats.negatives import Keys, Pairs, degree_matched, false_pairs, is_known, keys_of, walk

RELATIONS = ("interacts_with", "regulates", "terms", "pathways")
"""What is learned; `terms` and `pathways` are the two kinds of object of takes_part_in."""
GROUPS = ("terms", "pathways")
"""Relations whose objects are no genes."""

Kind = Literal["random", "degree", "two_hop"]
KINDS: tuple[Kind, ...] = ("random", "degree", "two_hop")


@dataclass(frozen=True)
class LabelledPairs:
    """True and false pairs of one relation.

    Args:
        a: int32 (n,), subjects.
        b: int32 (n,), objects.
        labels: int8 (n,), 1 true, 0 false.
        kinds: int8 (n,), -1 for true pairs, else the position in `KINDS` of how it was drawn.
    """

    a: Indices
    b: Indices
    labels: NDArray[np.int8]
    kinds: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.a)

    @property
    def hard(self) -> NDArray[np.bool_]:
        """False pairs that were matched by degree or by a short walk, bool (n,)."""
        return self.kinds > 0

    @property
    def true(self) -> Pairs:
        """The true pairs."""
        return self.a[self.labels == 1], self.b[self.labels == 1]


def true_keys(full: PathGraph) -> dict[str, Keys]:
    """Keys of every true pair of a graph, by relation; those that a hierarchy implies included."""
    return {
        "interacts_with": keys_of(full.interactions),
        "regulates": keys_of(full.regulates),
        "terms": keys_of(full.closure),
        "pathways": keys_of(full.memberships),
    }


class Negatives:
    """Draws false pairs against all true ones, held-out ones and those that a hierarchy implies included.

    Args:
        known: keys of every true pair, by relation (see `true_keys`).
        graph: what is known: degrees and walks are of this graph, and who has no edge in it is not drawn.
    """

    def __init__(self, known: Mapping[str, Keys], graph: PathGraph) -> None:
        self.known = known
        self.graph = g = graph
        degrees = g.interactions.degrees
        self.subjects: dict[str, Indices] = {
            "interacts_with": _present(degrees),
            "regulates": _present(g.regulates.degrees),
            "terms": _present(g.annotations.degrees),
            "pathways": _present(g.memberships.degrees),
        }
        """Genes that a false pair may begin with."""
        self.objects: dict[str, Indices] = {
            "interacts_with": self.subjects["interacts_with"],
            "regulates": _present(degrees + g.regulated_by.degrees),
            "terms": _present(g.term_genes.degrees),
            "pathways": _present(g.pathway_genes.degrees),
        }
        """Genes, terms or pathways that a false pair may end with."""

    def label(self, rng: np.random.Generator, name: str, true: Pairs, each: Mapping[Kind, int]) -> LabelledPairs:
        """The true pairs and `each` false ones of every kind for each of them."""
        sets, kinds = [true], [-1]
        for kind, count in each.items():
            sets.append(self.draw(rng, name, kind, true, count * len(true[0])))
            kinds.append(KINDS.index(kind))
        sizes = [len(pairs[0]) for pairs in sets]
        origin = np.repeat(np.array(kinds, dtype=np.int8), sizes)
        a, b = (np.concatenate([pairs[end] for pairs in sets]) for end in (0, 1))
        return LabelledPairs(a, b, (origin < 0).astype(np.int8), origin)

    def draw(self, rng: np.random.Generator, name: str, kind: Kind, true: Pairs, count: int) -> Pairs:
        """Up to `count` false pairs; those that cannot be found in 20 rounds are left out.

        `random`: both ends drawn uniformly from all with an edge. `degree`: one end of a true pair (the group, or the
        subject) and a gene of about the other's degree in the relation. `two_hop`: one end of a true pair and where a
        short walk from it ends.
        """
        if not len(true[0]) or not len(self.subjects[name]):
            return true[0][:0], true[1][:0]
        draws = {"random": self._random, "degree": self._degree, "two_hop": self._walk}
        return false_pairs(draws[kind](rng, name, true), count, self.known[name], self_pairs=name in GROUPS)

    def all_pairs(self, name: str) -> int:
        """How many pairs `random` draws from: all subjects with all objects that are not known to be true."""
        subjects, objects = self.subjects[name], self.objects[name]
        keys = self.known[name]
        a, b = keys >> 32, keys & 0xFFFFFFFF
        inside = int((np.isin(a, subjects) & np.isin(b, objects)).sum())
        same = 0 if name in GROUPS else len(np.intersect1d(subjects, objects))
        if name not in GROUPS:
            inside -= int((a == b).sum())
        total = len(subjects) * len(objects) - same - inside
        return total // 2 if name == "interacts_with" else total

    def _random(self, rng: np.random.Generator, name: str, true: Pairs) -> Callable[[NDArray[np.int64]], Pairs]:
        def draw(where: NDArray[np.int64]) -> Pairs:
            return rng.choice(self.subjects[name], len(where)), rng.choice(self.objects[name], len(where))

        return draw

    def _degree(self, rng: np.random.Generator, name: str, true: Pairs) -> Callable[[NDArray[np.int64]], Pairs]:
        g = self.graph
        degrees = {
            "interacts_with": g.interactions.degrees,
            "regulates": g.regulated_by.degrees,
            "terms": g.annotations.degrees,
            "pathways": g.memberships.degrees,
        }[name]
        pool = self.subjects[name] if name in GROUPS else self.objects[name]

        def draw(where: NDArray[np.int64]) -> Pairs:
            kept, moved = _ends(name, true, where)
            return _pairs(name, kept, degree_matched(rng, moved, degrees, pool))

        return draw

    def _walk(self, rng: np.random.Generator, name: str, true: Pairs) -> Callable[[NDArray[np.int64]], Pairs]:
        g = self.graph
        ways: dict[str, tuple[Csr, ...]] = {
            "interacts_with": (g.interactions, g.interactions),
            "regulates": (g.regulates, g.regulated_by, g.regulates),
            "terms": (g.term_genes, g.interactions),
            "pathways": (g.pathway_genes, g.interactions),
        }

        def draw(where: NDArray[np.int64]) -> Pairs:
            kept, _ = _ends(name, true, where)
            return _pairs(name, kept, walk(rng, kept, ways[name]))

        return draw


def unknown(keys: Keys, pairs: Pairs) -> Pairs:
    """The pairs that are not among the keys."""
    new = ~is_known(keys, *pairs)
    return pairs[0][new], pairs[1][new]


def _ends(name: str, true: Pairs, where: NDArray[np.int64]) -> Pairs:
    """The end that stays and the end that is exchanged."""
    a, b = true[0][where % len(true[0])], true[1][where % len(true[0])]
    return (b, a) if name in GROUPS else (a, b)


def _pairs(name: str, kept: Indices, fresh: Indices) -> Pairs:
    return (fresh, kept) if name in GROUPS else (kept, fresh)


def _present(degrees: NDArray[np.int64]) -> Indices:
    return np.flatnonzero(degrees).astype(np.int32)
