"""Open-book facts: what the prompt contains next to the question.

For a knockdown these are the base rate of the object (tenths), the estimate of the expression model (thousandths), the
known knockdowns most similar to the subject with their outcome for the object, and what the graph says about the two.
Where a change is given, the known knockdowns are all among those that changed the object.

Known knockdowns come from train rows only. For a train question they come from other folds than its own, so that no
fact depends on a label of the question's own fold. The same holds for the rows that the estimate was fitted on. Facts
from the graph hold no knockdown label, and never the edge or term of the question itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation
from rbio_kg.training.prompts.graph_facts import GraphFacts, Link
from rbio_kg.verifiers.pooling import CERTAINTY
from rbio_kg.verifiers.stats.probability import clipped_logit

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot.snapshot import Snapshot

FactKind = Literal["rate", "estimate", "neighbours", "names", "link", "two_step", "terms"]
FACT_KINDS: tuple[FactKind, ...] = ("rate", "estimate", "neighbours", "names", "link", "two_step", "terms")
"""All kinds of facts, most useful first; `names` says which knockdowns the neighbours are."""
DEFAULT_FACTS: tuple[FactKind, ...] = ("rate", "estimate", "link")
"""With the estimate in the prompt the neighbours do not justify their tokens: after a short warm-up the model reads the
estimate less well (`benchmarks/policy/policy_settings.py facts`)."""
DIGITS = 9
"""Similarities are shown as one digit: 1 (least) to 9 (most), by the quantiles of train questions."""


def estimate_logit(estimate: int) -> float:
    """Log-odds of an estimate in thousandths, taken in the middle of its step."""
    return float(clipped_logit((estimate + 0.5) / 1000.0, CERTAINTY))


class KnownOutcome(Protocol):
    """A train knockdown and what it did to the object."""

    @property
    def pert(self) -> str:
        """The gene that was knocked down."""

    @property
    def similarity(self) -> float:
        """Similarity to the claim's subject; any scale."""

    @property
    def outcome(self) -> int:
        """1 where the claim's relation held for it, else 0."""


