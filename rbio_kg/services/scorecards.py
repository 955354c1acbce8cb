"""Scorecards of a workspace's verifiers: quick ones that are kept with the models, and the full card of one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import EvaluationError, RbioKGError, VerifierError
from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.registry import BUILT_IN
from rbio_kg.services.train import read_recipe

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from rbio_kg.core.claims import Claim
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.verifiers.base.verifier import Verifier

AGREEMENT_ROWS = 20_000
"""QuestionSet on which a verifier is compared with the others."""
RATIONALES = 500
"""Claims whose rationales a text verifier is carded on."""


def all_scorecards(
    workspace: WorkspaceBase, progress: Progress | None = None, *, fresh: bool = False
) -> dict[str, dict[str, Any]]:
    """One scorecard a verifier that is ready; kept in `models/scorecards.json` for the build they were made on."""
    path = workspace.paths.models / "scorecards.json"
    if not fresh and path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("build_id") == workspace.build_id:
            return dict(kept["scorecards"])
    cards: dict[str, dict[str, Any]] = {}
    for name in workspace.verifier_names():
        try:
            cards[name] = plain(card_document(workspace, name))
        except VerifierError:
            continue
        if progress is not None:
            progress(f"scorecard of {name}", None)
    write_text(path, json.dumps({"build_id": workspace.build_id, "scorecards": cards}, indent=1))
    return cards


def card_document(workspace: WorkspaceBase, name: str, split: str = "train") -> dict[str, Any]:
    """A verifier's card, and its scorecard on the change questions of the first cell line."""
    return _card(workspace.verifier(name), name, _first_scorecard(workspace, name, split))


def _card(verifier: Verifier, name: str, measured: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "kind": verifier.kind, **verifier.card.to_json(), **measured}


def _first_scorecard(workspace: WorkspaceBase, name: str, split: str) -> dict[str, Any]:
    from rbio_kg.verifiers.evaluation.scorecard import scorecard

    verifier, tables, seed = workspace.verifier(name), workspace.tables, workspace.settings.seed
    questions = tables["questions"]
    rows = first_line(workspace, questions.filter(questions["task"] == "de"))
    return scorecard(verifier, rows, seed=seed, split=split, train=questions, tables=tables)


def full_card(workspace: WorkspaceBase, name: str, split: str, progress: Progress) -> dict[str, Any]:
    """The card with every cell line and task, speed, agreement with the others, and a text verifier's texts.

    Adds `questions` ({line and task: figures}), `claims_per_second` (processor time), `agreement` ({verifier:
    {spearman, rows}}) and, for a text verifier, `texts`.

    Raises:
        EvaluationError: the split is neither train nor test.
    """
    from rbio_kg.verifiers.evaluation.scorecard import scorecard

    if split not in ("train", "test"):
        raise EvaluationError(f"there is no split {split!r}", where="--split", hint="train or test")
    progress(f"card of {name}", 0.0)
    verifier, questions = workspace.verifier(name), workspace.tables["questions"]
    measured = _first_scorecard(workspace, name, split)
    document = _card(verifier, name, measured)
    others = [other for other in peers_of(workspace, verifier.kind) if other != name]
    if verifier.kind == "text":
        document |= text_figures(workspace, name, others)
        progress(f"card of {name}", 1.0)
        return document
    parts = questions.partition_by("cell_line", "task", as_dict=True)
    change = first_line(workspace, questions.filter(questions["task"] == "de"))["cell_line"].unique().to_list()
    document["questions"] = {}
    for done, ((line, task), rows) in enumerate(sorted(parts.items(), key=str)):
        progress(f"card of {name}: {line} {task}", (done + 1) / (len(parts) + 2))
        known = task == "de" and line in change
        card = (
            {**measured, "worst": None}
            if known
            else scorecard(verifier, rows, seed=workspace.settings.seed, split=split, train=questions)
        )
        document["questions"][f"{line} {task}"] = card
    document |= speed_and_agreement(workspace, name, others, split)
    progress(f"card of {name}", 1.0)
    return document


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


def speed_and_agreement(workspace: WorkspaceBase, name: str, others: list[str], split: str) -> dict[str, Any]:
    """Claims a second of processor time, and rank correlations on a sample of the change questions."""
    from rbio_kg.verifiers.evaluation.scorecard import question_scores
    from rbio_kg.verifiers.evaluation.subgroups import rank_agreement

    sample = _sample(workspace, split, AGREEMENT_ROWS)
    question_scores(workspace.verifier(name), sample[:100])  # opens files, compiles kernels
    started = time.process_time()
    own = question_scores(workspace.verifier(name), sample)
    seconds = max(time.process_time() - started, 1e-9)
    agreement = {other: rank_agreement(own, question_scores(workspace.verifier(other), sample)) for other in others}
    return {"claims_per_second": len(sample) / seconds if len(sample) else None, "agreement": agreement}


def text_figures(workspace: WorkspaceBase, name: str, others: list[str]) -> dict[str, Any]:
    """How a text verifier takes rationales written from evidence, and wrong copies of the same length."""
    import numpy as np

    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.exploits.swapped import rationale_texts
    from rbio_kg.verifiers.evaluation.subgroups import rank_agreement
    from rbio_kg.verifiers.stats.metrics import auroc

    claims = QuestionSet(_sample(workspace, "train", RATIONALES)).claims()
    texts = rationale_texts(claims, workspace.snapshot) if len(claims) > 1 else {}
    verifier = workspace.verifier(name)
    verifier.score(claims[:2], ["", ""])
    started = time.process_time()
    scores = {kind: verifier.score(claims, written) for kind, written in texts.items()}
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
    return {
        "texts": {"claims": len(claims), **figures},
        "claims_per_second": len(own) / seconds if len(own) else None,
        "agreement": agreement,
    }


def _all_texts(verifier: Verifier, claims: list[Claim], texts: dict[str, list[str]]) -> NDArray[np.float64]:
    import numpy as np

    return np.concatenate([verifier.score(claims, written) for written in texts.values()]) if texts else np.zeros(0)


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
