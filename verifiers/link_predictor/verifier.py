"""The link predictor: the probability of a link, learned from the rest of the graph. Scoring needs numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rbio_kg.core.claims import FALLS, KNOCKDOWN_RELATIONS, RELATION_TASKS, Claim, Relation, Status, Verdict
from rbio_kg.core.errors import VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.base.claim_index import ClaimGroup, grouped, why_abstained
from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths, rests_on_simulated_labels
from rbio_kg.verifiers.graph_path.citations import Citations, WeightedPath, as_evidence, strongest
from rbio_kg.verifiers.link_predictor.fit import fit_link_predictor
from rbio_kg.verifiers.link_predictor.model import HINT, LinkModel
from rbio_kg.verifiers.stats.fit_calibration import TASK_FITS

__all__ = ["LinkPredictorVerifier", "fit_link_predictor"]

_FITS: Mapping[Relation, tuple[str, ...]] = {
    Relation.INTERACTS_WITH: ("interacts_with",),
    Relation.REGULATES: ("regulates",),
    **{relation: tuple(TASK_FITS[task] for task in tasks) for relation, tasks in RELATION_TASKS.items()},
}
"""The calibrations that a relation's probability is made of, as a product; `rises` is P(increase | change)."""


@dataclass(frozen=True)
class _Opened:
    """The files of a verifier, opened."""

    snapshot: Snapshot
    model: LinkModel