class FactSource(Protocol):
    """Knowledge of the train knockdowns; `rbio_kg.verifiers.expression.verifier.ExpressionVerifier` has it."""

    def neighbours(self, claim: Claim, k: int) -> Sequence[KnownOutcome]:
        """The k train knockdowns most similar to the subject with a label for the object, most similar first.

        Where the claim takes a change for granted, only those that changed the object.
        """

    def rate(self, claim: Claim) -> float:
        """Share of train knockdowns, without those of the subject's fold, for which the claim's relation holds of the
        object; 0 to 1."""

    def score(self, claims: Sequence[Claim]) -> NDArray[np.float64]:
        """Probabilities that claims hold, (n,), out of fold for train knockdowns; NaN where it has none."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one claim.

    Args:
        rate: base rate in tenths, 0 to 9, rounded down. (A finer number would leak the label: leaving a row out of a
            mean moves the mean away from it.)
        neighbours: (name, similarity digit 1 to 9, outcome 0 or 1), most similar first.
        link: how the graph joins subject and object, None where it does not.
        two_step: genes that join the two, strongest first.
        terms: names of the most specific terms that both have, most specific first.
        kinds: the kinds that are shown; the other fields are empty.
        estimate: the expression model's probability in thousandths, 0 to 999, rounded down; None where it has none.
    """

    rate: int
    neighbours: tuple[tuple[str, int, int], ...]
    link: Link | None
    two_step: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    kinds: tuple[FactKind, ...] = DEFAULT_FACTS
    estimate: int | None = None

    @property
    def changed(self) -> int:
        """How many of the neighbours' outcomes are 1."""
        return sum(outcome for _, _, outcome in self.neighbours)

    def text(self) -> str:
        """The facts as lines of a prompt, most useful first; terse, because every token costs a small model time.

        `rate` is the base rate in tenths and `estimate` the expression model's probability in thousandths. `yes` and
        `no` list the similar knockdowns by outcome, each as its similarity digit, most similar first. `link` is whether
        the graph joins the two directly, `via` names genes in between, and `both` the terms that both have.
        """
        lines = [f"rate {self.rate}"] if "rate" in self.kinds else []
        if "estimate" in self.kinds:
            lines.append(f"estimate {'none' if self.estimate is None else f'{self.estimate:03d}'}")
        if "neighbours" in self.kinds:
            for outcome, word in ((1, "yes"), (0, "no")):
                lines.append(f"{word} {self._digits(outcome) or 'none'}")
        if "link" in self.kinds:
            lines.append(f"link {'yes' if self.link else 'no'}")
        if "two_step" in self.kinds:
            lines.append(f"via {' '.join(self.two_step) or 'none'}")
        if "terms" in self.kinds:
            lines.append(f"both {'; '.join(self.terms) or 'none'}")
        return "\n".join(lines)

    def _digits(self, wanted: int) -> str:
        same = [(name, digit) for name, digit, outcome in self.neighbours if outcome == wanted]
        if "names" in self.kinds:
            return " ".join(f"{name} {digit}" for name, digit in same)
        return "".join(str(digit) for _, digit in same)

    def names(self) -> list[str]:
        """The genes that the facts name in addition to the claim's own."""
        return [*(name for name, _, _ in self.neighbours), *self.two_step]

    def negated(self) -> Facts:
        """The same with the outcome of every neighbour and the estimate negated."""
        neighbours = tuple((name, digit, 1 - outcome) for name, digit, outcome in self.neighbours)
        return replace(self, neighbours=neighbours, estimate=None if self.estimate is None else 999 - self.estimate)

    def numbers(self) -> dict[FactKind, list[float]]:
        """The facts as numbers for a linear model, by kind; names carry no number.

        `rate`: one of ten, and the rate; `estimate`: whether there is one, and its log-odds; `neighbours`: how many of
        each digit did not and did, and their mean outcome, weighted by digit; the others: how many.
        """
        tenths, digits = np.zeros(10), np.zeros(18)
        tenths[self.rate] = 1.0
        for _, digit, outcome in self.neighbours:
            digits[digit - 1 + 9 * outcome] += 1.0
        weights = np.array([(digit / 9.0) ** 3 for _, digit, _ in self.neighbours])
        outcomes = np.array([outcome for _, _, outcome in self.neighbours], dtype=float)
        vote = float(weights @ outcomes / weights.sum()) if len(weights) else 0.0
        return {
            "rate": [*tenths.tolist(), self.rate / 10.0],
            "estimate": [
                float(self.estimate is not None),
                0.0 if self.estimate is None else estimate_logit(self.estimate),
            ],
            "neighbours": [*digits.tolist(), vote],
            "link": [float(self.link is not None)],
            "two_step": [float(len(self.two_step))],
            "terms": [float(len(self.terms))],
        }

    def drop_last(self) -> Facts:
        """The same without the least useful item: the last item of the last kind, or the kind itself."""
        last, rest = self.kinds[-1], self.kinds[:-1]
        items: int = len(getattr(self, last, None) or ()) if last in ("neighbours", "two_step", "terms") else 0
        changes: dict[str, Any] = {"kinds": rest}
        if items > 1:
            changes = {last: getattr(self, last)[:-1]}
        elif last != "names":
            changes[last] = {"rate": 0, "estimate": None, "link": None}.get(last, ())
        return replace(self, **changes)


class FactLookup(Protocol):
    """What question sets need of a book of facts."""

    @property
    def source(self) -> FactSource:
        """Knowledge of the train knockdowns behind the facts."""

    @property
    def kinds(self) -> tuple[FactKind, ...]:
        """The kinds of facts that are shown."""

    def facts(self, claim: Claim) -> Facts:
        """The facts of one claim."""

    def rate(self, claim: Claim) -> float:
        """Base rate of the claim's relation for its object, without the subject's fold; 0 to 1."""


