"""Counterfactual facts: the same prompt with negated outcomes. A policy that uses the facts then answers otherwise."""

from __future__ import annotations

from rbio_kg.core.claims import Claim
from rbio_kg.training.prompts.facts import FactKind, FactLookup, Facts, FactSource


class CounterfactualFacts:
    """Another source's facts with every outcome and estimate negated; base rates and facts of the graph stay.

    Args:
        original: the facts that are negated.
    """

    def __init__(self, original: FactLookup) -> None:
        self.original = original

    @property
    def source(self) -> FactSource:
        """Knowledge of the train knockdowns behind the original facts."""
        return self.original.source

    @property
    def kinds(self) -> tuple[FactKind, ...]:
        """The kinds of facts that are shown."""
        return self.original.kinds

    def facts(self, claim: Claim) -> Facts:
        """The facts of one claim, negated."""
        return self.original.facts(claim).negated()

    def rate(self, claim: Claim) -> float:
        """Base rate of the claim's relation for its object, as the original facts give it; 0 to 1."""
        return self.original.rate(claim)
