"""The graph path verifier: how strongly short paths of the graph join subject and object of a claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from rbio_kg.core.claims import IF_CHANGED, KNOCKDOWN_RELATIONS, RISES, Claim, Relation, Status, Verdict
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.base.claim_index import ClaimGroup, grouped, why_abstained
from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths, rests_on_simulated_labels
from rbio_kg.verifiers.graph_path.calibration import PARTS, PathCalibration, fit_graph_path
from rbio_kg.verifiers.graph_path.citations import Citations, WeightedPath, as_evidence
from rbio_kg.verifiers.graph_path.features import PathParts
from rbio_kg.verifiers.graph_path.pair_parts import GenePairs

__all__ = ["GraphPathVerifier", "fit_graph_path"]

STRENGTHS: Mapping[str, float] = MappingProxyType(
    {
        "direct": 0.9,
        "path": 0.6,
        "regulation": 0.9,
        "cascade": 0.3,
        "term": 0.2,
        "overlap": 0.3,
        "pathway": 0.3,
        "neighbours": 0.8,
        "excess": 0.3,
    }
)
"""Without a calibration the score is a noisy-or: 1 - product over parts of (1 - strength x part)."""

CITED = ("direct", "path", "two", "three", "regulation", "cascade", "term", "overlap", "pathway")
"""Parts of a gene pair that evidence is cited for."""
KNOWN_REGULATION = 0.95
"""Probability of a regulation that the graph has, with its direction and sign."""
KNOWN_MEMBERSHIP = 0.95
"""Probability of a membership that the graph has, directly or by a narrower term."""
SIGN_TRUST = 0.7
"""Without a calibration, probability that a knockdown changes the object's expression in the direction of the signs."""


@dataclass(frozen=True)
class _Opened:
    """The files of a verifier, opened."""

    snapshot: Snapshot
    parts: PathParts
    calibration: PathCalibration | None


