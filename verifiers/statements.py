"""The statements of a text, each checked against the graph: supported, contradicted or unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from rbio_kg.claims import Evidence, Node, Relation
from rbio_kg.graph.snapshot import Snapshot
from verifiers.mentions import Lexicon, Place
from verifiers.sentences import Certainty, Polarity, RawStatement, read_statements

Finding = Literal["supported", "contradicted", "unknown"]

INFORMATIVE_BITS = 2.0
"""Taking part in a term or pathway that more than a quarter of the genes share says too little to count."""
REGULATIONS = frozenset({Relation.REGULATES, Relation.ACTIVATES, Relation.REPRESSES})
_SIGNS = {Relation.ACTIVATES: 1, Relation.REPRESSES: -1}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a text and what the graph says about it.

    Args:
        text: the sentence that makes it.
        subject: gene symbol.
        relation: a `rbio_kg.claims.Relation`.
        object: gene symbol, or the id of a GO term or pathway.
        polarity: affirmed or negated.
        certainty: asserted or hedged.
        verdict: supported, contradicted, or unknown where the graph has nothing to say: that an edge is missing proves
            nothing.
        evidence: the relationships that decided.
        informative: whether it says something that does not hold for most genes.
    """

    text: str
    subject: str
    relation: Relation
    object: str
    polarity: Polarity
    certainty: Certainty
    verdict: Finding
    evidence: tuple[Evidence, ...] = ()
    informative: bool = True

    def to_json(self) -> dict[str, Any]:
        """The statement as plain JSON values."""
        return {
            "text": self.text,
            "subject": self.subject,
            "relation": str(self.relation),
            "object": self.object,
            "polarity": self.polarity,
            "certainty": self.certainty,
            "verdict": self.verdict,
            "evidence": [element.to_json() for element in self.evidence],
        }


class StatementChecker:
    """Reads texts and checks their statements against one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.lexicon = Lexicon(snapshot)

    def check(self, text: str, limit: int = 200) -> list[Statement]:
        """The statements of a text, in its order, at most `limit`."""
        return [self._checked(raw) for raw in read_statements(text, self.lexicon, limit)]

    def _checked(self, raw: RawStatement) -> Statement:
        negated = raw.polarity == "negated"
        place, informative = raw.object, True
        finding: Finding
        if raw.relation is Relation.TAKES_PART_IN:
            edge, place, informative = self._membership(raw)
            finding = _affirmed(edge is not None, negated)
        elif raw.relation is Relation.INTERACTS_WITH:
            edge = self._interaction(raw.subject, raw.object)
            finding = _affirmed(edge is not None, negated)
        elif raw.relation in REGULATIONS:
            edge, finding = self._regulation(raw, negated)
        else:
            # What a knockdown changes is measured, not drawn in the graph: the snapshot has no such labels.
            edge, finding = None, "unknown"
        return Statement(
            text=raw.text,
            subject=raw.subject,
            relation=raw.relation,
            object=place,
            polarity=raw.polarity,
            certainty=raw.certainty,
            verdict=finding,
            evidence=(edge,) if edge is not None and finding != "unknown" else (),
            informative=informative,
        )

    def _interaction(self, one: str, other: str) -> Evidence | None:
        genes, edges = self.snapshot.genes, self.snapshot.interactions
        position = edges.position(genes.index(one), genes.index(other))
        if position < 0:
            return None
        low, high = sorted((one, other))
        score = int(edges.weights[position])
        return Evidence(Node("Gene", low), "INTERACTS_WITH", Node("Gene", high), score / 1000, detail={"score": score})

    def _regulation(self, raw: RawStatement, negated: bool) -> tuple[Evidence | None, Finding]:
        stated = _SIGNS.get(raw.relation, 0)
        forward = self._edge_of_regulation(raw.subject, raw.object)
        if forward is not None:
            known = int(forward.detail["sign"])
            if stated in (0, known):
                return forward, _affirmed(True, negated)
            if known == 0:
                return None, "unknown"
            return forward, "supported" if negated else "contradicted"
        backward = self._edge_of_regulation(raw.object, raw.subject)
        if backward is not None and not negated:
            # The graph knows the regulation, the other way round only.
            return backward, "contradicted"
        return None, "unknown"

    def _edge_of_regulation(self, start: str, end: str) -> Evidence | None:
        genes, edges = self.snapshot.genes, self.snapshot.regulates
        position = edges.position(genes.index(start), genes.index(end))
        if position < 0:
            return None
        sign = int(edges.weights[position])
        return Evidence(Node("Gene", start), "REGULATES", Node("Gene", end), 1.0, detail={"sign": sign})

    def _membership(self, raw: RawStatement) -> tuple[Evidence | None, str, bool]:
        """The annotation or membership that shows it (or None), the place meant, and whether that says much."""
        gene = self.snapshot.genes.index(raw.subject)
        for place in raw.places:
            edge = self._annotation(gene, place) if place.label == "GoTerm" else self._pathway(gene, place)
            if edge is not None:
                return edge, place.key, self.bits(place) >= INFORMATIVE_BITS
        return None, raw.object, any(self.bits(place) >= INFORMATIVE_BITS for place in raw.places)

    def _annotation(self, gene: int, place: Place) -> Evidence | None:
        snapshot = self.snapshot
        term = snapshot.terms.index(place.key)
        if snapshot.closure.position(gene, term) < 0:
            return None
        direct = term
        if snapshot.annotations.position(gene, term) < 0:
            direct = next(item for item in snapshot.annotations.row(gene)[0].tolist() if self._is_below(item, term))
        detail = {} if direct == term else {"implies": place.key}
        symbol, key = snapshot.genes.keys[gene], snapshot.terms.keys[direct]
        return Evidence(Node("Gene", symbol), "ANNOTATED_WITH", Node("GoTerm", key), 1.0, detail=detail)

    def _is_below(self, term: int, ancestor: int) -> bool:
        queue, seen = [term], {term}
        while queue:
            current = queue.pop()
            if current == ancestor:
                return True
            parents = [item for item in self.snapshot.term_parents.row(current)[0].tolist() if item not in seen]
            seen.update(parents)
            queue.extend(parents)
        return False

    def _pathway(self, gene: int, place: Place) -> Evidence | None:
        pathway = self.snapshot.pathways.index(place.key)
        if self.snapshot.memberships.position(gene, pathway) < 0:
            return None
        symbol = self.snapshot.genes.keys[gene]
        return Evidence(Node("Gene", symbol), "MEMBER_OF", Node("Pathway", place.key), 1.0)

    def bits(self, place: Place) -> float:
        """Information content of a term or pathway in bits; infinite where no gene has it."""
        snapshot = self.snapshot
        if place.label == "GoTerm":
            bits = float(snapshot.information_content[snapshot.terms.index(place.key)])
            empty = len(snapshot.term_genes.row(snapshot.terms.index(place.key))[0]) == 0
            return math.inf if empty else bits
        size = int(snapshot.pathway_sizes[snapshot.pathways.index(place.key)])
        return math.log2(self._genes_in_pathways / size) if size else math.inf

    @cached_property
    def _genes_in_pathways(self) -> int:
        return int((self.snapshot.memberships.degrees > 0).sum())


def _affirmed(exists: bool, negated: bool) -> Finding:
    if not exists:
        return "unknown"
    return "contradicted" if negated else "supported"
