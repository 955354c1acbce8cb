"""Small verifiers for tests of rewards: a table look-up for claims, a word count for texts, and broken ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from rbio_kg.core.claims import Claim, Relation, Status, Verdict
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Card, Verifier


class TableVerifier(Verifier):
    """Knows the probability of some pairs of genes; abstains about the rest. Counts its calls."""

    name = "table"

    def __init__(self, known: Mapping[tuple[str, str], float]) -> None:
        self.known = dict(known)
        self.calls: list[int] = []

    @property
    def card(self) -> Card:
        return Card("a table", frozenset(Relation), "pairs not in the table", (), "none", "none")

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        self.calls.append(len(claims))
        return np.array([self.known.get((claim.subject, claim.object), np.nan) for claim in claims])

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        value = self.known.get((claim.subject, claim.object))
        return Verdict(value, Status.ABSTAIN if value is None else Status.OK, reason="looked up", verifier=self.name)


class VowelVerifier(Verifier):
    """Share of vowels among the letters of the text; abstains about a text without letters."""

    name = "vowels"
    kind: ClassVar[Literal["claim", "text"]] = "text"

    @property
    def card(self) -> Card:
        return Card("vowels", frozenset(Relation), "texts without letters", (), "none", "none")

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        return np.array([self._share(text) for text in texts or [""] * len(claims)])

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        share = self._share(text or "")
        if np.isnan(share):
            return Verdict(None, Status.ABSTAIN, verifier=self.name)
        return Verdict(share, Status.OK, verifier=self.name)

    @staticmethod
    def _share(text: str) -> float:
        letters = [letter for letter in text.lower() if letter.isalpha()]
        return sum(letter in "aeiou" for letter in letters) / len(letters) if letters else float("nan")


class BrokenVerifier(TableVerifier):
    """Raises, or answers with what is no probability."""

    name = "broken"

    def __init__(self, answer: float | None) -> None:
        super().__init__({})
        self.answer = answer

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        if self.answer is None:
            raise KeyError("no such gene table")
        return np.full(len(claims), self.answer)

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        raise KeyError("no such gene table")
