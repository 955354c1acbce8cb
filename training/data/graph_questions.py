"""Questions about the graph's own relations: interactions, regulation with its sign, terms and pathways.

The label of a yes question is the graph's edge; a no question is a pair drawn against every edge of the graph, terms
closed over `is_a` and `part_of`. "No" therefore means "not known", as in every graph of positive facts. A gene
belongs to the train or the test part whatever the seed, so that no test question is a train question of another draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.claims import Relation
from rbio_kg.core.errors import TrainingError
from rbio_kg.core.typing import BoolArray, Indices
from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.training.prompts.templates import FAMILY_RELATIONS
from rbio_kg.verifiers.stats.negatives import Keys, Pairs, false_pairs, keys_of

GRAPH_FAMILIES = ("physical", "functional", "regulation", "membership")
TEST_SHARE = 0.2
"""Share of the genes whose questions are test questions, and of the rows about them."""
LEAST_SCORE = 700
"""STRING's combined score from which a pair counts as functionally associated (STRING's "high confidence")."""
LEAST_EXPERIMENTS = 400
"""STRING's experiment score from which a pair counts as physically interacting (its "medium confidence")."""
LEAST_BITS = 4.0
"""Information content from which a GO term is used: at most one gene in 16 has it."""
PATHWAY_SIZES = (5, 200)
"""Least and largest number of genes of the pathways that are used."""

ALL = frozenset(Relation)
SCHEMA: dict[str, pl.DataType] = {
    "subject": pl.String(),
    "relation": pl.String(),
    "object": pl.String(),
    "object_name": pl.String(),
    "label": pl.Int64(),
    "split": pl.String(),
    "family": pl.String(),
}


@dataclass(frozen=True)
class _Facts:
    """The true pairs of one kind of claim, and what a false pair is drawn against.

    Args:
        relation: the claim's.
        a, b: subjects and objects of the true pairs, int32 (n,).
        known: gives the keys that no drawn pair may have.
        names: keys and names of the objects.
        known_false: pairs that the graph says are otherwise, such as a repression where an activation is claimed.
        undirected: whether (a, b) and (b, a) are one question.
        genes: whether objects are genes too.
    """

    relation: Relation
    a: Indices
    b: Indices
    known: Callable[[], Keys]
    names: tuple[Any, Any]
    known_false: Pairs | None = None
    undirected: bool = False
    genes: bool = True


def held_out(symbols: Any) -> BoolArray:
    """Which genes belong to the test part, bool (n,); a property of the symbol alone."""
    draws = [hashlib.sha256(f"held out\t{symbol}".encode()).digest()[:4] for symbol in symbols]
    shares = np.array([int.from_bytes(draw, "big") for draw in draws], dtype=np.float64) / 2**32
    return np.asarray(shares < TEST_SHARE)


def graph_questions(
    snapshot: Snapshot,
    family: str,
    *,
    rows: int,
    seed: int,
    reported: pl.DataFrame | None = None,
    relations: Collection[Relation] = ALL,
) -> pl.DataFrame:
    """About `rows` questions of one family, as many yes as no in each relation and split, in random order.

    Args:
        snapshot: the graph.
        family: one of `GRAPH_FAMILIES`.
        rows: questions wanted; fewer where the graph has fewer facts.
        seed: of the draws.
        reported: the `reported_interactions` table: pairs that are never drawn as a false physical interaction.
        relations: those that questions are made about.

    Returns:
        Columns of `SCHEMA`. No question twice, none of a gene with itself; interactions in either order count once.

    Raises:
        TrainingError: the family is not of the graph, or the graph has no facts for it.
    """
    if family not in GRAPH_FAMILIES:
        raise TrainingError(f"no questions of the family {family!r} come from the graph", hint=_known())
    test = held_out(snapshot.genes.keys)
    kinds = [facts for facts in _kinds(snapshot, family, reported) if facts.relation in relations]
    parts = []
    for number, facts in enumerate(kinds):
        for split, part in (("train", ~test), ("test", test)):
            share = TEST_SHARE if split == "test" else 1.0 - TEST_SHARE
            wanted = max(1, round(rows * share / len(kinds) / 2))
            rng = np.random.default_rng([seed, GRAPH_FAMILIES.index(family), number, int(split == "test")])
            parts.append(_part(snapshot, facts, part, wanted, rng).with_columns(split=pl.lit(split)))
    if not parts:
        raise TrainingError(f"no verifier scores questions of the family {family!r}", hint="add one to the reward")
    frame = pl.concat(parts).with_columns(family=pl.lit(family)).select(list(SCHEMA))
    if frame.is_empty():
        raise TrainingError(f"the graph has no facts for the family {family!r}", hint="build with more sources")
    order = np.random.default_rng([seed, len(frame)]).permutation(len(frame))
    return frame[order]


