"""Scores a reasoning by how many of its statements about the claim's genes agree with the graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation, Status, Verdict
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.base.claim_index import object_ids
from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths
from rbio_kg.verifiers.text.statements import INFORMATIVE_BITS, REGULATIONS, Statement, StatementChecker

READ_CHARACTERS = 4_000
"""Number of characters of a text that are read."""
COUNTED = 8
"""Number of different statements about the genes that count, the first ones, whether or not the graph knows them. The
limit makes it useless to guess partners, and to list all known ones."""


class ReasoningTraceVerifier(Verifier):
    """Scores a reasoning by its statements about the claim's genes that the graph can check.

    score = 1/2 (1 + (s - c) / (s + c + 1)). s statements are supported and c contradicted, among the first `COUNTED`
    different ones. A hedged statement counts half. The verifier abstains where s + c = 0.

    Args:
        snapshot_dir: folder of a snapshot.
    """

    name = "reasoning_trace"
    kind: ClassVar[Literal["claim", "text"]] = "text"
    abstain_reward = 0.5

    def __init__(self, snapshot_dir: Path | str) -> None:
        self.snapshot_dir = Path(snapshot_dir)

    def __getstate__(self) -> dict[str, Any]:
        return {"snapshot_dir": self.snapshot_dir}

    @cached_property
    def checker(self) -> StatementChecker:
        """The statement checker, opened at first use."""
        return StatementChecker(Snapshot.open(self.snapshot_dir))

    @property
    def card(self) -> Card:
        """What it knows, and when it abstains."""
        return Card(
            knows="whether a text's statements about the genes in question (interactions, regulation with direction "
            "and sign, terms and pathways, and their negations) agree with the graph",
            relations=frozenset(Relation),
            abstains="no text, an unknown gene, a self-claim, or no statement about the genes that the graph can check",
            sources=("STRING", "CollecTRI", "Gene Ontology and its annotations", "Reactome or WikiPathways"),
            licence="of the sources: CC BY 4.0 (STRING, GO, Reactome), CC0 (WikiPathways), see each source",
            reference="rule-based reader, docs/explanation/reward.md",
            range="0 (all contradicted) to 1 (all supported); it scores the text, not the claim",
            limits="reads plain sentences; a missing edge never lowers a score",
            settings={"counted": COUNTED, "informative_bits": INFORMATIVE_BITS, "abstain_reward": self.abstain_reward},
        )

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """Agreement of each text with the graph, (n,), NaN where nothing can be checked."""
        check_lengths(claims, texts)
        if texts is None:
            return np.full(len(claims), np.nan)
        scores = [_balance(self.counted(claim, text)) for claim, text in zip(claims, texts, strict=True)]
        return np.array(scores, dtype=np.float64)

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The score with the statements that counted and the edges that decided them."""
        counted = self.counted(claim, text or "")
        score = _balance(counted)
        if math.isnan(score):
            reason = "no text" if not text else "no statement about these genes that the graph can check"
            return Verdict(None, Status.ABSTAIN, reason=reason, verifier=self.name)
        evidence = [replace(element, path=i) for i, item in enumerate(counted) for element in item.evidence]
        supported = sum(item.verdict == "supported" for item in counted)
        reason = f"{supported} statements supported, {len(counted) - supported} contradicted"
        return Verdict(score, Status.OK, tuple(evidence), reason, self.name)

    def counted(self, claim: Claim, text: str) -> list[Statement]:
        """The different checked statements about the claim's genes that count, in the text's order."""
        snapshot = self.checker.snapshot
        ends = {snapshot.resolve(name) for name in _gene_ends(claim)}
        if None in ends or claim.subject == claim.object or not _object_known(claim, snapshot):
            return []
        found: dict[tuple[str, ...], Statement] = {}
        for item in self.checker.check(text[:READ_CHARACTERS]):
            if ends & {item.subject, item.object} and item.relation not in KNOCKDOWN_RELATIONS and item.informative:
                found.setdefault(_fact(item), item)
        return [item for item in list(found.values())[:COUNTED] if item.verdict != "unknown"]


def _gene_ends(claim: Claim) -> tuple[str, ...]:
    return (claim.subject,) if claim.relation == Relation.TAKES_PART_IN else (claim.subject, claim.object)


def _object_known(claim: Claim, snapshot: Snapshot) -> bool:
    if claim.relation != Relation.TAKES_PART_IN:
        return True
    (target,) = object_ids(snapshot, [claim.object])
    return target in snapshot.terms or target in snapshot.pathways


def _fact(item: Statement) -> tuple[str, ...]:
    """Equal for statements of one fact: an interaction in either order, regulation with or without a sign."""
    ends = (item.subject, item.object)
    if item.relation is Relation.INTERACTS_WITH:
        ends = (min(ends), max(ends))
    family = "regulation" if item.relation in REGULATIONS else str(item.relation)
    return (family, *ends, item.polarity)


def _balance(counted: list[Statement]) -> float:
    weights = [(1.0 if item.certainty == "asserted" else 0.5, item.verdict == "supported") for item in counted]
    if not weights:
        return math.nan
    supported = sum(weight for weight, good in weights if good)
    contradicted = sum(weight for weight, good in weights if not good)
    return 0.5 * (1.0 + (supported - contradicted) / (supported + contradicted + 1.0))