class FactBook:
    """Looks up the facts of claims and fits them into a budget of tokens.

    Args:
        source: knowledge of the train knockdowns.
        snapshot: the graph; without it no link, two-step relation or term is shown.
        thresholds: the 8 similarities between neighbouring digits, ascending (see `fit`).
        neighbours: number of known knockdowns shown.
        kinds: kinds of facts, shown in the order of `FACT_KINDS`; those that do not apply to a claim are left out.
        budget: largest number of tokens of facts by `count`; the least useful items are dropped. None: no limit.
        count: number of tokens of a text; None counts words.
    """

    def __init__(
        self,
        source: FactSource,
        snapshot: Snapshot | None,
        thresholds: Sequence[float],
        neighbours: int = 6,
        *,
        kinds: Sequence[FactKind] = DEFAULT_FACTS,
        budget: int | None = None,
        count: Callable[[str], int] | None = None,
    ) -> None:
        if len(thresholds) != DIGITS - 1:
            raise ValueError(f"{DIGITS - 1} thresholds are needed, not {len(thresholds)}")
        self.source = source
        self.graph = None if snapshot is None else GraphFacts(snapshot)
        self.thresholds = np.asarray(thresholds, dtype=np.float64)
        self.neighbours = neighbours
        self.kinds = tuple(kind for kind in FACT_KINDS if kind in kinds)
        self.budget = budget
        self.count = count or (lambda text: len(text.split()))
        self._known: dict[Claim, Facts] = {}

    @classmethod
    def fit(
        cls,
        source: FactSource,
        snapshot: Snapshot | None,
        claims: Iterable[Claim],
        neighbours: int = 6,
        **options: Any,
    ) -> FactBook:
        """A book whose digits are the ninths of the similarities found for these (train) claims."""
        found = [
            item.similarity
            for claim in claims
            if claim.relation in KNOCKDOWN_RELATIONS
            for item in source.neighbours(claim, neighbours)
        ]
        shares = np.arange(1, DIGITS) / DIGITS
        thresholds = np.quantile(found, shares) if found else shares
        return cls(source, snapshot, [float(value) for value in thresholds], neighbours, **options)

    def facts(self, claim: Claim) -> Facts:
        """The facts of one claim; cached, because training examples, prompts and rewards all need them."""
        if claim not in self._known:
            self._known[claim] = self._within(self._look_up(claim))
        return self._known[claim]

    def _within(self, facts: Facts) -> Facts:
        if self.budget is not None:
            while facts.kinds and self.count(facts.text()) > self.budget:
                facts = facts.drop_last()
        return facts

    def _look_up(self, claim: Claim) -> Facts:
        knockdown = claim.relation in KNOCKDOWN_RELATIONS
        excluded: tuple[FactKind, ...] = () if knockdown else ("rate", "estimate", "neighbours", "names")
        excluded += ("link",) if claim.relation == Relation.TAKES_PART_IN else ()
        kinds = tuple(kind for kind in self.kinds if kind not in excluded)
        graph = self.graph
        return Facts(
            rate=min(int(self.rate(claim) * 10), 9) if "rate" in kinds else 0,
            estimate=self._estimate(claim) if "estimate" in kinds else None,
            neighbours=self._similar(claim) if "neighbours" in kinds else (),
            link=self.link(claim) if "link" in kinds else None,
            two_step=graph.between(claim) if graph and "two_step" in kinds else (),
            terms=graph.shared_terms(claim) if graph and "terms" in kinds else (),
            kinds=kinds,
        )

    def _similar(self, claim: Claim) -> tuple[tuple[str, int, int], ...]:
        known = self.source.neighbours(claim, self.neighbours)
        digits = 1 + np.searchsorted(self.thresholds, [item.similarity for item in known], side="left")
        return tuple((item.pert, int(digit), int(item.outcome)) for item, digit in zip(known, digits, strict=True))

    def _estimate(self, claim: Claim) -> int | None:
        probability = float(self.source.score([claim])[0])
        return None if np.isnan(probability) else min(int(probability * 1000), 999)

    def rate(self, claim: Claim) -> float:
        """Base rate of the claim's relation for its object, without the subject's fold; 0 to 1."""
        return float(self.source.rate(claim))

    def link(self, claim: Claim) -> Link | None:
        """How the graph joins subject and object directly, unless the claim says just that."""
        return None if self.graph is None else self.graph.link(claim)
