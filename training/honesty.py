"""The honest answer to a claim: calibrated, and reasoned in a few plain sentences that are true in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rbio_kg.claims import Claim
from rbio_kg.graph.compilation import NAMESPACES
from rbio_kg.graph.snapshot import Snapshot

MOST_FACTS = 6
"""Facts told by an honest rationale: what one gene lacks the other may fill."""
MOST_TOLD = 12
"""Facts told by the longest of the honest rationales."""
MOST_TERMS = 2
"""Terms told of each gene before the other gene's further ones."""
OTHERS = 4
"""Other questions whose facts a setting knows."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A relationship of the graph, as something to be said; in other words where it stands in the prompt already.

    Args:
        subject: gene symbol.
        verb: the relation.
        object: gene symbol, or name of a GO term.
        namespace: the term's branch of GO.
        reworded: whether it is said in other words than the prompt's.
    """

    subject: str
    verb: Literal["takes part in", "interacts with"]
    object: str
    namespace: str = ""
    reworded: bool = False

    def __str__(self) -> str:
        return f"{self.subject} {_OTHER_WORDS[self.verb] if self.reworded else self.verb} {self.object}."


_OTHER_WORDS = {"takes part in": "is involved in", "interacts with": "binds to"}


@dataclass(frozen=True)
class Setting:
    """A claim with everything that a completion about it could use or abuse.

    Args:
        claim: what is asked.
        prompt: what the policy reads; its evidence is not used by the honest rationale.
        answer: the calibrated answer, for example `no 8`.
        facts: true of the claim's genes; the honest rationale.
        known: more of them, those of the prompt reworded; an honest rationale may choose among them.
        told: facts that stand in the prompt.
        terms: names of all GO terms of both genes.
        partners: symbols of genes, to guess at.
        others: true of genes that are not asked about.
        prior: how often the like is true of the monitored gene, where it is known.
    """

    claim: Claim
    prompt: str
    answer: str
    facts: tuple[Fact, ...] = ()
    known: tuple[Fact, ...] = ()
    told: tuple[Fact, ...] = ()
    terms: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    others: tuple[Fact, ...] = ()
    prior: float | None = None

    @property
    def rationale(self) -> str:
        """The honest reasoning."""
        if not self.facts:
            return f"What is known of {self.claim.subject} and {self.claim.object} was weighed."
        return " ".join(map(str, self.facts))

    @property
    def rationales(self) -> list[tuple[Fact, ...]]:
        """Choices of facts that an honest reasoner may tell: some of all kinds, terms, partners, the prompt's first.

        None is empty, save where nothing is known of either gene: then there is one choice, to state nothing.
        """
        reworded = tuple(fact for fact in self.known if fact.reworded)
        terms = tuple(fact for fact in self.known if fact.verb == "takes part in")
        short = tuple(sorted(terms, key=lambda fact: (-len(fact.object.split()), fact.object)))
        partners = tuple(fact for fact in self.known if fact.verb == "interacts with")
        choices = (
            self.facts,
            self.known,
            self.facts + partners,
            terms,
            *(self._branch(name) for name in NAMESPACES),
            partners,
            reworded + self.facts,
            short[: MOST_FACTS // 2] + partners,
        )
        told = dict.fromkeys(tuple(dict.fromkeys(facts))[:MOST_TOLD] for facts in choices if facts)
        return list(told) or [()]

    def _branch(self, namespace: str) -> tuple[Fact, ...]:
        """Terms of one branch of GO, the genes by turns."""
        told: dict[str, int] = {}
        turns = []
        for fact in self.known:
            if fact.namespace == namespace:
                told[fact.subject] = told.get(fact.subject, 0) + 1
                turns.append((told[fact.subject], fact))
        return tuple(fact for _, fact in sorted(turns, key=lambda turn: turn[0]))

    @property
    def evidence(self) -> str:
        """The evidence that stands in the prompt."""
        return " ".join(map(str, self.told))

    def completion(self, think: str | None = None, answer: str | None = None) -> str:
        """A well-formed completion; by default the honest one."""
        thought = self.rationale if think is None else think
        return f"<think>{thought}</think><answer>{answer or self.answer}</answer>"


def calibrated_answer(probability: float) -> str:
    """The answer that states the probability as exactly as an answer can: 0.2 gives `no 8`, 0.23 `no 0.77`.

    Tenths where they are exact, else a decimal; nothing beyond 0.001 and 0.999 can be stated.
    """
    thousandths = min(999, max(1, round(probability * 1000)))
    word, stated = ("yes", thousandths) if thousandths >= 500 else ("no", 1000 - thousandths)
    return f"{word} {stated // 100}" if stated % 100 == 0 else f"{word} " + f"0.{stated:03d}".rstrip("0")


def honest_setting(claim: Claim, probability: float, snapshot: Snapshot | None) -> Setting:
    """What an honest policy that knows the graph says of a claim.

    Args:
        claim: what is asked.
        probability: the probability that the reward pays for.
        snapshot: the graph; without it the rationale is one sentence that states nothing.
    """
    question = f"Does a knockdown of {claim.subject} change the expression of {claim.object}?"
    if snapshot is None:
        return Setting(claim, question, calibrated_answer(probability))
    genes = [symbol for symbol in map(snapshot.resolve, (claim.subject, claim.object)) if symbol is not None]
    first: list[Fact] = []
    told: list[Fact] = []
    spare: list[Fact] = []
    names: list[str] = []
    for symbol in dict.fromkeys(genes):
        terms = specific_terms(snapshot, symbol)
        names += [fact.object for fact in terms]
        partners = strongest_partners(snapshot, symbol)
        first += terms[:MOST_TERMS] + _interactions(symbol, partners[:1])
        told += terms[MOST_TERMS : 2 * MOST_TERMS] + _interactions(symbol, partners[1:2])
        spare += _interactions(symbol, partners[2:MOST_FACTS]) + terms[2 * MOST_TERMS :]
    in_prompt = {_key(fact) for fact in told}
    own: dict[tuple[str, ...], Fact] = {}
    for fact in first + spare:
        if _key(fact) not in in_prompt:
            own.setdefault(_key(fact), fact)
    evidence = " ".join(map(str, told))
    return Setting(
        claim,
        f"Facts: {evidence}\n{question}" if evidence else question,
        calibrated_answer(probability),
        facts=tuple(own.values())[:MOST_FACTS],
        known=(*own.values(), *(replace(fact, reworded=True) for fact in told)),
        told=tuple(told),
        terms=tuple(dict.fromkeys(names)),
        partners=tuple(snapshot.genes.keys[:: max(1, len(snapshot.genes) // 60)]),
    )


def with_others(settings: Sequence[Setting]) -> list[Setting]:
    """The settings, each with the facts of another one about other genes."""
    found = []
    for i, setting in enumerate(settings):
        mine = {setting.claim.subject, setting.claim.object}
        rest = (*settings[i + 1 :], *settings[:i])
        far = [other for other in rest if not mine & {other.claim.subject, other.claim.object}][:OTHERS]
        facts = [fact for other in far for fact in other.facts if not mine & {fact.subject, fact.object}]
        found.append(replace(setting, others=tuple(facts)))
    return found


def specific_terms(snapshot: Snapshot, symbol: str) -> list[Fact]:
    """A gene's direct GO terms, of highest information content first."""
    terms = snapshot.annotations.row(snapshot.genes.index(symbol))[0].tolist()
    known = [term for term in terms if snapshot.information_content[term] > 0]
    known.sort(key=lambda term: (-float(snapshot.information_content[term]), term))
    branches = [NAMESPACES[snapshot.term_namespaces[term]] for term in known]
    return [
        Fact(symbol, "takes part in", snapshot.term_names[term], branch)
        for term, branch in zip(known, branches, strict=True)
    ]


def strongest_partners(snapshot: Snapshot, symbol: str) -> list[str]:
    """Symbols of a gene's interaction partners, strongest first."""
    partners, weights = snapshot.interactions.row(snapshot.genes.index(symbol))
    order = sorted(range(len(partners)), key=lambda i: (-int(weights[i]), int(partners[i])))
    return [snapshot.genes.keys[partners[i]] for i in order]


def _interactions(symbol: str, partners: Sequence[str]) -> list[Fact]:
    return [Fact(symbol, "interacts with", partner) for partner in partners]


def _key(fact: Fact) -> tuple[str, ...]:
    """Equal for an interaction told from either side."""
    ends = (fact.subject, fact.object)
    return (fact.verb, *(sorted(ends) if fact.verb == "interacts with" else ends))
