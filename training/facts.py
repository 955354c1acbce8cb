"""Open-book facts: what stands in the prompt beside the question.

For a claim "a knockdown of A changes B": how often B changes at all (tenths), the known knockdowns most like A with
what they did to B, and whether the graph joins A and B directly. Knockdowns come from train rows only, and for a train
question only from other folds than its own, so that no fact is read off the question's own label or its fold's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from rbio_kg.claims import Claim

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot import Snapshot

Link = Literal["interacts with", "regulates"]
DIGITS = 9
"""Similarities are told as one digit: 1 (least) to 9 (most), by the quantiles of train questions."""


class KnownOutcome(Protocol):
    """A train knockdown and what it did to the object."""

    @property
    def pert(self) -> str:
        """The gene that was knocked down."""

    @property
    def similarity(self) -> float:
        """How like the claim's subject it is; any scale."""

    @property
    def outcome(self) -> int:
        """1 where the claim's relation held for it, else 0."""


class FactSource(Protocol):
    """Who knows the train knockdowns; `verifiers.expression.ExpressionVerifier` is one."""

    def neighbours(self, claim: Claim, k: int) -> Sequence[KnownOutcome]:
        """The k train knockdowns most like the subject with a label for the object, most similar first."""

    def gene_rate(self, gene: str, cell_line: str, pert: str | None = None) -> float:
        """Share of train knockdowns that change the gene, without those of `pert`'s fold; 0 to 1."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the book says about one claim.

    Args:
        rate: how many in ten knockdowns change the object, 0 to 9 (rounded down: a fine number would tell the label,
            because leaving a row out of a mean moves the mean away from it).
        neighbours: (name, similarity digit 1 to 9, outcome 0 or 1), most similar first.
        link: how the graph joins subject and object, None where it does not.
    """

    rate: int
    neighbours: tuple[tuple[str, int, int], ...]
    link: Link | None

    @property
    def changed(self) -> int:
        """How many of the neighbours' outcomes are 1."""
        return sum(outcome for _, _, outcome in self.neighbours)


class FactBook:
    """Looks facts up.

    Args:
        source: who knows the train knockdowns.
        snapshot: the graph, for direct links; without it no link is told.
        thresholds: the 8 similarities between neighbouring digits, ascending (see `fit`).
        neighbours: how many known knockdowns are told.
    """

    def __init__(
        self, source: FactSource, snapshot: Snapshot | None, thresholds: Sequence[float], neighbours: int = 6
    ) -> None:
        if len(thresholds) != DIGITS - 1:
            raise ValueError(f"{DIGITS - 1} thresholds are needed, not {len(thresholds)}")
        self.source = source
        self.snapshot = snapshot
        self.thresholds = np.asarray(thresholds, dtype=np.float64)
        self.neighbours = neighbours
        self._known: dict[Claim, Facts] = {}

    @classmethod
    def fit(
        cls, source: FactSource, snapshot: Snapshot | None, claims: Iterable[Claim], neighbours: int = 6
    ) -> FactBook:
        """A book whose digits are the ninths of the similarities found for these (train) claims."""
        found = [item.similarity for claim in claims for item in source.neighbours(claim, neighbours)]
        shares = np.arange(1, DIGITS) / DIGITS
        thresholds = np.quantile(found, shares) if found else shares
        return cls(source, snapshot, [float(value) for value in thresholds], neighbours)

    def facts(self, claim: Claim) -> Facts:
        """The facts of one claim about a knockdown; remembered, because lessons, prompts and rewards all ask."""
        if claim not in self._known:
            self._known[claim] = self._look_up(claim)
        return self._known[claim]

    def _look_up(self, claim: Claim) -> Facts:
        known = self.source.neighbours(claim, self.neighbours)
        digits = 1 + np.searchsorted(self.thresholds, [item.similarity for item in known], side="left")
        return Facts(
            rate=min(int(self.rate(claim) * 10), 9),
            neighbours=tuple(
                (item.pert, int(digit), int(item.outcome)) for item, digit in zip(known, digits, strict=True)
            ),
            link=self.link(claim),
        )

    def rate(self, claim: Claim) -> float:
        """The object's rate of change over train knockdowns, out of the subject's fold; 0 to 1."""
        return float(self.source.gene_rate(claim.object, claim.cell_line or "", claim.subject))

    def link(self, claim: Claim) -> Link | None:
        """How the graph joins subject and object directly."""
        if self.snapshot is None:
            return None
        subject, target = (self.snapshot.genes.index(name) for name in (claim.subject, claim.object))
        if subject < 0 or target < 0 or subject == target:
            return None
        if target in self.snapshot.interactions.row(subject)[0]:
            return "interacts with"
        return "regulates" if target in self.snapshot.regulates.row(subject)[0] else None
