"""What the link predictor may see and what it must foretell: message, supervision, validation and test edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import BoolArray
from rbio_kg.graph.snapshot.compile import order_by_content
from rbio_kg.graph.snapshot.csr import Csr, build_csr
from rbio_kg.graph.snapshot.kernels import ancestor_closure
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.link_predictor.negatives import RELATIONS, Kind, LabelledPairs, Negatives, true_keys, unknown
from rbio_kg.verifiers.link_predictor.sisters import together
from rbio_kg.verifiers.stats.negatives import Pairs, keys_of

SUPERVISION_SHARE = 0.10
VALIDATION_SHARE = 0.05
MOST_SUPERVISION = 24_000
MOST_VALIDATION = 8_000
RANDOM_PAIRS = 200_000
"""Random false pairs to learn from, about; 8 to 40 for a true one."""
HARD_PAIRS = 2
"""False pairs of each hard kind to learn from, for a true one."""
NEGATIVES: Mapping[Kind, int] = {"random": 2, "degree": 1, "two_hop": 1}
"""False pairs of each kind to validate with, for a true one: a base rate of one in five."""


@dataclass(eq=False)
class MessageGraph:
    """The graph without the held-out edges; the same arrays as a snapshot, by the same names.

    `term_parents` is the snapshot's; its ancestors are by is_a and part_of.
    """

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
    term_parents: Csr


@dataclass(frozen=True)
class LinkSplit:
    """Four disjoint sets of edges.

    Args:
        graph: the message edges, over which supervision pairs are learned.
        known: message and supervision edges, over which everything else is scored.
        supervision, validation: pairs by relation, with false ones.
        test: true pairs by relation; empty without a share for it.
        held: how many validation edges there are by relation; `validation` has some of them.
        negatives: draws more false pairs; against all true pairs, matched by the known graph.
    """

    graph: MessageGraph
    known: MessageGraph
    supervision: dict[str, LabelledPairs]
    validation: dict[str, LabelledPairs]
    test: dict[str, Pairs]
    held: dict[str, int]
    negatives: Negatives


def split_graph(
    snapshot: Snapshot, rng: np.random.Generator, test_share: float = 0.0, *, sisters_together: bool = False
) -> LinkSplit:
    """Hold edges out and draw false pairs against all true ones, the held-out ones included.

    An undirected edge is held out in both directions. A held-out annotation (membership) takes with it the ancestors
    that only it implied; what the remaining ones still imply is no question and is left out. A pathway implies those
    that hold all its genes.

    Args:
        snapshot: the graph.
        rng: of all draws.
        test_share: share of the edges for `test`.
        sisters_together: whether all interactions and regulations of two genes are held out together.
    """
    s = snapshot
    parents = containing_pathways(s.memberships, len(s.pathways))
    joined = _implying(s.memberships, parents)
    edges = {"interacts_with": s.interactions, "regulates": s.regulates, "terms": s.annotations, "pathways": joined}
    codes = {name: _codes(rng, csr, test_share, undirected=name == "interacts_with") for name, csr in edges.items()}
    if sisters_together:
        codes |= together({name: edges[name] for name in ("regulates", "interacts_with")}, codes)
    graph = _graph(s, edges, {name: code == 0 for name, code in codes.items()}, parents)
    known = _graph(s, edges, {name: code <= 1 for name, code in codes.items()}, parents)

    def held(name: str, code: int, seen: MessageGraph) -> Pairs:
        entries = np.flatnonzero(codes[name] == code)
        a, b = edges[name].rows()[entries], edges[name].indices[entries]
        keep = a < b if name == "interacts_with" else a != b if name == "regulates" else np.ones(len(a), dtype=np.bool_)
        implied = {"terms": seen.closure, "pathways": seen.memberships}.get(name)
        pairs = a[keep], b[keep]
        return pairs if implied is None else unknown(keys_of(implied), pairs)

    def some(pairs: Pairs, most: int) -> Pairs:
        chosen = np.sort(rng.permutation(len(pairs[0]))[:most])
        return pairs[0][chosen], pairs[1][chosen]

    keys = true_keys(s)
    near, far = Negatives(keys, graph), Negatives(keys, known)
    supervision = {}
    for name in RELATIONS:
        true = some(held(name, 1, graph), MOST_SUPERVISION)
        random = min(max(RANDOM_PAIRS // max(len(true[0]), 1), 8), 40)
        supervision[name] = near.label(rng, name, true, {"random": random, "degree": HARD_PAIRS, "two_hop": HARD_PAIRS})
    checked = {name: held(name, 2, known) for name in RELATIONS}
    validation = {
        name: far.label(rng, name, some(pairs, MOST_VALIDATION), NEGATIVES) for name, pairs in checked.items()
    }
    test = {name: held(name, 3, known) for name in RELATIONS}
    counts = {name: len(pairs[0]) for name, pairs in checked.items()}
    return LinkSplit(graph, known, supervision, validation, test, counts, far)


def containing_pathways(memberships: Csr, pathways: int) -> Csr:
    """For each pathway those that hold all its genes; of equal ones only the later holds the earlier."""
    from scipy import sparse

    ones = np.ones(len(memberships.indices), dtype=np.int64)
    held = sparse.csr_matrix((ones, memberships.indices, memberships.indptr), shape=(len(memberships), pathways))
    shared = (held.T @ held).tocoo()
    size = np.asarray(held.sum(axis=0)).ravel()
    inside, around = shared.row, shared.col
    holds = (shared.data == size[inside]) & (inside != around) & ((size[inside] < size[around]) | (inside < around))
    return build_csr(pathways, inside[holds], around[holds], np.ones(int(holds.sum()), dtype=np.uint8))


def closed(entries: Csr, parents: Csr) -> Csr:
    """Every row's columns with all their ancestors, ascending; weights uint8, 1."""
    indptr, indices = ancestor_closure(entries.indptr, entries.indices, parents.indptr, parents.indices)
    rows = np.repeat(np.arange(len(entries)), np.diff(indptr))
    return build_csr(len(entries), rows, indices, np.ones(len(indices), dtype=np.uint8))


