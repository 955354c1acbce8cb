"""The genes, terms and pathways that claims name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.graph.identity.identity import Identity
from rbio_kg.graph.identity.unrecognised import Unrecognised, UnrecognisedName, recognise


@dataclass(frozen=True)
class ResolvedClaims:
    """Claims with the graph's own names.

    Args:
        claims: in their order; a name that is not recognised stays as it is.
        resolved: each name that was given otherwise, and the symbol or id that it means.
        names: what was not recognised.
    """

    claims: tuple[Claim, ...]
    resolved: Mapping[str, str]
    names: Unrecognised


def resolve_claims(
    claims: Sequence[Claim], identity: Identity, where: str | Path, first_line: int = 1, *, accept: bool = False
) -> ResolvedClaims:
    """Approved symbols of genes, ids of terms and pathways.

    Args:
        claims: any.
        identity: the names of the graph.
        where: the table's name, for messages.
        first_line: line of the first claim in its file.
        accept: take the suggested gene where there is exactly one.
    """
    member = [claim.relation is Relation.TAKES_PART_IN for claim in claims]
    objects = {claim.object for claim, is_member in zip(claims, member, strict=True) if is_member}
    ids = {name: found for name in objects if (found := identity.object(name)) is not None}
    # The object of a membership is no gene: the search for genes sees a symbol in its place.
    some_gene = identity.genes.labels["symbol"].first() if any(member) else None
    frame = pl.DataFrame(
        {
            "subject": [claim.subject for claim in claims],
            "object": [
                some_gene if is_member else claim.object for claim, is_member in zip(claims, member, strict=True)
            ],
            "line": range(first_line, first_line + len(claims)),
        },
        schema={"subject": pl.String, "object": pl.String, "line": pl.Int64},
    )
    settled, names = recognise(frame, identity.genes, ("subject", "object"), where, accept=accept)
    renamed = []
    resolved: dict[str, str] = {}
    columns = zip(claims, settled["subject"].to_list(), settled["object"].to_list(), member, strict=True)
    for claim, subject, target, is_member in columns:
        meant = ids.get(claim.object, claim.object) if is_member else target
        if (subject, meant) != (claim.subject, claim.object):
            resolved |= {given: own for given, own in ((claim.subject, subject), (claim.object, meant)) if given != own}
            claim = Claim(subject, claim.relation, meant, claim.cell_line)
        renamed.append(claim)
    lost = [
        (claim, line)
        for line, (claim, is_member) in enumerate(zip(claims, member, strict=True), first_line)
        if is_member and claim.object not in ids
    ]
    return ResolvedClaims(tuple(renamed), resolved, _with_unknown_objects(names, lost) if lost else names)


def _with_unknown_objects(names: Unrecognised, lost: Sequence[tuple[Claim, int]]) -> Unrecognised:
    """What was not recognised, with the objects of memberships (and their lines) that are no term or pathway."""
    first: dict[str, int] = {}
    for claim, line in lost:
        first.setdefault(claim.object, line)
    rows = Counter(claim.object for claim, _ in lost)
    unknown = [UnrecognisedName(name, "object", "unknown", rows[name], line, ()) for name, line in first.items()]
    genes = {kind: set(names.labels("subject", kind)) for kind in names.by_kind}
    counted = set().union(*genes.values())
    of_kind = sum(claim.subject not in genes.get("unknown", ()) for claim, _ in lost)
    return replace(
        names,
        rows=names.rows + sum(claim.subject not in counted for claim, _ in lost),
        names=(*names.names, *unknown),
        by_kind={**names.by_kind, "unknown": names.by_kind.get("unknown", 0) + of_kind},
    )
