"""The statements of a text, each checked against the graph: supported, contradicted or unknown."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from rbio_kg.core.claims import Evidence, Node, Relation
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.text.assertions import SIGNS, Certainty, Polarity, RawStatement
from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.measured_effects import Knockdowns
from rbio_kg.verifiers.text.reader import StatementReader
from rbio_kg.verifiers.text.term_names import TermRef

Finding = Literal["supported", "contradicted", "unknown"]

INFORMATIVE_BITS = 2.0
"""Taking part in a term or pathway that more than a quarter of the genes share says too little to count."""
REGULATIONS = frozenset({Relation.REGULATES, Relation.ACTIVATES, Relation.REPRESSES})
_KINDS = {2: "IS_A", 1: "PART_OF"}
_Judged = tuple[Finding, str, tuple[Evidence, ...], bool]


class Statement(NamedTuple):
    """A statement of a text and what the graph says about it.

    Args:
        text: the sentence that makes it.
        subject: gene symbol.
        relation: a `rbio_kg.core.claims.Relation`.
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
    """Reads texts and checks their statements against one snapshot.

    Args:
        snapshot: the graph.
        knockdowns: measured changes, for people. A reward goes without: its policy is asked about such.
    """

    def __init__(self, snapshot: Snapshot, knockdowns: Knockdowns | None = None) -> None:
        self.snapshot = snapshot
        self.knockdowns = knockdowns
        self.lexicon = Lexicon(snapshot)
        self._informative: dict[str, bool] = {}
        self.reader = StatementReader(self.lexicon, self._checked)

    def check(self, text: str, limit: int = 200) -> list[Statement]:
        """The statements of a text, in its order, at most `limit`."""
        return self.reader.read(text, limit)

    def _checked(self, raw: RawStatement) -> Statement:
        finding, place, evidence, informative = self._judged(raw, raw.polarity == "negated")
        return Statement(
            raw.text, raw.subject, raw.relation, place, raw.polarity, raw.certainty, finding, evidence, informative
        )

    def _judged(self, raw: RawStatement, negated: bool) -> _Judged:
        if raw.relation is Relation.TAKES_PART_IN:
            path, place, informative = self._membership(raw)
            return _affirmed(bool(path), negated), place, path, informative
        if raw.relation is Relation.INTERACTS_WITH:
            edge = self._interaction(raw.subject, raw.object)
            return _affirmed(edge is not None, negated), raw.object, (edge,) if edge else (), True
        if raw.relation in REGULATIONS:
            edge, finding = self._regulation(raw, negated)
            return finding, raw.object, (edge,) if edge else (), True
        if self.knockdowns is None:
            return "unknown", raw.object, (), True
        edges, shown = self.knockdowns.find(raw.subject, raw.relation, raw.object)
        decided: Finding = "supported" if shown is not negated else "contradicted"
        return decided if edges else "unknown", raw.object, edges, True

    def _interaction(self, one: str, other: str) -> Evidence | None:
        genes, edges = self.snapshot.genes, self.snapshot.interactions
        position = edges.position(genes.index(one), genes.index(other))
        if position < 0:
            return None
        low, high = sorted((one, other))
        score = int(edges.weights[position])
        return Evidence(Node("Gene", low), "INTERACTS_WITH", Node("Gene", high), score / 1000, detail={"score": score})

    def _regulation(self, raw: RawStatement, negated: bool) -> tuple[Evidence | None, Finding]:
        """Only an edge between the same ends in the same direction decides.

        That the graph knows the regulation the other way round refutes nothing (feedback is common, and the graph lists
        what transcription factors do), nor does an edge without a sign say which sign it has.
        """
        stated = SIGNS.get(raw.relation, 0)
        edge = self._edge_of_regulation(raw.subject, raw.object)
        if edge is None:
            return None, "unknown"
        known = int(edge.detail["sign"])
        if stated in (0, known):
            return edge, _affirmed(True, negated)
        if known == 0:
            return None, "unknown"
        return edge, "supported" if negated else "contradicted"

    def _edge_of_regulation(self, start: str, end: str) -> Evidence | None:
        genes, edges = self.snapshot.genes, self.snapshot.regulates
        position = edges.position(genes.index(start), genes.index(end))
        if position < 0:
            return None
        sign = int(edges.weights[position])
        return Evidence(Node("Gene", start), "REGULATES", Node("Gene", end), 1.0, detail={"sign": sign})

    def _membership(self, raw: RawStatement) -> tuple[tuple[Evidence, ...], str, bool]:
        """The path that shows it (or none), the place meant, and whether that says much."""
        gene = self.snapshot.genes.index(raw.subject)
        for place in raw.places:
            path = self._annotation(gene, place) if place.label == "GoTerm" else self._pathway(gene, place)
            if path:
                return path, place.key, self._says_much(place)
        return (), raw.object, any(self._says_much(place) for place in raw.places)

    def _annotation(self, gene: int, place: TermRef) -> tuple[Evidence, ...]:
        """The annotation, and the steps up from its term to the one that the text names."""
        snapshot = self.snapshot
        term = snapshot.terms.index(place.key)
        if snapshot.closure.position(gene, term) < 0:
            return ()
        keys, (direct, _) = snapshot.terms.keys, snapshot.annotations.row(gene)
        steps = self._down_from(term, frozenset(direct.tolist()))
        start, first = Node("Gene", snapshot.genes.keys[gene]), Node("GoTerm", keys[steps[0]])
        path = [Evidence(start, "ANNOTATED_WITH", first, 1.0)]
        for child, parent in pairwise(steps):
            kind = int(snapshot.term_parents.weights[snapshot.term_parents.position(child, parent)])
            path.append(Evidence(Node("GoTerm", keys[child]), _KINDS[kind], Node("GoTerm", keys[parent]), 1.0))
        return tuple(path)

    def _down_from(self, term: int, wanted: frozenset[int]) -> list[int]:
        """The shortest way from one of the wanted terms up to `term`, ties by ascending term; both included."""
        above: dict[int, int] = {term: -1}
        queue = [term]
        while queue:
            reached = sorted(item for item in queue if item in wanted)
            if reached:
                way = [reached[0]]
                while above[way[-1]] >= 0:
                    way.append(above[way[-1]])
                return way
            following: dict[int, int] = {}
            for item in queue:
                for child in self._term_children.row(item)[0].tolist():
                    if child not in above:
                        following.setdefault(child, item)
            above |= following
            queue = sorted(following)
        raise AssertionError("a term of the closure lies above an annotation")

    @cached_property
    def _term_children(self) -> Csr:
        return self.snapshot.term_parents.transpose(len(self.snapshot.terms))

    def _pathway(self, gene: int, place: TermRef) -> tuple[Evidence, ...]:
        pathway = self.snapshot.pathways.index(place.key)
        if self.snapshot.memberships.position(gene, pathway) < 0:
            return ()
        symbol = self.snapshot.genes.keys[gene]
        return (Evidence(Node("Gene", symbol), "MEMBER_OF", Node("Pathway", place.key), 1.0),)

    def _says_much(self, place: TermRef) -> bool:
        known = self._informative.get(place.key)
        if known is None:
            known = self._informative[place.key] = self.bits(place) >= INFORMATIVE_BITS
        return known

    def bits(self, place: TermRef) -> float:
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