def available(snapshot: Snapshot, family: str, relations: Collection[Relation] = ALL) -> int:
    """How many train questions of a family the graph could give: two for each true pair of the train part."""
    test = held_out(snapshot.genes.keys)
    kinds = [facts for facts in _kinds(snapshot, family, None) if facts.relation in relations]
    return 2 * sum(int(_inside(facts, ~test).sum()) for facts in kinds)


def _known() -> str:
    return "known: " + ", ".join(GRAPH_FAMILIES)


def _kinds(snapshot: Snapshot, family: str, reported: pl.DataFrame | None) -> list[_Facts]:
    genes = (snapshot.genes.keys, snapshot.genes.keys)
    if family in ("physical", "functional"):
        entries = snapshot.interactions
        strong = entries.weights >= LEAST_SCORE
        if family == "physical":
            strong = snapshot.channels[:, STRING_CHANNELS.index("experiments")] >= LEAST_EXPERIMENTS
        kept = np.flatnonzero(strong & (entries.rows() < entries.indices))

        def known() -> Keys:
            keys = keys_of(entries)
            if family != "physical" or reported is None:
                return keys
            return np.union1d(keys, _reported(snapshot, reported))

        pairs = entries.rows()[kept], entries.indices[kept]
        return [_Facts(Relation.INTERACTS_WITH, *pairs, known, genes, undirected=True)]
    if family == "regulation":
        return [_regulation(snapshot.regulates, relation, genes) for relation in FAMILY_RELATIONS[family]]
    informative = snapshot.information_content[snapshot.closure.indices] >= LEAST_BITS
    low, high = PATHWAY_SIZES
    sizes = snapshot.pathway_sizes[snapshot.memberships.indices]
    return [
        _membership(snapshot.closure, informative, (snapshot.terms.keys, snapshot.term_names)),
        _membership(
            snapshot.memberships, (sizes >= low) & (sizes <= high), (snapshot.pathways.keys, snapshot.pathway_names)
        ),
    ]


def _membership(csr: Csr, chosen: BoolArray, names: tuple[Any, Any]) -> _Facts:
    pairs = csr.rows()[chosen], csr.indices[chosen]
    return _Facts(Relation.TAKES_PART_IN, *pairs, partial(keys_of, csr), names, genes=False)


def _regulation(csr: Csr, relation: Relation, names: tuple[Any, Any]) -> _Facts:
    start, end = csr.rows(), csr.indices
    signs = {Relation.ACTIVATES: (1, -1), Relation.REPRESSES: (-1, 1)}.get(relation)
    true = start != end if signs is None else (start != end) & (csr.weights == signs[0])
    false = None if signs is None else (start != end) & (csr.weights == signs[1])
    opposite = None if false is None else (start[false], end[false])
    return _Facts(relation, start[true], end[true], partial(keys_of, csr), names, opposite)


def _reported(snapshot: Snapshot, reported: pl.DataFrame) -> Keys:
    ends = [snapshot.genes.indices(reported[column].to_list()).astype(np.int64) for column in ("start", "end")]
    both = (ends[0] >= 0) & (ends[1] >= 0)
    a, b = ends[0][both], ends[1][both]
    return np.unique(np.concatenate(((a << 32) | b, (b << 32) | a)))


