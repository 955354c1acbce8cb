"""Facts of the graph: what joins two genes, and never the edge or term of the claim itself."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.training.prompts.facts import FACT_KINDS, FactBook
from rbio_kg.training.prompts.graph_facts import GraphFacts
from tests.support.random_graph import GENES, TERMS, random_snapshot
from tests.support.toy_knockdowns import ToyFacts


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return random_snapshot(tmp_path_factory.mktemp("random"))


def strong(snapshot: Snapshot, a: str) -> dict[str, int]:
    partners, scores = snapshot.interactions.row(snapshot.genes.index(a))
    return {snapshot.genes.keys[int(b)]: int(score) for b, score in zip(partners, scores, strict=True)}


@given(a=st.sampled_from(GENES), b=st.sampled_from(GENES))
def test_genes_in_between_are_partners_of_both_strongest_first(snapshot: Snapshot, a: str, b: str) -> None:
    found = GraphFacts(snapshot).between(Claim(a, "changes_expression_of", b, "toy"))
    one, two = strong(snapshot, a), strong(snapshot, b)
    both = sorted(set(one) & set(two), key=lambda gene: (-min(one[gene], two[gene]), gene))
    assert list(found) == both[:3]


@given(a=st.sampled_from(GENES), b=st.sampled_from(GENES))
def test_shared_terms_are_the_most_specific(snapshot: Snapshot, a: str, b: str) -> None:
    found = GraphFacts(snapshot).shared_terms(Claim(a, "changes_expression_of", b, "toy"))
    rows = [set(snapshot.closure.row(snapshot.genes.index(gene))[0].tolist()) for gene in (a, b)]
    bits = sorted((float(snapshot.information_content[term]) for term in rows[0] & rows[1]), reverse=True)
    names = list(snapshot.term_names)
    assert [float(snapshot.information_content[names.index(name)]) for name in found] == bits[: len(found)]
    assert len(found) == min(2, len([bit for bit in bits if bit >= 4]))


def test_the_claimed_edge_is_not_shown(snapshot: Snapshot) -> None:
    graph = GraphFacts(snapshot)
    for start, link in (("interactions", "interacts_with"), ("regulates", "regulates")):
        csr = getattr(snapshot, start)
        for row, column in zip(csr.rows()[:200], csr.indices[:200], strict=True):
            if row == column:
                continue
            pair = snapshot.genes.keys[int(row)], snapshot.genes.keys[int(column)]
            shown = graph.link(Claim(pair[0], link, pair[1]))
            assert shown != link.replace("_", " ")
            assert graph.link(Claim(pair[0], "changes_expression_of", pair[1])) is not None


def test_terms_below_the_claimed_one_are_not_shown(snapshot: Snapshot) -> None:
    graph = GraphFacts(snapshot)
    child_of = {TERMS[i]: TERMS[i + 1] for i in range(0, len(TERMS) - 1, 2)}
    names = dict(zip(snapshot.terms.keys, snapshot.term_names, strict=True))
    checked = 0
    for gene in GENES:
        own = {snapshot.terms.keys[int(t)] for t in snapshot.annotations.row(snapshot.genes.index(gene))[0]}
        for parent, child in child_of.items():
            shown = graph.shared_terms(Claim(gene, "takes_part_in", parent))
            assert names[parent] not in shown
            assert names[child] not in shown
            checked += child in own
    assert checked > 20


def test_partners_that_take_part(snapshot: Snapshot) -> None:
    graph = GraphFacts(snapshot)
    for gene in GENES[:30]:
        for group in (*TERMS[:3], *snapshot.pathways.keys[:2]):
            found = graph.between(Claim(gene, "takes_part_in", group))
            for partner in found:
                row = snapshot.genes.index(partner)
                groups = [snapshot.terms.keys[int(t)] for t in snapshot.closure.row(row)[0]]
                groups += [snapshot.pathways.keys[int(p)] for p in snapshot.memberships.row(row)[0]]
                assert group in groups
                assert partner in strong(snapshot, gene)


def test_no_fact_of_the_graph_reads_a_label(snapshot: Snapshot) -> None:
    """The graph's facts come from the snapshot alone: turning every known outcome round moves none of them."""

    class Turned(ToyFacts):
        def rate(self, claim: Claim) -> float:
            return 1.0 - super().rate(claim)

    assert list(inspect.signature(GraphFacts).parameters) == ["snapshot"]
    thresholds = list(np.linspace(0.1, 0.9, 8))
    kinds = ("link", "two_step", "terms")
    books = [FactBook(source, snapshot, thresholds, kinds=kinds) for source in (ToyFacts(), Turned())]
    for a, b in zip(GENES, GENES[7:], strict=False):
        claim = Claim(a, "changes_expression_of", b, "toy")
        assert books[0].facts(claim) == books[1].facts(claim)


def test_other_claims_have_no_facts_of_knockdowns(snapshot: Snapshot) -> None:
    book = FactBook(ToyFacts(), snapshot, list(np.linspace(0.1, 0.9, 8)), kinds=FACT_KINDS)
    assert book.facts(Claim(GENES[0], "interacts_with", GENES[1])).kinds == ("link", "two_step", "terms")
    assert book.facts(Claim(GENES[0], "takes_part_in", TERMS[0])).kinds == ("two_step", "terms")
