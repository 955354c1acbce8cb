"""Scorecards of a workspace's verifiers: quick ones that are kept with the models, and the full card of one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import EvaluationError, RbioKGError, VerifierError
from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.registry import BUILT_IN, origin_of
from rbio_kg.services.train import read_recipe

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from rbio_kg.core.claims import Claim
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.verifiers.base.verifier import Card, Verifier

AGREEMENT_ROWS = 20_000
"""Number of questions on which a verifier is compared with the others."""
RATIONALES = 500
"""Claims whose rationales a text verifier is carded on."""


@dataclass(frozen=True)
class Scorecard:
    """A verifier's coverage, ranking and calibration on benchmark questions.

    See `rbio_kg.verifiers.evaluation.scorecard.scorecard`. A figure that was not measured is None; values of the
    mappings are JSON.

    Args:
        coverage: share of questions that it answers, 0 to 1.
        reason: why figures are missing, or empty.
        split: of the questions.
        simulated: whether any label is simulated.
        per_gene_auroc: mean AUROC inside genes.
        interval: its 95 % interval.
        genes: genes with both labels.
        rows: rows with a score.
        rows_in_genes: those of these genes.
        pooled: measures over all rows together.
        ece: expected calibration error.
        brier: mean squared error of the probabilities.
        reliability: bins of the reliability diagram.
        baselines: the same figures of each baseline.
        beats_gene_prior: whether the interval lies above 0.5.
        remark: that in words.
        worst: the subgroups with the worst ranking.
    """

    coverage: float | None
    reason: str
    split: str
    simulated: bool
    per_gene_auroc: float | None
    interval: tuple[float, float] | None
    genes: int
    rows: int
    rows_in_genes: int
    pooled: Mapping[str, Any] | None
    ece: float | None
    brier: float | None
    reliability: tuple[Mapping[str, Any], ...] | None
    baselines: Mapping[str, Any] | None
    beats_gene_prior: bool | None
    remark: str
    worst: tuple[Mapping[str, Any], ...] | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        document: dict[str, Any] = plain({item.name: getattr(self, item.name) for item in fields(self)})
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The scorecard that `to_json` wrote; further keys are left out."""
        values = {item.name: document[item.name] for item in fields(cls)}
        for name in ("interval", "reliability", "worst"):
            values[name] = None if values[name] is None else tuple(values[name])
        return cls(**values)


@dataclass(frozen=True)
class CardDetails:
    """What only the full card has.

    Args:
        claims_per_second: of processor time; None where nothing was scored.
        agreement: other verifier to `spearman`, the rank correlation, and `rows`.
        questions: of a claim verifier, line and task to scorecard.
        texts: of a text verifier, kind of text to figures, and the number of `claims`.
    """

    claims_per_second: float | None
    agreement: Mapping[str, Mapping[str, Any]]
    questions: Mapping[str, Scorecard] | None = None
    texts: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `questions` or `texts` only where there are some."""
        document: dict[str, Any] = {}
        if self.questions is not None:
            document["questions"] = {name: card.to_json() for name, card in self.questions.items()}
        if self.texts is not None:
            document["texts"] = dict(self.texts)
        return document | {"claims_per_second": self.claims_per_second, "agreement": dict(self.agreement)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The details that `to_json` wrote; further keys are left out."""
        questions = document.get("questions")
        return cls(
            claims_per_second=document["claims_per_second"],
            agreement=dict(document["agreement"]),
            questions=questions and {name: Scorecard.from_json(card) for name, card in questions.items()},
            texts=document.get("texts"),
        )


@dataclass(frozen=True)
class VerifierCard:
    """A verifier's card with its scorecard.

    Args:
        name: of the verifier.
        kind: `claim` or `text`.
        card: what it says of itself; `simulated` is that of the scorecard.
        scorecard: on the change questions of the first cell line.
        details: of the full card.
        origin: the build on whose questions it was measured, and the fit (see `rbio_kg.registry.origin_of`).
        stale: why the verifier is stale; None where it is not.
    """

    name: str
    kind: str
    card: Card
    scorecard: Scorecard
    details: CardDetails | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)
    stale: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of `verifiers card`."""
        details = {} if self.details is None else self.details.to_json()
        own: dict[str, Any] = {"name": self.name, "kind": self.kind, "origin": dict(self.origin)}
        if self.stale is not None:
            own["stale"] = {self.name: self.stale}
        return {**own, **self.card.to_json(), **self.scorecard.to_json(), **details}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The card that `to_json` wrote; further keys are left out."""
        from rbio_kg.verifiers.base.verifier import Card

        return cls(
            name=document["name"],
            kind=document["kind"],
            card=Card.from_json(document),
            scorecard=Scorecard.from_json(document),
            details=CardDetails.from_json(document) if "agreement" in document else None,
            origin=document.get("origin", {}),
            stale=document.get("stale", {}).get(document["name"]),
        )


