"""What every verifier must do. Inherit, name the class `Test...`, and give the fixtures `verifier` and `claims`.

A text verifier also gives `texts`; a verifier that judges self-claims, or does not need its subject to be a known gene,
says so in the class attributes.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence

import numpy as np
import pytest

from rbio_kg.claims import Claim, Relation, Status, Verdict
from verifiers.interface import Card, Verifier

RELATIONS = tuple(Relation)


class VerifierBattery:
    """The tests. Scores are compared exactly, save where a batch may be summed in another order (1e-9)."""

    abstains_on_unknown_genes = True
    abstains_on_self_claims = True

    @pytest.fixture
    def verifier(self) -> Verifier:
        """The verifier under test, ready to score."""
        raise NotImplementedError

    @pytest.fixture
    def claims(self) -> list[Claim]:
        """At least six claims; at least two different scores among them, and none about an unknown gene."""
        raise NotImplementedError

    @pytest.fixture
    def texts(self, verifier: Verifier, claims: list[Claim]) -> list[str] | None:
        """One text per claim for a text verifier, None for a claim verifier."""
        assert verifier.kind == "claim", "the battery of a text verifier gives texts"
        return None

    def test_has_a_name_and_a_kind(self, verifier: Verifier) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", verifier.name)
        assert verifier.kind in ("claim", "text")

    def test_card_is_complete(self, verifier: Verifier) -> None:
        card = verifier.card
        assert isinstance(card, Card)
        for field in ("knows", "abstains", "licence", "reference", "range"):
            assert getattr(card, field).strip(), f"the card says nothing in {field}"
        assert card.relations and card.relations <= set(Relation)
        assert card.sources and all(source.strip() for source in card.sources)
        assert isinstance(card.simulated, bool)
        assert pickle.loads(pickle.dumps(card.to_json())) == card.to_json()

    def test_scores_are_probabilities(self, verifier: Verifier, claims: list[Claim], texts: list[str] | None) -> None:
        scores = verifier.score(claims, texts)
        assert isinstance(scores, np.ndarray)
        assert scores.shape == (len(claims),)
        assert scores.dtype == np.float64
        spoken = scores[~np.isnan(scores)]
        assert ((spoken >= 0) & (spoken <= 1)).all()
        assert len(np.unique(spoken)) > 1, "a constant verifier teaches nothing"

    def test_empty_input(self, verifier: Verifier) -> None:
        for texts in (None, []):
            scores = verifier.score([], texts)
            assert scores.shape == (0,)
            assert scores.dtype == np.float64

    def test_is_deterministic(self, verifier: Verifier, claims: list[Claim], texts: list[str] | None) -> None:
        np.testing.assert_array_equal(verifier.score(claims, texts), verifier.score(claims, texts))

    def test_keeps_the_order(self, verifier: Verifier, claims: list[Claim], texts: list[str] | None) -> None:
        order = np.random.default_rng(0).permutation(len(claims))
        shuffled = verifier.score([claims[i] for i in order], _take(texts, order))
        np.testing.assert_allclose(shuffled, verifier.score(claims, texts)[order], rtol=0, atol=1e-9)

    def test_one_at_a_time_is_the_same(self, verifier: Verifier, claims: list[Claim], texts: list[str] | None) -> None:
        single = [verifier.score([claim], _take(texts, [i]))[0] for i, claim in enumerate(claims)]
        np.testing.assert_allclose(single, verifier.score(claims, texts), rtol=0, atol=1e-9)

    def test_duplicates_get_equal_scores(
        self, verifier: Verifier, claims: list[Claim], texts: list[str] | None
    ) -> None:
        order = [i for i in range(len(claims)) for _ in range(3)]
        scores = verifier.score([claims[i] for i in order], _take(texts, order)).reshape(-1, 3)
        np.testing.assert_array_equal(scores, scores[:, :1].repeat(3, axis=1))

    def test_pickles(self, verifier: Verifier, claims: list[Claim], texts: list[str] | None) -> None:
        fresh = pickle.loads(pickle.dumps(verifier))
        expected = verifier.score(claims, texts)
        np.testing.assert_array_equal(fresh.score(claims, texts), expected)
        used = pickle.loads(pickle.dumps(verifier))
        np.testing.assert_array_equal(used.score(claims, texts), expected)
        assert fresh.card == verifier.card
        assert len(pickle.dumps(verifier)) < 1_000_000, "a verifier pickles its address, not its data"

    def test_unknown_genes_are_no_answer(self, verifier: Verifier, claims: list[Claim]) -> None:
        if not self.abstains_on_unknown_genes:
            pytest.skip("this verifier does not look its genes up")
        known = claims[0]
        strange = [
            Claim("NOSUCHGENE", known.relation, known.object, known.cell_line),
            Claim(known.subject, known.relation, "NOSUCHGENE", known.cell_line),
            Claim("NOSUCHGENE", known.relation, "NOSUCHGENE2", known.cell_line),
        ]
        assert np.isnan(verifier.score(strange, _words(verifier, strange))).all()

    def test_one_unknown_gene_changes_nothing_for_the_others(
        self, verifier: Verifier, claims: list[Claim], texts: list[str] | None
    ) -> None:
        with_stranger = [claims[0], Claim("NOSUCHGENE", claims[0].relation, claims[0].object), *claims[1:]]
        words = None if texts is None else [texts[0], "", *texts[1:]]
        scores = np.delete(verifier.score(with_stranger, words), 1)
        np.testing.assert_allclose(scores, verifier.score(claims, texts), rtol=0, atol=1e-9)

    def test_self_claims_are_no_answer(self, verifier: Verifier, claims: list[Claim]) -> None:
        if not self.abstains_on_self_claims:
            pytest.skip("this verifier judges self-claims")
        mirror = [Claim(claim.subject, claim.relation, claim.subject, claim.cell_line) for claim in claims]
        assert np.isnan(verifier.score(mirror, _words(verifier, mirror))).all()

    def test_unknown_relations_of_its_card_are_no_answer(self, verifier: Verifier, claims: list[Claim]) -> None:
        other = [relation for relation in RELATIONS if relation not in verifier.card.relations]
        strange = [Claim(claims[0].subject, relation, claims[0].object, claims[0].cell_line) for relation in other]
        scores = verifier.score(strange, _words(verifier, strange))
        assert scores.shape == (len(other),)
        assert np.isnan(scores).all()

    def test_texts_of_another_length_are_refused(self, verifier: Verifier, claims: list[Claim]) -> None:
        with pytest.raises(ValueError, match="text"):
            verifier.score(claims, ["one text"] * (len(claims) + 1))

    def test_a_text_verifier_needs_texts_and_a_claim_verifier_ignores_them(
        self, verifier: Verifier, claims: list[Claim], texts: list[str] | None
    ) -> None:
        if verifier.kind == "text":
            assert np.isnan(verifier.score(claims)).all()
            assert verifier.explain(claims[0]).status is Status.ABSTAIN
        else:
            words = [f"text {i}" for i in range(len(claims))]
            np.testing.assert_array_equal(verifier.score(claims, words), verifier.score(claims))

    def test_explanations_agree_with_scores(
        self, verifier: Verifier, claims: list[Claim], texts: list[str] | None
    ) -> None:
        stranger = Claim("NOSUCHGENE", claims[0].relation, "NOSUCHGENE2", claims[0].cell_line)
        mirror = Claim(claims[0].subject, claims[0].relation, claims[0].subject, claims[0].cell_line)
        asked = [*claims, stranger, mirror]
        words = None if texts is None else [*texts, texts[0], texts[0]]
        for i, (claim, score) in enumerate(zip(asked, verifier.score(asked, words), strict=True)):
            verdict = verifier.explain(claim, None if words is None else words[i])
            assert isinstance(verdict, Verdict)
            assert verdict.verifier == verifier.name
            assert verdict.reason.strip(), "a verdict gives a reason, above all when it abstains"
            assert "\n" not in verdict.reason
            if np.isnan(score):
                assert verdict.status is Status.ABSTAIN
                assert verdict.score is None
            else:
                assert verdict.status is Status.OK
                assert verdict.score == pytest.approx(score, rel=0, abs=1e-9)
            self.check_evidence(verdict)

    def check_evidence(self, verdict: Verdict) -> None:
        """Weights lie between 0 and 1, the steps of one path stay together, and it all goes into JSON."""
        paths = [element.path for element in verdict.evidence]
        assert paths == sorted(paths)
        assert all(0.0 <= element.weight <= 1.0 for element in verdict.evidence)
        assert pickle.loads(pickle.dumps(verdict)).to_json() == verdict.to_json()
        _assert_plain(verdict.to_json())


def _take(texts: list[str] | None, order: Sequence[int] | np.ndarray) -> list[str] | None:
    return None if texts is None else [texts[i] for i in order]


def _words(verifier: Verifier, claims: list[Claim]) -> list[str] | None:
    if verifier.kind == "claim":
        return None
    return [f"{claim.subject} interacts with {claim.object}." for claim in claims]


def _assert_plain(value: object) -> None:
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value)
        for item in value.values():
            _assert_plain(item)
    elif isinstance(value, list):
        for item in value:
            _assert_plain(item)
    else:
        assert value is None or isinstance(value, (str, bool, int, float)), f"{value!r} is not plain JSON"
        assert not (isinstance(value, float) and not np.isfinite(value)), "NaN never appears in JSON"
