"""What the graph says of a claim's two ends: links, genes in between, shared terms; never the claim itself."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation
from rbio_kg.graph.snapshot.snapshot import Snapshot

Link = Literal["interacts with", "regulates"]

MOST_BETWEEN = 3
"""Largest number of genes in between that are shown."""
MOST_TERMS = 2
"""Largest number of shared terms that are shown."""
LEAST_BITS = 4.0
"""Information content, in bits, below which a shared term is left out: more than one gene in 16 has it."""


class GraphFacts:
    """Facts from the snapshot, which holds no knockdown label."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def link(self, claim: Claim) -> Link | None:
        """How the graph joins subject and object directly.

        An interaction is left out where the claim is an interaction, and a regulation where it is a regulation.
        """
        a, b = self._genes(claim)
        if a < 0 or b < 0 or a == b:
            return None
        knockdown = claim.relation in KNOCKDOWN_RELATIONS
        interacts = claim.relation != Relation.INTERACTS_WITH
        if interacts and b in self.snapshot.interactions.row(a)[0]:
            return "interacts with"
        regulates = knockdown or claim.relation == Relation.INTERACTS_WITH
        return "regulates" if regulates and b in self.snapshot.regulates.row(a)[0] else None

    def between(self, claim: Claim) -> tuple[str, ...]:
        """Genes that join the two, strongest first: partners of both, or the subject's partners that take part."""
        s = self.snapshot
        subject = s.genes.index(claim.subject)
        if subject < 0:
            return ()
        partners, scores = s.interactions.row(subject)
        if claim.relation == Relation.TAKES_PART_IN:
            members = self._members(claim.object)
            strength = np.where(np.isin(partners, members), scores, 0).astype(np.int64)
        else:
            target = s.genes.index(claim.object)
            if target < 0:
                return ()
            theirs, weights = s.interactions.row(target)
            strength = np.zeros(len(partners), dtype=np.int64)
            _, here, there = np.intersect1d(partners, theirs, return_indices=True)
            strength[here] = np.minimum(scores[here], weights[there])
        order = np.lexsort((partners, -strength))[:MOST_BETWEEN]
        return tuple(s.genes.keys[int(partners[i])] for i in order if strength[i] > 0)

    def shared_terms(self, claim: Claim) -> tuple[str, ...]:
        """The most specific GO terms of both genes, or of the one gene where the object is no gene.

        Where the object is a term, terms below it are left out: they would imply the answer.
        """
        s = self.snapshot
        subject = s.genes.index(claim.subject)
        if subject < 0:
            return ()
        terms = s.closure.row(subject)[0]  # by information content, descending
        if claim.relation == Relation.TAKES_PART_IN:
            claimed = s.terms.index(claim.object)
            terms = s.annotations.row(subject)[0]
            terms = terms[np.lexsort((terms, -s.information_content[terms].astype(np.float64)))]
            shown = (int(term) for term in terms if claimed < 0 or not self._below(int(term), claimed))
        else:
            target = s.genes.index(claim.object)
            if target < 0:
                return ()
            shown = (int(term) for term in terms[np.isin(terms, s.closure.row(target)[0])])
        found: list[str] = []
        for term in shown:
            if s.information_content[term] < LEAST_BITS or len(found) == MOST_TERMS:
                break
            found.append(str(s.term_names[term]))
        return tuple(found)

    def _genes(self, claim: Claim) -> tuple[int, int]:
        genes = self.snapshot.genes
        return genes.index(claim.subject), genes.index(claim.object)

    def _members(self, group: str) -> NDArray[np.int32]:
        s = self.snapshot
        term, pathway = s.terms.index(group), s.pathways.index(group)
        if term >= 0:
            return s.term_genes.row(term)[0]
        return s.pathway_genes.row(pathway)[0] if pathway >= 0 else np.zeros(0, dtype=np.int32)

    def _below(self, term: int, ancestor: int) -> bool:
        """Whether the term is the ancestor or has it among its ancestors by is_a and part_of."""
        seen, waiting = {term}, [term]
        while waiting:
            for parent in self.snapshot.term_parents.row(waiting.pop())[0].tolist():
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return ancestor in seen
