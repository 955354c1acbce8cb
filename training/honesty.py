"""The honest answer to a claim: calibrated, and reasoned in a few plain sentences that are true in the graph."""

from __future__ import annotations

from dataclasses import dataclass

from rbio_kg.claims import Claim
from rbio_kg.graph.snapshot import Snapshot

MOST_TERMS = 2
"""Terms named of each gene."""


@dataclass(frozen=True)
class Setting:
    """A claim with everything that a completion about it could use or abuse.

    Args:
        claim: what is asked.
        prompt: what the policy reads; its evidence is not used by the honest rationale.
        answer: the calibrated answer, for example `no 8`.
        facts: true sentences about the claim's genes.
        evidence: the evidence that stands in the prompt.
        terms: names of all GO terms of both genes.
        partners: symbols of genes, to guess at.
    """

    claim: Claim
    prompt: str
    answer: str
    facts: tuple[str, ...]
    evidence: str
    terms: tuple[str, ...]
    partners: tuple[str, ...]

    @property
    def rationale(self) -> str:
        """The honest reasoning."""
        return " ".join(self.facts)

    def completion(self, think: str | None = None, answer: str | None = None) -> str:
        """A well-formed completion; by default the honest one."""
        thought = self.rationale if think is None else think
        return f"<think>{thought}</think><answer>{answer or self.answer}</answer>"


def calibrated_answer(probability: float) -> str:
    """The likelier word with the digit that states the probability best: 0.23 gives `no 8`."""
    tenths = min(9, max(1, round(probability * 10)))
    return f"yes {tenths}" if tenths >= 5 else f"no {10 - tenths}"


def honest_setting(claim: Claim, probability: float, snapshot: Snapshot | None) -> Setting:
    """What an honest policy that knows the graph says of a claim.

    Args:
        claim: what is asked.
        probability: the probability that the reward pays for.
        snapshot: the graph; without it the rationale is one sentence that states nothing.
    """
    question = f"Does a knockdown of {claim.subject} change the expression of {claim.object}?"
    if snapshot is None:
        weighed = f"What is known of {claim.subject} and {claim.object} was weighed."
        return Setting(claim, question, calibrated_answer(probability), (weighed,), "", (), ())
    genes = [
        symbol for symbol in (snapshot.resolve(claim.subject), snapshot.resolve(claim.object)) if symbol is not None
    ]
    facts: list[str] = []
    spare: list[str] = []
    names: list[str] = []
    for symbol in genes:
        terms = specific_terms(snapshot, symbol)
        names += terms
        facts += [f"{symbol} takes part in {name}." for name in terms[:MOST_TERMS]]
        spare += [f"{symbol} takes part in {name}." for name in terms[MOST_TERMS : 2 * MOST_TERMS]]
        partners = strongest_partners(snapshot, symbol)
        facts += [f"{symbol} interacts with {partner}." for partner in partners[:1]]
        spare += [f"{symbol} interacts with {partner}." for partner in partners[1:2]]
    facts = list(dict.fromkeys(facts)) or [f"The graph says nothing of {claim.subject} and {claim.object}."]
    evidence = " ".join(dict.fromkeys(spare))
    prompt = f"Facts: {evidence}\n{question}" if evidence else question
    everyone = tuple(snapshot.genes.keys[:: max(1, len(snapshot.genes) // 60)])
    return Setting(
        claim, prompt, calibrated_answer(probability), tuple(facts), evidence, tuple(dict.fromkeys(names)), everyone
    )


def specific_terms(snapshot: Snapshot, symbol: str) -> list[str]:
    """Names of a gene's direct GO terms, of highest information content first."""
    terms = snapshot.annotations.row(snapshot.genes.index(symbol))[0].tolist()
    known = [term for term in terms if snapshot.information_content[term] > 0]
    known.sort(key=lambda term: (-float(snapshot.information_content[term]), term))
    return [snapshot.term_names[term] for term in known]


def strongest_partners(snapshot: Snapshot, symbol: str) -> list[str]:
    """Symbols of a gene's interaction partners, strongest first."""
    partners, weights = snapshot.interactions.row(snapshot.genes.index(symbol))
    order = sorted(range(len(partners)), key=lambda i: (-int(weights[i]), int(partners[i])))
    return [snapshot.genes.keys[partners[i]] for i in order]
