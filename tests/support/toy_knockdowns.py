"""A small world of knockdowns whose outcomes follow a rule, and a book of facts about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.claims import Claim
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.prompts.facts import FactKind
from tests.support.table_verifiers import TableVerifier

PERTS = [f"P{i:02d}" for i in range(24)]
GENES = [f"G{i}" for i in range(8)]
FOLDS = 6
WITH_NEIGHBOURS: tuple[FactKind, ...] = ("rate", "estimate", "neighbours", "link")
"""Facts that say more than the default ones do."""


def changes(pert: str, gene: str) -> bool:
    """Even knockdowns change even genes, odd ones odd genes; a seventh of the pairs is the other way."""
    p, g = int(pert[1:]), int(gene[1:])
    return ((p + g) % 2 == 0) != ((p * 5 + g * 3) % 7 == 0)


def fold(pert: str) -> int | None:
    """The fold of a train knockdown; None for a test one."""
    number = int(pert[1:])
    return number % FOLDS if number < 18 else None


def question_frame(*, simulated: bool = True) -> pl.DataFrame:
    """Every pair of the world with its label; the last six knockdowns are the test split."""
    rows = [
        (p, g, int(changes(p, g)), "test" if fold(p) is None else "train", "toy", "de", simulated)
        for p in PERTS
        for g in GENES
    ]
    names = ["pert", "gene", "label", "split", "cell_line", "task", "simulated"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"label": pl.Int64})


@dataclass(frozen=True)
class Known:
    pert: str
    similarity: float
    outcome: int


class ToyFacts:
    """Knows the train knockdowns, out of fold; knockdowns of one parity are alike."""

    def neighbours(self, claim: Claim, k: int) -> list[Known]:
        own = fold(claim.subject)
        known = [
            Known(p, self.similarity(claim.subject, p), int(changes(p, claim.object)))
            for p in PERTS
            if fold(p) is not None and fold(p) != own
        ]
        return sorted(known, key=lambda item: (-item.similarity, item.pert))[:k]

    def rate(self, claim: Claim) -> float:
        own = fold(claim.subject)
        return float(np.mean([changes(p, claim.object) for p in PERTS if fold(p) is not None and fold(p) != own]))

    def score(self, claims: Sequence[Claim]) -> NDArray[np.float64]:
        """The share of a knockdown's six nearest that changed the object; nothing of unknown knockdowns."""
        return np.array(
            [
                np.mean([item.outcome for item in self.neighbours(claim, 6)]) if claim.subject in PERTS else np.nan
                for claim in claims
            ]
        )

    @staticmethod
    def similarity(first: str, second: str) -> float:
        a, b = int(first[1:]), int(second[1:])
        return (0.6 if a % 2 == b % 2 else 0.1) + 0.01 * (abs(a - b) % 10)


def toy_questions() -> QuestionSet:
    return QuestionSet(question_frame())


def toy_verifier() -> TableVerifier:
    """Says .85 where the knockdown changes the gene, .15 where not."""
    return TableVerifier({(p, g): 0.85 if changes(p, g) else 0.15 for p in PERTS for g in GENES})
