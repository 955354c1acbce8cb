"""Graph elements as `Evidence`: interactions, regulations, annotations and memberships, as the store keeps them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from rbio_kg.core.claims import Evidence, Node
from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot

Step = tuple[Node, str, Node, dict[str, Any]]
"""One relationship: start, type, end, properties."""


class WeightedPath(NamedTuple):
    """A path that supports a claim, and its weight, 0 or more."""

    weight: float
    steps: list[Step]


class MemberGraph(Protocol):
    """The arrays that `Citations.members_near` reads."""

    interactions: Csr
    term_genes: Csr
    pathway_genes: Csr


class Citations:
    """Looks up relationships in a snapshot, so that each step names a relationship of the store."""

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
        detail |= self.snapshot.source(s.interactions, position)
        first, last = sorted((a, b))
        return self._gene(first), "INTERACTS_WITH", self._gene(last), detail

    def regulation(self, a: int, b: int) -> Step | None:
        """The regulation of b by a, with its sign."""
        csr = self.snapshot.regulates
        position = csr.position(a, b)
        if position < 0:
            return None
        detail = {"sign": int(csr.weights[position])} | self.snapshot.source(csr, position)
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
        """The shortest path from a gene to a term it has: a direct annotation, then child to parent."""
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
        detail = self._term_detail(chain[0]) | self.snapshot.source(s.annotations, position)
        steps: list[Step] = [(self._gene(gene), "ANNOTATED_WITH", self._term(chain[0]), detail)]
        for child, parent in pairwise(chain):
            place = s.term_parents.position(child, parent)
            kind = "IS_A" if s.term_parents.weights[place] == 2 else "PART_OF"
            about = self._term_detail(parent) | self.snapshot.source(s.term_parents, place)
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
        return [(self._gene(gene), "MEMBER_OF", end, detail | self.snapshot.source(s.memberships, position))]

    def members_near(
        self, gene: int, group: int, kind: str, *, graph: MemberGraph, scale: float, most: int = 5
    ) -> list[WeightedPath]:
        """Paths from a gene over its strongest neighbours that belong to a term or pathway.

        Args:
            gene: number of the gene.
            group: number of the term or pathway.
            kind: `terms` or `pathways`.
            graph: whose interactions and memberships count.
            scale: the weight of a path is the score of the interaction over this.
            most: the number of neighbours.
        """
        link, members = (
            (self.annotation, graph.term_genes) if kind == "terms" else (self.membership, graph.pathway_genes)
        )
        neighbours, scores = graph.interactions.row(gene)
        inside = np.isin(neighbours, members.row(group)[0])
        neighbours, scores = neighbours[inside], scores[inside].astype(np.float64)
        paths = []
        for i in strongest(neighbours, scores, most):
            step = self.interaction(gene, int(neighbours[i]))
            steps = [*([step] if step else []), *link(int(neighbours[i]), group)]
            paths.append(WeightedPath(float(scores[i]) / scale, steps))
        return paths

    def _gene(self, gene: int) -> Node:
        return Node("Gene", self.snapshot.genes.keys[gene])

    def _term(self, term: int) -> Node:
        return Node("GoTerm", self.snapshot.terms.keys[term])

    def _term_detail(self, term: int) -> dict[str, Any]:
        content = round(float(self.snapshot.information_content[term]), 3)
        return {"name": self.snapshot.term_names[term], "information_content": content}


def strongest(nodes: Indices, scores: FloatArray, most: int) -> list[int]:
    """Positions of the nodes with the highest scores, in that order; ties by number of the node."""
    order: list[int] = np.lexsort((nodes, -scores))[:most].tolist()
    return order


def as_evidence(paths: Sequence[WeightedPath]) -> tuple[Evidence, ...]:
    """Paths in descending order of weight; each step keeps the number and the weight (cut to 0..1) of its path."""
    ordered = sorted((path for path in paths if path.steps), key=lambda path: -path.weight)
    return tuple(
        Evidence(start, kind, end, round(min(1.0, max(0.0, weight)), 4), number, detail)
        for number, (weight, steps) in enumerate(ordered)
        for start, kind, end, detail in steps
    )
