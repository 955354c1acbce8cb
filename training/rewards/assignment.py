"""Who judges which question: every verifier that can, or one for each, drawn by weight.

The rbio-1 paper mixes data sets of which each brings its own verifier, so that one verifier pays each row
(`one_per_row`); here all verifiers that speak may pay the same row (`all`).
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
    """Says which verifiers judge which claims; the same claim always gets the same ones.

    Args:
        weights: verifier to weight; weight 0 judges nothing.
        how: `all`, or `one_per_row`: one of a claim's verifiers, drawn with a chance in proportion to the weights
            among those that speak about it.
        judges: family of questions to the names of its verifiers (physical interactions go with the functional ones);
            a family that is not named is judged by all.

    Raises:
        RewardError: the way is unknown, or a family's verifier is not one of the reward's.
    """

    def __init__(
        self, weights: Mapping[str, float], how: Assignment = "all", judges: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        if how not in get_args(Assignment):
            raise RewardError(f"unknown assignment {how!r}", hint="known: " + ", ".join(get_args(Assignment)))
        self.weights = {name: weight for name, weight in weights.items() if weight > 0}
        self.how = how
        self.judges = {family: tuple(names) for family, names in (judges or {}).items()}
        for family, names in self.judges.items():
            strange = [name for name in names if name not in weights]
            if strange:
                raise RewardError(
                    f"{strange[0]} shall judge {family} questions and is not one of the reward's verifiers",
                    hint="give it a weight, or take it out of judges",
                )

    def masks(self, claims: Sequence[Claim], spoke: Mapping[str, BoolArray]) -> dict[str, BoolArray]:
        """For each verifier, which claims it judges, bool (n,).

        Args:
            claims: (n,).
            spoke: verifier to whether it can speak about each claim, (n,); all True for text verifiers.
        """
        masks = {name: np.zeros(len(claims), dtype=np.bool_) for name in spoke}
        known: dict[Claim, list[str]] = {}
        for row, claim in enumerate(claims):
            if claim not in known:
                known[claim] = self._chosen(claim, {name for name in spoke if spoke[name][row]})
            for name in known[claim]:
                masks[name][row] = True
        return masks

    def _chosen(self, claim: Claim, speaking: set[str]) -> list[str]:
        family = self.judges.get(family_of(claim.relation), tuple(self.weights))
        if self.how == "all":
            return [name for name in self.weights if name in family]
        able = [name for name in self.weights if name in family and name in speaking]
        if len(able) < 2:
            return able
        shares = np.cumsum([self.weights[name] for name in able])
        draw = int.from_bytes(hashlib.sha256(f"judge\t{claim.id}".encode()).digest()[:6], "big") / 2**48
        return [able[int(np.searchsorted(shares, draw * shares[-1], side="right"))]]


def rewarded_share(claims: BoolArray, texts: BoolArray, text_weight: float) -> FloatArray:
    """Share of each row's pay that text decides, (n,): all of it where no claim verifier judges the row, else
    `text_weight`, and nothing where no text verifier does.

    Args:
        claims: whether a claim verifier judges the row, (n,).
        texts: whether a text verifier does, (n,).
        text_weight: the share where both do.
    """
    return np.where(texts, np.where(claims, text_weight, 1.0), 0.0)