def all_scorecards(
    workspace: WorkspaceBase, progress: Progress | None = None, *, fresh: bool = False
) -> dict[str, VerifierCard]:
    """One scorecard a verifier that is ready; kept in `models/scorecards.json` for the build they were made on."""
    path = workspace.paths.models / "scorecards.json"
    if not fresh and path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("build_id") == workspace.build_id:
            return {name: VerifierCard.from_json(card) for name, card in kept["scorecards"].items()}
    cards: dict[str, VerifierCard] = {}
    for name in workspace.verifier_names():
        try:
            cards[name] = quick_card(workspace, name)
        except VerifierError:
            continue
        if progress is not None:
            progress(f"scorecard of {name}", None)
    written = {name: card.to_json() for name, card in cards.items()}
    if not any(card.stale for card in cards.values()):
        write_text(path, json.dumps({"build_id": workspace.build_id, "scorecards": written}, indent=1))
    return cards


def quick_card(workspace: WorkspaceBase, name: str, split: str = "train") -> VerifierCard:
    """A verifier's card, and its scorecard on the change questions of the first cell line."""
    return _card(workspace, name, _first_scorecard(workspace, name, split))


def _card(workspace: WorkspaceBase, name: str, measured: Scorecard, details: CardDetails | None = None) -> VerifierCard:
    verifier = workspace.verifier(name)
    own = type(verifier.card).from_json(plain({**verifier.card.to_json(), "simulated": measured.simulated}))
    origin = origin_of(workspace, [name])
    del origin["stale"]
    return VerifierCard(name, verifier.kind, own, measured, details, plain(origin), workspace.stale.get(name))


def _first_scorecard(workspace: WorkspaceBase, name: str, split: str) -> Scorecard:
    from rbio_kg.verifiers.evaluation.scorecard import scorecard

    verifier, tables, seed = workspace.verifier(name), workspace.tables, workspace.settings.seed
    questions = tables["questions"]
    rows = first_line(workspace, questions.filter(questions["task"] == "de"))
    found = scorecard(verifier, rows, seed=seed, split=split, train=questions, tables=tables)
    return Scorecard.from_json(plain(found))


def full_card(workspace: WorkspaceBase, name: str, split: str, progress: Progress) -> VerifierCard:
    """The card with every cell line and task, speed, agreement with the others, and a text verifier's texts.

    Raises:
        EvaluationError: the split is neither train nor test.
    """
    from rbio_kg.verifiers.evaluation.scorecard import scorecard

    if split not in ("train", "test"):
        raise EvaluationError(f"there is no split {split!r}", where="--split", hint="train or test")
    progress(f"card of {name}", 0.0)
    verifier, questions = workspace.verifier(name), workspace.tables["questions"]
    measured = _first_scorecard(workspace, name, split)
    others = [other for other in peers_of(workspace, verifier.kind) if other != name]
    if verifier.kind == "text":
        details = text_figures(workspace, name, others)
        progress(f"card of {name}", 1.0)
        return _card(workspace, name, measured, details)
    parts = questions.partition_by("cell_line", "task", as_dict=True)
    change = first_line(workspace, questions.filter(questions["task"] == "de"))["cell_line"].unique().to_list()
    cards: dict[str, Scorecard] = {}
    for done, ((line, task), rows) in enumerate(sorted(parts.items(), key=str)):
        progress(f"card of {name}: {line} {task}", (done + 1) / (len(parts) + 2))
        if task == "de" and line in change:
            cards[f"{line} {task}"] = replace(measured, worst=None)
        else:
            found = scorecard(verifier, rows, seed=workspace.settings.seed, split=split, train=questions)
            cards[f"{line} {task}"] = Scorecard.from_json(plain(found))
    details = replace(speed_and_agreement(workspace, name, others, split), questions=cards)
    progress(f"card of {name}", 1.0)
    return _card(workspace, name, measured, details)