def _inside(facts: _Facts, part: BoolArray) -> BoolArray:
    """Which true pairs belong to a part: by the subject, and where either end could be the subject by both."""
    return part[facts.a] & part[facts.b] if facts.undirected else part[facts.a]


def _part(snapshot: Snapshot, facts: _Facts, part: BoolArray, wanted: int, rng: np.random.Generator) -> pl.DataFrame:
    inside = np.flatnonzero(_inside(facts, part))
    chosen = rng.permutation(inside)[:wanted]
    a, b = facts.a[chosen], facts.b[chosen]
    false = _false(facts, part, inside, chosen, rng) if len(chosen) else (a, b)
    if facts.undirected:
        a, b = _randomly_reversed(a, b, rng)
        false = _randomly_reversed(false[0], false[1], rng)
    count = min(len(a), len(false[0]))
    keys, names = facts.names
    objects = np.concatenate((b[:count], false[1][:count])).tolist()
    subjects = np.concatenate((a[:count], false[0][:count])).tolist()
    return pl.DataFrame(
        {
            "subject": [snapshot.genes.keys[i] for i in subjects],
            "relation": [str(facts.relation)] * len(subjects),
            "object": [keys[i] for i in objects],
            "object_name": [names[i] for i in objects],
            "label": [1] * count + [0] * count,
        },
        schema={name: kind for name, kind in SCHEMA.items() if name not in ("split", "family")},
    )


def _false(facts: _Facts, part: BoolArray, inside: Any, chosen: Any, rng: np.random.Generator) -> Pairs:
    """As many different false pairs as true ones, or fewer where there are fewer; subjects of the part only."""
    wanted = len(chosen)
    opposite: Pairs = (facts.a[:0], facts.b[:0])
    if facts.known_false is not None:
        of_part = rng.permutation(np.flatnonzero(part[facts.known_false[0]]))[: wanted // 2]
        opposite = facts.known_false[0][of_part], facts.known_false[1][of_part]
    draw = _draws(facts, part, inside, chosen, rng)
    a, b = false_pairs(draw, 2 * wanted, facts.known(), self_pairs=not facts.genes)
    low, high = (np.minimum(a, b), np.maximum(a, b)) if facts.undirected else (a, b)
    _, first = np.unique((low.astype(np.int64) << 32) | high, return_index=True)
    first = rng.permutation(first)[: wanted - len(opposite[0])]
    both = np.concatenate((opposite[0], a[first])), np.concatenate((opposite[1], b[first]))
    order = rng.permutation(len(both[0]))
    return both[0][order], both[1][order]


def _draws(
    facts: _Facts, part: BoolArray, inside: Any, chosen: Any, rng: np.random.Generator
) -> Callable[[NDArray[np.int64]], Pairs]:
    """Each draw keeps one end of a true pair and takes the other end of another. Neither end predicts the answer.

    Half keep the subject and half the object; of regulations half are the reversed pair, where the object belongs to
    the part.
    """
    pool_a, pool_b = facts.a[inside], facts.b[inside]

    def draw(where: NDArray[np.int64]) -> Pairs:
        true = chosen[where % len(chosen)]
        a, b = facts.a[true], facts.b[true]
        other = rng.integers(0, len(inside), len(where))
        keeps = rng.random(len(where)) < 0.5
        if facts.genes and not facts.undirected:
            reverse = ~keeps & part[b]
            return np.where(reverse, b, a).astype(np.int32), np.where(reverse, a, pool_b[other]).astype(np.int32)
        return np.where(keeps, a, pool_a[other]).astype(np.int32), np.where(keeps, pool_b[other], b).astype(np.int32)

    return draw


def _randomly_reversed(a: Indices, b: Indices, rng: np.random.Generator) -> Pairs:
    turn = rng.random(len(a)) < 0.5
    return np.where(turn, b, a).astype(np.int32), np.where(turn, a, b).astype(np.int32)
