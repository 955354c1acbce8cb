"""What a verifier answers is checked in one place: every wrong answer is named, every right one passes unchanged."""

from __future__ import annotations

import doctest
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rbio_kg.core.claims import Claim, Relation, Status, Verdict
from rbio_kg.core.errors import AnswerError, VerifierError
from rbio_kg.verifiers.base import answers
from rbio_kg.verifiers.base.answers import checked_scores, checked_verdict, scores_of, verdict_of
from rbio_kg.verifiers.base.verifier import Card
from rbio_kg.verifiers.testing import CheckContext, run_checks
from tests.support.table_verifiers import TableVerifier
from tests.support.wrong_verifiers import WRONG_ANSWERS, WrongVerifier

CLAIMS = [Claim(f"A{i}", Relation.CHANGES_EXPRESSION_OF, f"B{i}", "k562") for i in range(8)]
SAID = {
    "column": "float64 of shape (8, 1) for 8 claims",
    "longer": "float64 of shape (9,) for 8 claims",
    "none": "gave None for 8 claims",
    "list_of_none": "a list of 8 (NoneType)",
    "list_of_strings": "a list of 8 (str)",
    "single": "float32 of shape (8,)",
    "number": "a float for 8 claims",
    "high": "scored 1.2 for A0 changes_expression_of B0 in k562: not a probability",
    "minus_infinite": "scored -inf for A0",
    "one_too_low": "scored -0.001 for A7",
    "raises": "verifier wrong failed: ZeroDivisionError: no weights",
}


@pytest.mark.parametrize("fault", WRONG_ANSWERS)
def test_a_wrong_answer_names_the_verifier_and_what_it_gave(fault: str) -> None:
    expected = "failed" if fault == "raises" else r"0 to 1|not a float64 array of shape \(8,\)"
    with pytest.raises(VerifierError, match=f"^verifier wrong .*({expected})") as caught:
        scores_of("wrong", WrongVerifier(fault), CLAIMS)
    assert isinstance(caught.value, AnswerError) == (fault != "raises")
    assert SAID.get(fault, "") in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("fault", WRONG_ANSWERS)
def test_the_checks_say_what_is_wrong(fault: str) -> None:
    outcomes = {item.name: item for item in run_checks(CheckContext(WrongVerifier(fault), CLAIMS))}
    found = outcomes["scores_are_probabilities"]
    assert not found.passed
    assert SAID.get(fault, "wrong").removeprefix("verifier wrong failed: ") in found.message
    assert not any("TypeError" in item.message or "IndexError" in item.message for item in outcomes.values())


@given(
    arrays.arrays(
        np.float64,
        st.integers(0, 8),
        elements=st.one_of(st.floats(0.0, 1.0), st.just(float("nan"))),
    )
)
def test_probabilities_pass_unchanged(scores: Any) -> None:
    assert checked_scores("mine", scores, CLAIMS[: len(scores)]) is scores


@given(st.integers(0, 7), st.floats(allow_nan=False).filter(lambda value: not 0.0 <= value <= 1.0))
def test_any_other_number_is_refused_with_its_claim(place: int, value: float) -> None:
    scores = np.full(8, 0.25)
    scores[place] = value
    with pytest.raises(AnswerError, match=f"for A{place} changes_expression_of B{place}"):
        checked_scores("mine", scores, CLAIMS)


@pytest.mark.parametrize("answer", [None, 0.5, "likely", (0.5, "ok"), {"score": 0.5}, np.array([0.5])])
def test_an_explanation_must_be_a_verdict(answer: Any) -> None:
    with pytest.raises(AnswerError, match=r"verifier mine explained A0 .* not a Verdict"):
        checked_verdict("mine", answer, CLAIMS[0], TableVerifier({}).card)


def test_a_verdict_passes_and_a_fault_is_attributed() -> None:
    verifier = TableVerifier({("A0", "B0"): 0.5})
    assert verdict_of("table", verifier, CLAIMS[0]) == Verdict(0.5, Status.OK, reason="looked up", verifier="table")

    class Broken(TableVerifier):
        def explain(self, claim: Claim, text: str | None = None) -> Verdict:
            return Verdict(1.2, Status.OK, verifier=self.name)

    with pytest.raises(VerifierError, match=r"verifier mine failed: ClaimError: .*1\.2"):
        verdict_of("mine", Broken({}), CLAIMS[0])


@pytest.mark.parametrize("relation", ["changes_expression_of", "interacts_with"])
def test_a_verdict_is_marked_where_the_card_names_simulated_labels(relation: str) -> None:
    class Simulated(TableVerifier):
        @property
        def card(self) -> Card:
            return replace(super().card, simulated=True)

    verdict = verdict_of("mine", Simulated({("A", "B"): 0.5}), Claim("A", relation, "B", "k562"))
    assert verdict.simulated is (relation == "changes_expression_of")
    assert not verdict_of("mine", Simulated({}), Claim("A", relation, "B", "k562")).simulated


def test_examples() -> None:
    assert doctest.testmod(answers, optionflags=doctest.ELLIPSIS).failed == 0