def peers_of(workspace: WorkspaceBase, kind: str) -> list[str]:
    """The verifiers of a kind that are ready."""
    ready = []
    for name in workspace.verifier_names():
        try:
            verifier = workspace.verifier(name)
            if verifier.kind == kind and verifier.card:
                ready.append(name)
        except RbioKGError:
            continue  # not ready
        except Exception:
            if name in BUILT_IN:
                raise
    return ready


def speed_and_agreement(workspace: WorkspaceBase, name: str, others: list[str], split: str) -> CardDetails:
    """Claims a second of processor time, and rank correlations on a sample of the change questions."""
    from rbio_kg.verifiers.evaluation.scorecard import question_scores
    from rbio_kg.verifiers.evaluation.subgroups import rank_agreement

    sample = _sample(workspace, split, AGREEMENT_ROWS)
    question_scores(workspace.verifier(name), sample[:100])  # opens files, compiles kernels
    started = time.process_time()
    own = question_scores(workspace.verifier(name), sample)
    seconds = max(time.process_time() - started, 1e-9)
    agreement = {other: rank_agreement(own, question_scores(workspace.verifier(other), sample)) for other in others}
    return CardDetails(len(sample) / seconds if len(sample) else None, plain(agreement))


def text_figures(workspace: WorkspaceBase, name: str, others: list[str]) -> CardDetails:
    """How a text verifier takes rationales written from evidence, and wrong copies of the same length."""
    import numpy as np

    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.exploits.swapped import rationale_texts
    from rbio_kg.verifiers.base.answers import scores_of
    from rbio_kg.verifiers.evaluation.subgroups import rank_agreement
    from rbio_kg.verifiers.stats.metrics import auroc

    claims = QuestionSet(_sample(workspace, "train", RATIONALES)).claims()
    texts = rationale_texts(claims, workspace.snapshot) if len(claims) > 1 else {}
    verifier = workspace.verifier(name)
    scores_of(name, verifier, claims[:2], [""] * len(claims[:2]))
    started = time.process_time()
    scores = {kind: scores_of(name, verifier, claims, written) for kind, written in texts.items()}
    seconds = max(time.process_time() - started, 1e-9)
    figures: dict[str, Any] = {}
    for kind, found in scores.items():
        scored = ~np.isnan(found)
        figures[kind] = {
            "coverage": float(scored.mean()),
            "mean": float(found[scored].mean()) if scored.any() else None,
            "auroc": None if kind == "true" else auroc(*_against(scores["true"], found)),
        }
    own = np.concatenate(list(scores.values())) if scores else np.zeros(0)
    agreement = {other: rank_agreement(own, _all_texts(workspace.verifier(other), claims, texts)) for other in others}
    return CardDetails(
        claims_per_second=len(own) / seconds if len(own) else None,
        agreement=plain(agreement),
        texts={"claims": len(claims), **plain(figures)},
    )


def _all_texts(verifier: Verifier, claims: list[Claim], texts: dict[str, list[str]]) -> NDArray[np.float64]:
    import numpy as np

    from rbio_kg.verifiers.base.answers import scores_of

    found = [scores_of(verifier.name, verifier, claims, written) for written in texts.values()]
    return np.concatenate(found) if found else np.zeros(0)


def _against(
    matching: NDArray[np.float64], wrong: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and scores of the matching texts and of the wrong ones, where the verifier does not abstain."""
    import numpy as np

    kept = [found[~np.isnan(found)] for found in (matching, wrong)]
    return np.repeat([1, 0], [len(found) for found in kept]), np.concatenate(kept)


def first_line(workspace: WorkspaceBase, questions: pl.DataFrame) -> pl.DataFrame:
    """The questions of one cell line: the default recipe's where there are some, else the first line's by name."""
    lines = questions["cell_line"].unique().sort().to_list()
    if not lines:
        return questions
    wanted = read_recipe(workspace, None).questions.cell_line
    return questions.filter(questions["cell_line"] == (wanted if wanted in lines else lines[0]))


def _sample(workspace: WorkspaceBase, split: str, most: int) -> pl.DataFrame:
    """At most `most` change questions of one cell line, drawn by the workspace's seed."""
    import numpy as np

    questions = workspace.tables["questions"]
    drawn = first_line(workspace, questions.filter((questions["split"] == split) & (questions["task"] == "de")))
    rows = np.sort(np.random.default_rng(workspace.settings.seed).permutation(len(drawn))[:most])
    sample: pl.DataFrame = drawn[rows.tolist()]
    return sample