def _implying(memberships: Csr, parents: Csr) -> Csr:
    """The memberships that no other membership of the gene implies."""
    rows, columns = memberships.rows(), memberships.indices
    above = parents.degrees[columns]
    starts = np.repeat(parents.indptr[columns] - (np.cumsum(above) - above), above)
    implied = build_csr(
        len(memberships),
        np.repeat(rows, above),
        parents.indices[starts + np.arange(int(above.sum()))],
        np.ones(int(above.sum()), dtype=np.uint8),
    )
    a, b = unknown(keys_of(implied), (rows, columns))
    return build_csr(len(memberships), a, b, np.ones(len(a), dtype=np.uint8))


def _graph(s: Snapshot, edges: Mapping[str, Csr], keep: Mapping[str, BoolArray], parents: Csr) -> MessageGraph:
    genes, terms, pathways = len(s.genes), len(s.terms), len(s.pathways)
    kept = {name: entries_kept(csr, keep[name]) for name, csr in edges.items()}
    up = s.term_parents
    annotations = kept["terms"]
    indptr, indices = ancestor_closure(annotations.indptr, annotations.indices, up.indptr, up.indices)
    closure = order_by_content(indptr, indices, annotations, s.information_content)
    memberships = closed(kept["pathways"], parents)
    members = memberships.transpose(pathways)
    return MessageGraph(
        interactions=kept["interacts_with"],
        regulates=kept["regulates"],
        regulated_by=kept["regulates"].transpose(genes),
        annotations=annotations,
        closure=closure,
        term_genes=closure.transpose(terms),
        memberships=memberships,
        pathway_genes=members,
        pathway_sizes=members.degrees.astype(np.int32),
        information_content=s.information_content,
        term_parents=up,
    )


def _codes(rng: np.random.Generator, csr: Csr, test_share: float, *, undirected: bool) -> NDArray[np.int8]:
    """0 message, 1 supervision, 2 validation, 3 test for each entry; the same for both directions."""
    bounds = np.cumsum((test_share, VALIDATION_SHARE, SUPERVISION_SHARE))
    rows, columns = csr.rows(), csr.indices
    if undirected:
        key = (np.minimum(rows, columns).astype(np.int64) << 32) | np.maximum(rows, columns)
        edges, place = np.unique(key, return_inverse=True)
    else:
        edges, place = np.arange(len(columns)), np.arange(len(columns))
    draw = rng.random(len(edges))
    return (3 - np.searchsorted(bounds, draw, side="right")).astype(np.int8)[place]


def entries_kept(csr: Csr, mask: BoolArray) -> Csr:
    """The matrix with only some of its entries, bool (entries,)."""
    return build_csr(len(csr), csr.rows()[mask], csr.indices[mask], csr.weights[mask])
