"""The genes, terms and pathways that claims name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.graph.identity.identity import Identity
from rbio_kg.graph.identity.unrecognised import Unrecognised, recognise


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
    claims: Sequence[Claim], identity: Identity, where: str | Path, first_line: int = 1
) -> ResolvedClaims:
    """Approved symbols of genes, ids of terms and pathways.

    Args:
        claims: any.
        identity: the names of the graph.
        where: the table's name, for messages.
        first_line: line of the first claim in its file.
    """
    member = [claim.relation is Relation.TAKES_PART_IN for claim in claims]
    objects = {claim.object for claim, is_member in zip(claims, member, strict=True) if is_member}
    ids = {name: found for name in objects if (found := identity.object(name)) is not None}
    frame = pl.DataFrame(
        {
            "subject": [claim.subject for claim in claims],
            # The object of a membership is no gene: the subject stands in for it where it is known.
            "object": [
                claim.subject if is_member and claim.object in ids else claim.object
                for claim, is_member in zip(claims, member, strict=True)
            ],
            "line": range(first_line, first_line + len(claims)),
        },
        schema={"subject": pl.String, "object": pl.String, "line": pl.Int64},
    )
    settled, names = recognise(frame, identity.genes, ("subject", "object"), where)
    renamed = []
    resolved: dict[str, str] = {}
    for claim, subject, target, is_member in zip(claims, settled["subject"], settled["object"], member, strict=True):
        meant = ids.get(claim.object, claim.object) if is_member else target
        renamed.append(Claim(subject, claim.relation, meant, claim.cell_line))
        resolved |= {given: own for given, own in ((claim.subject, subject), (claim.object, meant)) if given != own}
    return ResolvedClaims(tuple(renamed), resolved, names)