class LinkPredictorVerifier(Verifier):
    """Scores links by embeddings of a graph network and by structural features of the message graph.

    The model that scores is the one that was measured: validation edges stay out of embeddings and features.

    Args:
        model_dir: where `fit_link_predictor` wrote the model.
        snapshot_dir: the snapshot of the same build; None for that of the fit, at its original place.
        natural: whether links get their probability at the graph's own base rate, that of a pair drawn from all: a few
            in 100,000. Otherwise one claim in five is assumed to be true. Knockdown claims do not depend on it.

    Raises (on first use):
        ModelError: the model is missing or broken.
        SnapshotError: the snapshot is.
        VerifierError: they belong to different builds.
    """

    name = "link_predictor"

    def __init__(self, model_dir: Path | str, snapshot_dir: Path | str | None = None, *, natural: bool = False) -> None:
        self.natural = natural
        self.model_dir = Path(model_dir)
        self.snapshot_dir = None if snapshot_dir is None else Path(snapshot_dir)
        self._opened: _Opened | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.model_dir, self.snapshot_dir, self.natural)

    @property
    def card(self) -> Card:
        """What it knows; `settings` hold the metrics on validation edges and those of the baselines."""
        opened = self._open()
        snapshot, model = opened.snapshot, opened.model
        rate = (
            "probabilities are those of a pair drawn from all of the graph"
            if self.natural
            else "probabilities assume one true link in five"
        )
        fitted = "calibrated on training knockdowns" if "changes" in model.calibrations else "not scored"
        return Card(
            knows="links that the rest of the graph makes likely: embeddings of a typed graph network with shared "
            "neighbours, Adamic-Adar, resource allocation, shared GO terms and pathways, and what similar genes have",
            relations=self._relations(model),
            abstains="a gene, term or pathway is not in the graph or has no relationship in it, subject and object are "
            "one gene, or the relation had too few edges to train on",
            sources=tuple(snapshot.sources) or ("the graph's tables",),
            licence="that of each source of the graph",
            reference="GraphSAGE (Hamilton 2017) per edge type; structural decoder features after Zhang and Chen 2018; "
            "hard negatives after Li et al. 2023",
            limits=f"{rate}; of a term or pathway it scores the edge itself, not what a narrower one implies; "
            f"knockdown relations: {fitted}; increases and decreases are the probability of a change times that of its "
            "direction",
            simulated=model.simulated,
            settings={"metrics": dict(model.metrics)},
        )

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """Probabilities (n,), NaN where it abstains; `texts` are ignored."""
        check_lengths(claims, texts)
        out = np.full(len(claims), np.nan)
        if not len(claims):
            return out
        opened = self._open()
        snapshot, model = opened.snapshot, opened.model
        for group in grouped(snapshot, claims, self._relations(model)):
            out[group.rows] = self._score_group(model, group)
        return out

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The score with the nearest supporting neighbours: those that both ends share, strongest first."""
        opened = self._open()
        snapshot, model = opened.snapshot, opened.model
        score = float(self.score([claim])[0])
        if np.isnan(score):
            if claim.relation not in self._relations(model):
                reason = f"the model was not trained on {claim.relation}"
            else:
                reason = why_abstained(snapshot, claim) or "one of them has no relationship in the message graph"
            return Verdict(None, Status.ABSTAIN, reason=reason, verifier=self.name)
        group = next(iter(grouped(snapshot, [claim], frozenset(Relation))))
        subject, other = int(group.subject[0]), int(group.object[0])
        if group.target == "genes":
            paths = self._shared(opened, subject, other)
        else:
            cite = Citations(opened.snapshot)
            paths = cite.members_near(subject, other, group.target, graph=opened.model.graph, scale=1000.0)
        evidence = as_evidence(paths)
        known = f"{len(paths)} nearest supporting neighbours" if paths else "no supporting neighbour"
        reason = f"{known}; the rest by embedding and structure"
        simulated = rests_on_simulated_labels(self.card, claim.relation)
        return Verdict(score, Status.OK, evidence, reason, self.name, simulated)

    def _open(self) -> _Opened:
        if self._opened is None:
            model = LinkModel.read(self.model_dir)
            snapshot = Snapshot.open(self.snapshot_dir or (self.model_dir / model.snapshot).resolve())
            if snapshot.build_id != model.build_id:
                what = f"fitted on build {model.build_id}, but the graph is build {snapshot.build_id}"
                raise VerifierError(what, where=self.model_dir, hint=HINT)
            self._opened = _Opened(snapshot, model)
        return self._opened

    @staticmethod
    def _relations(model: LinkModel) -> frozenset[Relation]:
        learned = {relation for relation, names in _FITS.items() if set(names) <= model.calibrations.keys()}
        if "terms" in model.calibrations or "pathways" in model.calibrations:
            learned.add(Relation.TAKES_PART_IN)
        return frozenset(learned)

    def _score_group(self, model: LinkModel, group: ClaimGroup) -> FloatArray:
        a, b = group.subject, group.object
        isolated = model.parts.paths.isolated
        if group.target != "genes":
            if group.target not in model.calibrations:
                return np.full(len(a), np.nan)
            members = model.graph.term_genes if group.target == "terms" else model.graph.pathway_genes
            abstains = isolated[a] | (members.degrees[b] == 0)
            return np.where(abstains, np.nan, model.probabilities(group.target, a, b, natural=self.natural))
        if group.relation in KNOCKDOWN_RELATIONS:
            parts, scores = model.knockdown_matrix(a, b), np.ones(len(a))
            for name in _FITS[group.relation]:
                found = model.calibrations[name](parts, group.lines)
                scores *= 1.0 - found if name == "rises" and group.relation in FALLS else found
        elif group.relation is Relation.INTERACTS_WITH:
            # One order for both directions, so that A with B is exactly B with A.
            scores = model.probabilities("interacts_with", np.minimum(a, b), np.maximum(a, b), natural=self.natural)
        else:
            scores = model.probabilities("regulates", a, b, natural=self.natural)
        return np.where(isolated[a] | isolated[b], np.nan, scores)

    @staticmethod
    def _shared(opened: _Opened, a: int, b: int, most: int = 5) -> list[WeightedPath]:
        """Paths over the strongest neighbours that two genes share."""
        cite, interactions = Citations(opened.snapshot), opened.model.graph.interactions
        (near_a, weight_a), (near_b, weight_b) = interactions.row(a), interactions.row(b)
        shared, index_a, index_b = np.intersect1d(near_a, near_b, assume_unique=True, return_indices=True)
        strength = weight_a[index_a].astype(np.float64) * weight_b[index_b].astype(np.float64) / 1e6
        paths = []
        for i in strongest(shared, strength, most):
            steps = (cite.interaction(a, int(shared[i])), cite.interaction(int(shared[i]), b))
            paths.append(WeightedPath(float(strength[i]), [step for step in steps if step is not None]))
        return paths


def _reopen(model_dir: Path, snapshot_dir: Path | None, natural: bool) -> LinkPredictorVerifier:
    return LinkPredictorVerifier(model_dir, snapshot_dir, natural=natural)
