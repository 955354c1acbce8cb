"""Open-book facts: digits, links, and never anything of the question's own fold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rbio_kg.core.claims import Claim
from rbio_kg.training.evaluation.counterfactuals import CounterfactualFacts
from rbio_kg.training.prompts.facts import (
    DEFAULT_FACTS,
    FACT_KINDS,
    FactBook,
    FactKind,
    Facts,
    estimate_logit,
)
from rbio_kg.training.prompts.messages import open_question, rationale
from tests.support.toy_knockdowns import GENES, PERTS, WITH_NEIGHBOURS, Known, ToyFacts, fold


@cache
def book(neighbours: int = 6) -> FactBook:
    claims = [Claim(p, "changes_expression_of", g, "toy") for p in PERTS[:18] for g in GENES]
    return FactBook.fit(ToyFacts(), None, claims, neighbours, kinds=WITH_NEIGHBOURS)


@given(pert=st.sampled_from(PERTS[:18]), gene=st.sampled_from(GENES), neighbours=st.integers(1, 12))
def test_a_train_question_has_no_facts_of_its_own_fold(pert: str, gene: str, neighbours: int) -> None:
    facts = book(neighbours).facts(Claim(pert, "changes_expression_of", gene, "toy"))
    assert facts.neighbours
    assert all(fold(name) != fold(pert) and fold(name) is not None for name, _, _ in facts.neighbours)


@given(pert=st.sampled_from(PERTS[:18]), gene=st.sampled_from(GENES))
def test_the_own_label_does_not_move_the_facts(pert: str, gene: str) -> None:
    claim = Claim(pert, "changes_expression_of", gene, "toy")

    class Flipped(ToyFacts):
        """The same world with the question's own fold reversed."""

        def neighbours(self, claim: Claim, k: int) -> list[Known]:
            found = super().neighbours(claim, k)
            return [
                Known(item.pert, item.similarity, 1 - item.outcome) if fold(item.pert) == fold(pert) else item
                for item in found
            ]

    plain = book()
    assert FactBook(Flipped(), None, plain.thresholds.tolist(), kinds=WITH_NEIGHBOURS).facts(claim) == plain.facts(
        claim
    )


@given(
    pert=st.sampled_from(PERTS), gene=st.sampled_from(GENES), neighbours=st.integers(1, 12), budget=st.integers(4, 12)
)
def test_a_flipped_book_turns_the_outcomes_round_and_nothing_else(
    pert: str, gene: str, neighbours: int, budget: int
) -> None:
    claim = Claim(pert, "changes_expression_of", gene, "toy")
    plain = FactBook(ToyFacts(), None, book().thresholds.tolist(), neighbours, kinds=FACT_KINDS, budget=budget)
    facts, flipped = plain.facts(claim), CounterfactualFacts(plain).facts(claim)
    assert [(name, digit) for name, digit, _ in flipped.neighbours] == [(n, d) for n, d, _ in facts.neighbours]
    assert [outcome for _, _, outcome in flipped.neighbours] == [1 - outcome for _, _, outcome in facts.neighbours]
    assert flipped.negated() == facts == plain.facts(claim)
    assert CounterfactualFacts(plain).rate(claim) == plain.rate(claim)
    shown, negated = facts.text().splitlines(), flipped.text().splitlines()
    for place, (line, other) in enumerate(zip(shown, negated, strict=True)):
        if line.startswith(("yes", "no ")):
            partner = negated[place + 1 if line.startswith("yes") else place - 1]
            assert line.split(" ", 1)[1] == partner.split(" ", 1)[1]
        elif line.startswith("estimate") and facts.estimate is not None:
            assert other == f"estimate {999 - facts.estimate:03d}"
        else:
            assert line == other


def test_digits_rise_with_similarity_and_use_all_nine() -> None:
    claims = [Claim(p, "changes_expression_of", g, "toy") for p in PERTS[:18] for g in GENES]
    fitted = book(12)
    digits = [digit for claim in claims for _, digit, _ in fitted.facts(claim).neighbours]
    assert min(digits) == 1
    assert max(digits) == 9
    for claim in claims:
        shown = [digit for _, digit, _ in fitted.facts(claim).neighbours]
        assert shown == sorted(shown, reverse=True)


def test_the_rate_is_shown_in_tenths_below_ten() -> None:
    class Always(ToyFacts):
        def rate(self, claim: Claim) -> float:
            return 1.0

    always = FactBook(Always(), None, list(np.linspace(0.1, 0.9, 8)))
    assert always.facts(Claim("P00", "changes_expression_of", "G0", "toy")).rate == 9


def test_thresholds_must_be_eight() -> None:
    with pytest.raises(ValueError, match="8 thresholds"):
        FactBook(ToyFacts(), None, [0.5])


def snapshot(interactions: dict[int, list[int]], regulates: dict[int, list[int]]) -> Any:
    """Two relations of three genes, with the reading interface of a snapshot."""
    names = ["P00", "G0", "G1"]

    def rows(table: dict[int, list[int]]) -> Any:
        return SimpleNamespace(row=lambda i: (np.array(table.get(i, []), dtype=np.int32), None))

    genes = SimpleNamespace(index=lambda name: names.index(name) if name in names else -1)
    return SimpleNamespace(genes=genes, interactions=rows(interactions), regulates=rows(regulates))