class GraphPathVerifier(Verifier):
    """Scores gene pairs, and genes with terms or pathways, by what joins them in the graph.

    A relation that the graph has determines the score. Otherwise the score combines these parts:

    - all association paths of 2 or 3 steps, with hubs weighted down (`rbio_kg.verifiers.graph_path.path_counts`), and
      the best of them by the product of its steps;
    - chains of regulations from subject to object with their signs;
    - shared GO terms by information content, and shared pathways by size;
    - for `takes_part_in`, the share of the gene's neighbours that take part.

    A calibration for each relation turns the parts x into expit(c + w . x)
    (`rbio_kg.verifiers.graph_path.calibration`).

    Example:
        >>> from rbio_kg.verifiers import GraphPathVerifier
        >>> verifier = GraphPathVerifier("workspace/graph/snapshot")  # opens nothing yet
        >>> verifier.name
        'graph_path'

    Args:
        snapshot_dir: the build's snapshot.
        model_dir: where `fit_graph_path` wrote a calibration; None for the noisy-or of `STRENGTHS`.

    Raises (on first use):
        SnapshotError: the snapshot is missing or broken.
        ModelError, VerifierError: the calibration is, or belongs to another build.
    """

    name = "graph_path"

    def __init__(self, snapshot_dir: Path | str, model_dir: Path | str | None = None) -> None:
        self.snapshot_dir = Path(snapshot_dir)
        self.model_dir = None if model_dir is None else Path(model_dir)
        self._opened: _Opened | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return GraphPathVerifier, (self.snapshot_dir, self.model_dir)

    @property
    def card(self) -> Card:
        """What it knows; `settings` say which relations are calibrated and how well."""
        opened = self._open()
        snapshot, calibration = opened.snapshot, opened.calibration
        fits = sorted(calibration.fits) if calibration else []
        knockdowns = "calibrated on training knockdowns" if "changes" in fits else "raw association, not calibrated"
        return Card(
            knows="short paths (up to 3 steps) over interactions and regulations, shared GO terms and pathways",
            relations=frozenset(Relation),
            abstains="a gene, term or pathway is not in the graph, a gene has no relationship at all, or subject and "
            "object are one gene",
            sources=tuple(snapshot.sources) or ("the graph's tables",),
            licence="that of each source of the graph",
            reference="paths weighted against hubs after Himmelstein and Baranzini 2015; Resnik 1995; Pesquita 2008",
            limits=f"knockdown relations: {knockdowns}; increases and decreases are the probability of a change times "
            "that of its direction. Structural probabilities assume one true claim in five",
            simulated=bool(calibration and calibration.simulated),
            settings={
                "calibrated": fits,
                "metrics": dict(calibration.metrics) if calibration else {},
                "strengths": dict(STRENGTHS),
            },
        )

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """Probabilities (n,), NaN where it abstains; `texts` are ignored."""
        check_lengths(claims, texts)
        out = np.full(len(claims), np.nan)
        if not len(claims):
            return out
        for group in grouped(self._open().snapshot, claims, frozenset(Relation)):
            out[group.rows] = self._score_group(group)
        return out

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The score with the paths that it comes from."""
        snapshot = self._open().snapshot
        score = float(self.score([claim])[0])
        if np.isnan(score):
            reason = why_abstained(snapshot, claim) or "the graph has no relationship of one of them"
            return Verdict(None, Status.ABSTAIN, reason=reason, verifier=self.name)
        group = next(iter(grouped(snapshot, [claim], frozenset(Relation))))
        paths = self._cite_group(group) if group.target != "genes" else self._cite_genes(group)
        evidence = as_evidence(paths)
        if evidence:
            count = evidence[-1].path + 1
            reason = f"{count} path{'s' if count > 1 else ''} in the graph; strongest by {evidence[0].type}"
        else:
            reason = "no path of up to 3 steps, no shared term and no shared pathway"
        simulated = rests_on_simulated_labels(self.card, claim.relation)
        return Verdict(score, Status.OK, evidence, reason, self.name, simulated)

    def _open(self) -> _Opened:
        if self._opened is None:
            snapshot = Snapshot.open(self.snapshot_dir)
            calibration = None if self.model_dir is None else PathCalibration.read(self.model_dir, snapshot.build_id)
            self._opened = _Opened(snapshot, PathParts(snapshot), calibration)
        return self._opened

    def _score_group(self, group: ClaimGroup) -> FloatArray:
        parts = self._open().parts
        if group.target != "genes":
            found = parts.groups(group.subject, group.object, group.target)
            scores = self._calibrated(group.target, found.matrix(PARTS[group.target]))
            scores = np.where(found.known, KNOWN_MEMBERSHIP, scores)
            return np.where(parts.isolated[group.subject], np.nan, scores)
        pairs = parts.genes(group.subject, group.object, counts=True)
        if group.relation is Relation.INTERACTS_WITH:
            guess = self._calibrated("interacts_with", pairs.matrix(PARTS["interacts_with"]))
            # STRING's score is the probability that the association is real. The edge in the graph halves the rest.
            scores = np.where(pairs.direct > 0, 1.0 - (1.0 - pairs.direct) / 2.0, guess)
        elif group.relation in KNOCKDOWN_RELATIONS:
            scores = self._knockdown(group, pairs)
        else:
            scores = self._regulation(group.relation, pairs)
        abstains = parts.isolated[group.subject] | parts.isolated[group.object]
        return np.where(abstains, np.nan, scores)

    def _calibrated(self, name: str, matrix: FloatArray, groups: list[str | None] | None = None) -> FloatArray:
        calibration = self._open().calibration
        if calibration is not None and name in calibration.fits:
            return calibration.fits[name](matrix, groups)
        doubt = np.ones(len(matrix))
        for part, column in zip(PARTS[name], matrix.T, strict=True):
            doubt *= 1.0 - STRENGTHS.get(part, 0.0) * column
        return 1.0 - doubt

    def _knockdown(self, group: ClaimGroup, pairs: GenePairs) -> FloatArray:
        calibration, relation = self._open().calibration, group.relation
        changes = np.ones(len(group.rows))
        if relation not in IF_CHANGED:
            changes = self._calibrated("changes", pairs.matrix(PARTS["changes"]), group.lines)
        if relation is Relation.CHANGES_EXPRESSION_OF:
            return changes
        if calibration is not None and "rises" in calibration.fits:
            rises = self._calibrated("rises", pairs.matrix(PARTS["rises"]), group.lines)
        else:
            # The loss of an activator lowers its target's expression, that of a repressor raises it.
            sign = np.where(pairs.sign != 0, pairs.sign, pairs.cascade_sign * (pairs.cascade > 0))
            rises = 0.5 - (SIGN_TRUST - 0.5) * sign
        return changes * (rises if relation in RISES else 1.0 - rises)

    def _regulation(self, relation: Relation, pairs: GenePairs) -> FloatArray:
        calibration, known = self._open().calibration, pairs.regulation > 0
        regulates = np.where(known, KNOWN_REGULATION, self._calibrated("regulates", pairs.matrix(PARTS["regulates"])))
        if relation is Relation.REGULATES:
            return regulates
        if calibration is not None and "activates" in calibration.fits:
            activates = self._calibrated("activates", pairs.matrix(PARTS["activates"]))
        else:
            activates = 0.5 + (SIGN_TRUST - 0.5) * pairs.cascade_sign
        wanted = 1.0 if relation is Relation.ACTIVATES else -1.0
        stated = np.where(pairs.sign * wanted > 0, KNOWN_REGULATION, 1.0 - KNOWN_REGULATION)
        return np.where(pairs.sign != 0, stated, regulates * (activates if wanted > 0 else 1.0 - activates))

    def _weights(self, name: str, values: Mapping[str, float]) -> dict[str, float]:
        """How much each part counted for the claim: its share of all positive parts, 0 to 1."""
        calibration = self._open().calibration
        strengths: Mapping[str, float] = STRENGTHS
        if calibration is not None and name in calibration.fits:
            fit = calibration.fits[name]
            strengths = dict(zip(fit.parts, fit.coefficients, strict=True))
        counted = {part: max(0.0, strengths.get(part, 0.0) * value) for part, value in values.items()}
        total = sum(counted.values())
        return {part: value / total if total else 0.0 for part, value in counted.items()}

    def _cite_genes(self, group: ClaimGroup) -> list[WeightedPath]:
        opened = self._open()
        snapshot, parts = opened.snapshot, opened.parts
        cite = Citations(snapshot)
        a, b = int(group.subject[0]), int(group.object[0])
        pairs = parts.genes(group.subject, group.object, counts=True)
        names = {Relation.INTERACTS_WITH: "interacts_with", Relation.CHANGES_EXPRESSION_OF: "changes"}
        name = names.get(group.relation, "rises" if group.relation in KNOCKDOWN_RELATIONS else "regulates")
        weights = self._weights(name, {part: float(getattr(pairs, part)[0]) for part in CITED})
        direct, regulation = cite.interaction(a, b), cite.regulation(a, b)
        if direct is not None and group.relation is Relation.INTERACTS_WITH:
            weights |= {"direct": 1.0}
        if regulation is not None and (name == "regulates" or weights.get("regulation", 0.0) == 0.0):
            weights |= {"regulation": 1.0 if name == "regulates" else abs(float(pairs.sign[0])) / 2.0}
        paths: list[WeightedPath] = [
            WeightedPath(weights.get("direct", 0.0), [direct] if direct else []),
            WeightedPath(weights.get("regulation", 0.0), [regulation] if regulation else []),
            WeightedPath(weights["path"] + weights["three"], cite.association(pairs.path_nodes[0])),
            WeightedPath(weights["cascade"], cite.cascade(pairs.cascade_nodes[0])),
            *(
                WeightedPath(weights["two"] * share, cite.association((a, x, b)))
                for x, share in parts.counts.between(a, b)
                if (a, x, b) != tuple(pairs.path_nodes[0][:3].tolist())
            ),
        ]
        term, pathway = int(pairs.shared_term[0]), int(pairs.shared_pathway[0])
        if term >= 0 and pairs.term[0] > 0:
            steps = cite.annotation(a, term) + cite.annotation(b, term)
            paths.append(WeightedPath(weights["term"] + weights["overlap"], steps))
        if pathway >= 0:
            steps = cite.membership(a, pathway) + cite.membership(b, pathway)
            paths.append(WeightedPath(weights["pathway"], steps))
        return paths

    def _cite_group(self, group: ClaimGroup, most: int = 5) -> list[WeightedPath]:
        snapshot = self._open().snapshot
        cite = Citations(snapshot)
        gene, target = int(group.subject[0]), int(group.object[0])
        own = (cite.annotation if group.target == "terms" else cite.membership)(gene, target)
        if own:
            return [WeightedPath(1.0, own)]
        total = max(1.0, float(snapshot.interactions.row(gene)[1].sum()))
        return cite.members_near(gene, target, group.target, graph=snapshot, scale=total, most=most)
