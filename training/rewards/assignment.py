"""Which verifiers score which question: every verifier that can, or one for each, drawn by weight.

The rbio-1 paper mixes data sets, each with its own verifier, so that one verifier scores each row (`one_per_row`). Here
all verifiers that do not abstain may score the same row (`all`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError
from rbio_kg.core.typing import BoolArray, FloatArray
from rbio_kg.training.prompts.templates import family_of

Assignment = Literal["all", "one_per_row"]


class Assigner:
    """Assigns verifiers to claims; the same claim always gets the same ones.

    Args:
        weights: verifier to weight; weight 0 assigns it nothing.
        how: `all`, or `one_per_row`: one of a claim's verifiers, drawn in proportion to the weights among those that do
            not abstain.
        verifiers_by_family: family of questions to the names of its verifiers (physical interactions go with the
            functional ones); a family that is not named has all of them.

    Raises:
        RewardError: the assignment is unknown, or a family's verifier is not one of the reward's.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        how: Assignment = "all",
        verifiers_by_family: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        if how not in get_args(Assignment):
            raise RewardError(f"unknown assignment {how!r}", hint="known: " + ", ".join(get_args(Assignment)))
        self.weights = {name: weight for name, weight in weights.items() if weight > 0}
        self.how = how
        self.verifiers_by_family = {family: tuple(names) for family, names in (verifiers_by_family or {}).items()}
        for family, names in self.verifiers_by_family.items():
            unknown = [name for name in names if name not in weights]
            if unknown:
                raise RewardError(
                    f"{unknown[0]} is a verifier of {family} questions but not one of the reward's verifiers",
                    hint="give it a weight, or take it out of verifiers_by_family",
                )

    def verifiers_for(self, family: str) -> tuple[str, ...]:
        """Names of the verifiers that may score a family of questions."""
        return self.verifiers_by_family.get(family, tuple(self.weights))

    def masks(self, claims: Sequence[Claim], available: Mapping[str, BoolArray]) -> dict[str, BoolArray]:
        """For each verifier, which claims it scores, bool (n,).

        Args:
            claims: (n,).
            available: verifier to whether it can score each claim, (n,); all True for text verifiers.
        """
        masks = {name: np.zeros(len(claims), dtype=np.bool_) for name in available}
        known: dict[Claim, list[str]] = {}
        for row, claim in enumerate(claims):
            if claim not in known:
                known[claim] = self._chosen(claim, {name for name in available if available[name][row]})
            for name in known[claim]:
                masks[name][row] = True
        return masks

    def _chosen(self, claim: Claim, available: set[str]) -> list[str]:
        family = self.verifiers_for(family_of(claim.relation))
        if self.how == "all":
            return [name for name in self.weights if name in family]
        able = [name for name in self.weights if name in family and name in available]
        if len(able) < 2:
            return able
        shares = np.cumsum([self.weights[name] for name in able])
        # The prefix is part of the draw: another word would draw other verifiers.
        draw = int.from_bytes(hashlib.sha256(f"judge\t{claim.id}".encode()).digest()[:6], "big") / 2**48
        return [able[int(np.searchsorted(shares, draw * shares[-1], side="right"))]]


def text_share(by_claim: BoolArray, by_text: BoolArray, text_weight: float) -> FloatArray:
    """Share of each row's reward that text verifiers decide, (n,).

    It is 0 where no text verifier scores the row, 1 where only text verifiers do, and `text_weight` where both do.

    Args:
        by_claim: whether a claim verifier scores the row, (n,).
        by_text: whether a text verifier does, (n,).
        text_weight: the share where both do.
    """
    return np.where(by_text, np.where(by_claim, text_weight, 1.0), 0.0)
