"""Claims as index pairs of a snapshot, grouped by relation, so that scoring works on arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.graph.snapshot.snapshot import Snapshot

Target = Literal["genes", "terms", "pathways"]


@dataclass(frozen=True)
class ClaimGroup:
    """The claims of one relation and one kind of object, as positions in the snapshot.

    Args:
        relation: of all claims.
        target: what the objects are.
        rows: int64 (n,), index of each claim in the list that was given.
        subject: int32 (n,), genes.
        object: int32 (n,), positions in `target`.
        lines: cell line of each claim.
    """

    relation: Relation
    target: Target
    rows: NDArray[np.int64]
    subject: NDArray[np.int32]
    object: NDArray[np.int32]
    lines: list[str | None]


def gene_positions(snapshot: Snapshot, labels: Sequence[str]) -> NDArray[np.int32]:
    """Position of each gene, by approved symbol or any unambiguous label, -1 for an unknown one."""
    positions = snapshot.genes.indices(labels)
    lost = np.flatnonzero(positions < 0).tolist()
    symbols = {label: snapshot.resolve(label) for label in {labels[row] for row in lost}}
    for row in lost:
        positions[row] = snapshot.genes.index(symbols[labels[row]] or "")
    return positions


def object_ids(snapshot: Snapshot, names: Sequence[str]) -> list[str]:
    """The ids of terms and pathways that are named by an id in another spelling or by name; other names as they are."""
    known = (snapshot.terms, snapshot.pathways)
    lost = {name for name in names if not any(name in keys for keys in known)}
    meant = {name: snapshot.identity.object(name) or name for name in lost}
    return [meant.get(name, name) for name in names]


def grouped(snapshot: Snapshot, claims: Sequence[Claim], relations: frozenset[Relation]) -> Iterator[ClaimGroup]:
    """The claims about known genes, terms and pathways, in groups, without those about a gene and itself."""
    by_relation: dict[Relation, list[int]] = {}
    for row, claim in enumerate(claims):
        by_relation.setdefault(claim.relation, []).append(row)
    for relation, rows in by_relation.items():
        if relation not in relations:
            continue
        subject = gene_positions(snapshot, [claims[row].subject for row in rows])
        objects = [claims[row].object for row in rows]
        lines = [claims[row].cell_line for row in rows]
        targets: list[tuple[Target, NDArray[np.int32]]]
        if relation is Relation.TAKES_PART_IN:
            objects = object_ids(snapshot, objects)
            targets = [("terms", snapshot.terms.indices(objects)), ("pathways", snapshot.pathways.indices(objects))]
        else:
            targets = [("genes", gene_positions(snapshot, objects))]
        for target, other in targets:
            good = (subject >= 0) & (other >= 0)
            if target == "genes":
                good &= subject != other
            keep = np.flatnonzero(good)
            if len(keep):
                index = np.asarray(rows, dtype=np.int64)[keep]
                yield ClaimGroup(relation, target, index, subject[keep], other[keep], [lines[i] for i in keep])


def why_abstained(snapshot: Snapshot, claim: Claim) -> str:
    """Why `grouped` leaves a claim out, in one line; empty where it does not."""
    subject = gene_positions(snapshot, [claim.subject])[0]
    if subject < 0:
        return f"{claim.subject} is not a gene of this graph"
    if claim.relation == Relation.TAKES_PART_IN:
        (target,) = object_ids(snapshot, [claim.object])
        if target not in snapshot.terms and target not in snapshot.pathways:
            return f"{claim.object} is neither a GO term nor a pathway of this graph"
        return ""
    other = gene_positions(snapshot, [claim.object])[0]
    if other < 0:
        return f"{claim.object} is not a gene of this graph"
    return "a gene's relation to itself is not scored" if subject == other else ""
