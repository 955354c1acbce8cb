"""Graph elements as `Evidence`: interactions, regulations, annotations and memberships, as the store keeps them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from rbio_kg.core.claims import Evidence, Node
from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot

Step = tuple[Node, str, Node, dict[str, Any]]
"""One relationship: start, type, end, what it says."""


class Citations:
    """Looks relationships up in a snapshot, so that each step names a relationship that the store has."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def interaction(self, a: int, b: int) -> Step | None:
        """The interaction of two genes, lower symbol first, with its score and non-zero channels."""
        s = self.snapshot
        position = s.interactions.position(a, b)
        if position < 0:
            return None
        detail: dict[str, Any] = {"score": int(s.interactions.weights[position])}
        scores = zip(STRING_CHANNELS, s.channels[position].tolist(), strict=True)
        detail |= {name: int(score) for name, score in scores if score}
        detail |= self._source(s.interactions, position)
        first, last = sorted((a, b))
        return self._gene(first), "INTERACTS_WITH", self._gene(last), detail

    def regulation(self, a: int, b: int) -> Step | None:
        """The regulation of b by a, with its sign."""
        csr = self.snapshot.regulates
        position = csr.position(a, b)
        if position < 0:
            return None
        detail = {"sign": int(csr.weights[position])} | self._source(csr, position)
        return self._gene(a), "REGULATES", self._gene(b), detail

    def association(self, nodes: Iterable[int]) -> list[Step]:
        """The steps of an association path: the interaction where there is one, else the regulation either way."""
        path = [int(node) for node in nodes if node >= 0]
        steps = []
        for a, b in pairwise(path):
            found = self.interaction(a, b) or self.regulation(a, b) or self.regulation(b, a)
            if found is not None:
                steps.append(found)
        return steps

    def cascade(self, nodes: Iterable[int]) -> list[Step]:
        """The steps of a chain of regulations."""
        path = [int(node) for node in nodes if node >= 0]
        return [step for a, b in pairwise(path) if (step := self.regulation(a, b)) is not None]

    def annotation(self, gene: int, term: int) -> list[Step]:
        """The shortest way from a gene to a term it has: a direct annotation, then child to parent."""
        s = self.snapshot
        came: dict[int, int | None] = {int(direct): None for direct in s.annotations.row(gene)[0]}
        queue = deque(came)
        while queue and term not in came:
            child = queue.popleft()
            for parent in s.term_parents.row(child)[0].tolist():
                if parent not in came:
                    came[parent] = child
                    queue.append(parent)
        if term not in came:
            return []
        chain = [term]
        while (below := came[chain[-1]]) is not None:
            chain.append(below)
        chain.reverse()
        position = s.annotations.position(gene, chain[0])
        detail = self._term_detail(chain[0]) | self._source(s.annotations, position)
        steps: list[Step] = [(self._gene(gene), "ANNOTATED_WITH", self._term(chain[0]), detail)]
        for child, parent in pairwise(chain):
            place = s.term_parents.position(child, parent)
            kind = "IS_A" if s.term_parents.weights[place] == 2 else "PART_OF"
            about = self._term_detail(parent) | self._source(s.term_parents, place)
            steps.append((self._term(child), kind, self._term(parent), about))
        return steps

    def membership(self, gene: int, pathway: int) -> list[Step]:
        """The membership of a gene in a pathway."""
        s = self.snapshot
        position = s.memberships.position(gene, pathway)
        if position < 0:
            return []
        detail = {"name": s.pathway_names[pathway], "size": int(s.pathway_sizes[pathway])}
        end = Node("Pathway", s.pathways.keys[pathway])
        return [(self._gene(gene), "MEMBER_OF", end, detail | self._source(s.memberships, position))]

    def _gene(self, gene: int) -> Node:
        return Node("Gene", self.snapshot.genes.keys[gene])

    def _term(self, term: int) -> Node:
        return Node("GoTerm", self.snapshot.terms.keys[term])

    def _term_detail(self, term: int) -> dict[str, Any]:
        content = round(float(self.snapshot.information_content[term]), 3)
        return {"name": self.snapshot.term_names[term], "information_content": content}

    def _source(self, csr: Csr, position: int) -> dict[str, str]:
        if csr.sources is None or position < 0 or csr.sources[position] >= len(self.snapshot.sources):
            return {}
        return {"source": self.snapshot.sources[csr.sources[position]]}


def as_evidence(paths: list[tuple[float, list[Step]]]) -> tuple[Evidence, ...]:
    """Weighed paths, weightiest first; each path's steps keep its number and its weight (cut to 0..1)."""
    ordered = sorted((path for path in paths if path[1]), key=lambda path: -path[0])
    return tuple(
        Evidence(start, kind, end, round(min(1.0, max(0.0, weight)), 4), number, detail)
        for number, (weight, steps) in enumerate(ordered)
        for start, kind, end, detail in steps
    )
