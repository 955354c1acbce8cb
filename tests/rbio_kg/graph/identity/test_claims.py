from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.graph.identity.claims import resolve_claims
from rbio_kg.graph.identity.identity import Identity
from tests.support.named_graph import named_tables

IDENTITY = Identity.of_tables(named_tables())
GENES = {"TP53": "TP53", "p53": "TP53", "mdm2": "MDM2", "ABC38": "ABCE1", "nosuch": None, "ctrl": None}
OBJECTS = {
    "GO:0000002": "GO:0000002",
    "go_0000002": "GO:0000002",
    "DNA repair": "GO:0000002",
    "r-hsa-1": "R-HSA-1",
    "TP53": None,  # A gene is no term: that it is known as a gene does not make it one.
    "GO:9999999": None,
}


@pytest.mark.parametrize(("name", "key"), OBJECTS.items())
def test_the_object_of_a_membership(name: str, key: str | None) -> None:
    found = resolve_claims([Claim("p53", "takes_part_in", name)], IDENTITY, "t")
    assert found.claims == (Claim("TP53", "takes_part_in", key or name),)
    assert found.names.to_json() == ({} if key else {"unknown": 1})
    assert found.resolved == {"p53": "TP53"} | ({name: key} if key and key != name else {})


def test_claims_that_are_the_graphs_own_stay() -> None:
    claims = [Claim("TP53", "interacts_with", "MDM2"), Claim("TP53", "takes_part_in", "R-HSA-1")]
    found = resolve_claims(claims, IDENTITY, "t")
    assert all(one is other for one, other in zip(found.claims, claims, strict=True))
    assert found.names.rows == 0 and found.resolved == {}


def test_lines_of_unknown_objects() -> None:
    claims = [Claim("TP53", "takes_part_in", name) for name in ("GO:0000002", "nothing", "GO:0000003", "nothing")]
    (lost,) = resolve_claims(claims, IDENTITY, "t", first_line=2).names.names
    assert (lost.label, lost.column, lost.rows, lost.line) == ("nothing", "object", 2, 3)


genes, objects = st.sampled_from(sorted(GENES)), st.sampled_from(sorted(OBJECTS))
any_claim = st.builds(Claim, genes, st.just("regulates"), genes) | st.builds(
    Claim, genes, st.just("takes_part_in"), objects
)


@given(st.lists(any_claim))
def test_each_claim_against_itself_alone(claims: list[Claim]) -> None:
    together = resolve_claims(claims, IDENTITY, "t")
    alone = [resolve_claims([claim], IDENTITY, "t") for claim in claims]
    assert together.claims == tuple(found.claims[0] for found in alone)
    assert together.names.rows == sum(found.names.rows for found in alone)
    kinds = {kind for found in alone for kind in found.names.by_kind}
    assert set(together.names.by_kind) == kinds
    for kind in kinds:
        assert together.names.by_kind[kind] == sum(found.names.by_kind.get(kind, 0) for found in alone)
    for claim, found in zip(claims, together.claims, strict=True):
        ends = OBJECTS if claim.relation == "takes_part_in" else GENES
        assert found.subject == (GENES[claim.subject] or claim.subject)
        assert found.object == (ends[claim.object] or claim.object)