@pytest.mark.parametrize(
    ("target", "link"), [("G0", "interacts with"), ("G1", "regulates"), ("G7", None), ("P00", None)]
)
def test_links_come_from_the_graph(target: str, link: str | None) -> None:
    graph = snapshot({0: [1]}, {0: [1, 2]})
    found = FactBook(ToyFacts(), graph, list(np.linspace(0.1, 0.9, 8)))
    assert found.link(Claim("P00", "changes_expression_of", target, "toy")) == link


def test_text() -> None:
    claim = Claim("MED12", "changes_expression_of", "TP53", "k562")
    facts = Facts(3, (("MED1", 9, 1), ("MED14", 8, 0), ("CCNC", 5, 1)), "interacts with", kinds=WITH_NEIGHBOURS)
    assert (
        open_question(claim, facts) == "Does losing MED12 change TP53?\nrate 3\nestimate none\nyes 95\nno 8\nlink yes"
    )
    assert rationale(claim, facts) == "MED12 interacts with TP53. 2 of 3 similar knockdowns changed it."
    up = Claim("MED12", "increases", "TP53")
    assert (
        open_question(up, Facts(0, (), None, kinds=WITH_NEIGHBOURS))
        == "Does losing MED12 raise TP53?\nrate 0\nestimate none\nyes none\nno none\nlink no"
    )


def test_a_budget_drops_the_least_useful_first() -> None:
    claim = Claim("P00", "changes_expression_of", "G0", "toy")
    whole = FactBook(ToyFacts(), None, list(np.linspace(0.1, 0.9, 8)), 6, kinds=FACT_KINDS)
    texts = [whole.facts(claim).text()]
    for budget in range(30, -1, -1):
        book = FactBook(ToyFacts(), None, list(np.linspace(0.1, 0.9, 8)), 6, kinds=FACT_KINDS, budget=budget)
        facts = book.facts(claim)
        assert len(facts.text().split()) <= budget
        texts.append(facts.text())
        assert facts.kinds == FACT_KINDS[: len(facts.kinds)]
        assert facts.neighbours == whole.facts(claim).neighbours[: len(facts.neighbours)]
    assert texts[0] != ""
    assert texts[-1] == ""
    assert "rate" in texts[-3]


def test_a_budget_counts_with_the_given_function() -> None:
    claim = Claim("P00", "changes_expression_of", "G0", "toy")
    book = FactBook(ToyFacts(), None, list(np.linspace(0.1, 0.9, 8)), 6, kinds=WITH_NEIGHBOURS, budget=12, count=len)
    assert 0 < len(book.facts(claim).text()) <= 12


def test_named_neighbours() -> None:
    facts = Facts(3, (("MED1", 9, 1), ("MED14", 8, 0)), None, kinds=("rate", "neighbours", "names"))
    assert facts.text() == "rate 3\nyes MED1 9\nno MED14 8"


def test_all_kinds_in_their_order() -> None:
    facts = Facts(0, (), "regulates", ("CCNC", "CDK8"), ("DNA repair", "meiosis"), FACT_KINDS, estimate=37)
    assert facts.text() == "rate 0\nestimate 037\nyes none\nno none\nlink yes\nvia CCNC CDK8\nboth DNA repair; meiosis"
    claim = Claim("MED12", "changes_expression_of", "TP53", "k562")
    assert rationale(claim, facts) == (
        "MED12 regulates TP53. 0 of 0 similar knockdowns changed it. "
        "The estimate is 37 of 1000. MED12 interacts with CCNC. "
        "TP53 interacts with CCNC. MED12 takes part in DNA repair. TP53 takes part in DNA repair."
    )


def test_the_estimate_is_what_the_expression_model_says() -> None:
    class Says(ToyFacts):
        def score(self, claims: Sequence[Claim]) -> NDArray[np.float64]:
            return np.array([{"P00": 0.03779, "P01": 1.0}.get(claim.subject, np.nan) for claim in claims])

    def text(pert: str, relation: str = "changes_expression_of") -> str:
        shown = FactBook(Says(), None, list(np.linspace(0.1, 0.9, 8)), kinds=["estimate"])
        return shown.facts(Claim(pert, relation, "G0", "toy")).text()

    assert (text("P00"), text("P01"), text("P02")) == ("estimate 037", "estimate 999", "estimate none")
    assert text("P00", "interacts_with") == ""  # not a knockdown


@given(st.integers(0, 999))
def test_an_estimate_is_read_in_the_middle_of_its_step(estimate: int) -> None:
    middle = min(max(estimate / 1000 + 0.0005, 0.001), 0.999)
    assert estimate_logit(estimate) == pytest.approx(np.log(middle / (1 - middle)))


@pytest.mark.parametrize(
    ("kinds", "lines"),
    [(DEFAULT_FACTS, ["rate", "estimate", "link"]), (WITH_NEIGHBOURS, ["rate", "estimate", "yes", "no", "link"])],
)
def test_kinds_are_short(kinds: tuple[FactKind, ...], lines: list[str]) -> None:
    claim = Claim("P00", "changes_expression_of", "G0", "toy")
    book = FactBook(ToyFacts(), None, list(np.linspace(0.1, 0.9, 8)), kinds=kinds)
    shown = open_question(claim, book.facts(claim)).splitlines()
    assert [line.split()[0] for line in shown] == ["Does", *lines]
