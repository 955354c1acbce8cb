"""The statements of a text, each checked against the graph: supported, contradicted or unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from html import escape
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Self

from rbio_kg.core.claims import Evidence, Node, Relation
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.measured_effects import Knockdowns
from rbio_kg.verifiers.text.parsing.assertions import SIGNS
from rbio_kg.verifiers.text.parsing.parse_state import Certainty, Polarity, RawStatement
from rbio_kg.verifiers.text.reader import StatementReader
from rbio_kg.verifiers.text.term_names import TermRef
from rbio_kg.verifiers.text.unread import UnreadSentence, unread_sentences

Finding = Literal["supported", "contradicted", "unknown"]

INFORMATIVE_BITS = 2.0
"""Membership in a term or pathway that more than a quarter of the genes share is not informative."""
REGULATIONS = frozenset({Relation.REGULATES, Relation.ACTIVATES, Relation.REPRESSES})
_TERM_RELATIONSHIPS = {2: "IS_A", 1: "PART_OF"}


class Statement(NamedTuple):
    """A statement of a text and what the graph says about it.

    Args:
        text: the sentence that makes it.
        subject: gene symbol.
        relation: a `rbio_kg.core.claims.Relation`.
        object: gene symbol, or the id of a GO term or pathway.
        polarity: affirmed or negated.
        certainty: asserted or hedged.
        verdict: supported, contradicted, or unknown where the graph does not decide: a missing edge proves nothing.
        evidence: the relationships that decided.
        informative: whether the statement is false for most genes.
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

    def __repr__(self) -> str:
        denied = "not " if self.polarity == "negated" else ""
        return f"<Statement {self.verdict}: {self.subject} {denied}{self.relation} {self.object} ({self.certainty})>"

    def _repr_html_(self) -> str:
        """The verdict, the statement and the sentence, for notebooks."""
        denied = "not " if self.polarity == "negated" else ""
        words = f"{self.subject} {denied}{self.relation} {self.object}"
        mark = " <b>simulated labels</b>" if self.simulated else ""
        return f"<p><b>{self.verdict}</b> {escape(words)}{mark}<br>{escape(self.text)}</p>"

    @property
    def simulated(self) -> bool:
        """Whether what decided comes from a model instead of a laboratory."""
        return any(bool(element.detail.get("simulated")) for element in self.evidence)

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
            "simulated": self.simulated,
            "evidence": [element.to_json() for element in self.evidence],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The statement that `to_json` wrote; `informative`, which is not in it, is True."""
        return cls(
            text=document["text"],
            subject=document["subject"],
            relation=Relation(document["relation"]),
            object=document["object"],
            polarity=document["polarity"],
            certainty=document["certainty"],
            verdict=document["verdict"],
            evidence=tuple(Evidence.from_json(item) for item in document["evidence"]),
        )


class _Check(NamedTuple):
    """The result of a check: the fields of `Statement` that the graph adds."""

    verdict: Finding
    object: str
    evidence: tuple[Evidence, ...] = ()
    informative: bool = True


class StatementChecker:
    """Reads texts and checks their statements against one snapshot.

    Args:
        snapshot: the graph.
        knockdowns: measured changes. A reward has none, because its policy must predict them.
    """

    def __init__(self, snapshot: Snapshot, knockdowns: Knockdowns | None = None) -> None:
        self.snapshot = snapshot
        self.knockdowns = knockdowns
        self.lexicon = Lexicon(snapshot)
        self._informative: dict[str, bool] = {}
        self.reader = StatementReader(self.lexicon, self._statement)

    def check(self, text: str, limit: int = 200) -> list[Statement]:
        """The statements of a text, in its order, at most `limit`."""
        return self.reader.read(text, limit)

    def unread(self, text: str) -> list[UnreadSentence]:
        """The sentences of a text without a statement, in its order, each with the reason where it is known."""
        return unread_sentences(self.reader, self.lexicon, text)

    def _statement(self, raw: RawStatement) -> Statement:
        check = self._check(raw, raw.polarity == "negated")
        return Statement(
            raw.text, raw.subject, raw.relation, check.object, raw.polarity, raw.certainty, check.verdict,
            check.evidence, check.informative,
        )  # fmt: skip

    def _check(self, raw: RawStatement, negated: bool) -> _Check:
        if raw.relation is Relation.TAKES_PART_IN:
            return self._membership(raw, negated)
        if raw.relation is Relation.INTERACTS_WITH:
            edge = self._interaction(raw.subject, raw.object)
            return _Check(_finding(edge is not None, negated), raw.object, (edge,) if edge else ())
        if raw.relation in REGULATIONS:
            return self._regulation(raw, negated)
        if self.knockdowns is None:
            return _Check("unknown", raw.object)
        edges, shown = self.knockdowns.find(raw.subject, raw.relation, raw.object)
        decided: Finding = "supported" if shown is not negated else "contradicted"
        return _Check(decided if edges else "unknown", raw.object, edges)

    def _interaction(self, one: str, other: str) -> Evidence | None:
        genes, edges = self.snapshot.genes, self.snapshot.interactions
        position = edges.position(genes.index(one), genes.index(other))
        if position < 0:
            return None
        low, high = sorted((one, other))
        score = int(edges.weights[position])
        detail = {"score": score} | self.snapshot.source(edges, position)
        return Evidence(Node("Gene", low), "INTERACTS_WITH", Node("Gene", high), score / 1000, detail=detail)

    def _regulation(self, raw: RawStatement, negated: bool) -> _Check:
        """Only an edge between the same ends in the same direction decides.

        An edge in the opposite direction refutes nothing: feedback is common, and the graph lists what transcription
        factors do. An edge without a sign neither confirms nor refutes a sign.
        """
        stated = SIGNS.get(raw.relation, 0)
        edge = self._regulation_edge(raw.subject, raw.object)
        if edge is None:
            return _Check("unknown", raw.object)
        known = int(edge.detail["sign"])
        if stated in (0, known):
            return _Check(_finding(True, negated), raw.object, (edge,))
        if known == 0:
            return _Check("unknown", raw.object)
        return _Check(_finding(True, not negated), raw.object, (edge,))

    def _regulation_edge(self, start: str, end: str) -> Evidence | None:
        genes, edges = self.snapshot.genes, self.snapshot.regulates
        position = edges.position(genes.index(start), genes.index(end))
        if position < 0:
            return None
        detail = {"sign": int(edges.weights[position])} | self.snapshot.source(edges, position)
        return Evidence(Node("Gene", start), "REGULATES", Node("Gene", end), 1.0, detail=detail)

    def _membership(self, raw: RawStatement, negated: bool) -> _Check:
        """The first of the terms and pathways that the gene takes part in decides, with the path that shows it."""
        gene = self.snapshot.genes.index(raw.subject)
        for term in raw.terms:
            path = self._annotation(gene, term) if term.label == "GoTerm" else self._pathway(gene, term)
            if path:
                return _Check(_finding(True, negated), term.key, path, self._is_informative(term))
        return _Check("unknown", raw.object, (), any(self._is_informative(term) for term in raw.terms))

    def _annotation(self, gene: int, reference: TermRef) -> tuple[Evidence, ...]:
        """The annotation, and the steps up from its term to the one that the text names."""
        snapshot = self.snapshot
        term = snapshot.terms.index(reference.key)
        if snapshot.closure.position(gene, term) < 0:
            return ()
        keys, (direct, _) = snapshot.terms.keys, snapshot.annotations.row(gene)
        steps = self._down_from(term, frozenset(direct.tolist()))
        start, first = Node("Gene", snapshot.genes.keys[gene]), Node("GoTerm", keys[steps[0]])
        detail = snapshot.source(snapshot.annotations, snapshot.annotations.position(gene, steps[0]))
        path = [Evidence(start, "ANNOTATED_WITH", first, 1.0, detail=detail)]
        for child, parent in pairwise(steps):
            edge = snapshot.term_parents.position(child, parent)
            kind = _TERM_RELATIONSHIPS[int(snapshot.term_parents.weights[edge])]
            detail = snapshot.source(snapshot.term_parents, edge)
            path.append(Evidence(Node("GoTerm", keys[child]), kind, Node("GoTerm", keys[parent]), 1.0, detail=detail))
        return tuple(path)

    def _down_from(self, term: int, wanted: frozenset[int]) -> list[int]:
        """The shortest path from one of the wanted terms up to `term`, both included; ties by ascending term."""
        above: dict[int, int] = {term: -1}
        queue = [term]
        while queue:
            reached = sorted(item for item in queue if item in wanted)
            if reached:
                path = [reached[0]]
                while above[path[-1]] >= 0:
                    path.append(above[path[-1]])
                return path
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

    def _pathway(self, gene: int, reference: TermRef) -> tuple[Evidence, ...]:
        pathway = self.snapshot.pathways.index(reference.key)
        position = self.snapshot.memberships.position(gene, pathway)
        if position < 0:
            return ()
        start, end = Node("Gene", self.snapshot.genes.keys[gene]), Node("Pathway", reference.key)
        detail = self.snapshot.source(self.snapshot.memberships, position)
        return (Evidence(start, "MEMBER_OF", end, 1.0, detail=detail),)

    def _is_informative(self, reference: TermRef) -> bool:
        known = self._informative.get(reference.key)
        if known is None:
            known = self._informative[reference.key] = self.bits(reference) >= INFORMATIVE_BITS
        return known

    def bits(self, reference: TermRef) -> float:
        """Information content of a term or pathway in bits; infinite where no gene has it."""
        snapshot = self.snapshot
        if reference.label == "GoTerm":
            bits = float(snapshot.information_content[snapshot.terms.index(reference.key)])
            empty = len(snapshot.term_genes.row(snapshot.terms.index(reference.key))[0]) == 0
            return math.inf if empty else bits
        size = int(snapshot.pathway_sizes[snapshot.pathways.index(reference.key)])
        return math.log2(self._genes_in_pathways / size) if size else math.inf

    @cached_property
    def _genes_in_pathways(self) -> int:
        return int((self.snapshot.memberships.degrees > 0).sum())


def _finding(exists: bool, negated: bool) -> Finding:
    """What an edge, or the lack of one, says about a statement that affirms or denies it."""
    if not exists:
        return "unknown"
    return "contradicted" if negated else "supported"
