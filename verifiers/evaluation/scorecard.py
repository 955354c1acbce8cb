"""Scorecards: coverage, ranking and calibration of a verifier on benchmark questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, TASK_RELATION, Claim
from rbio_kg.verifiers.base.answers import scores_of
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.verifiers.evaluation.baselines import baseline_scores, with_folds
from rbio_kg.verifiers.evaluation.subgroups import measured_subgroups, named_subgroups
from rbio_kg.verifiers.stats.metrics import reliability_bins, summary


def question_scores(verifier: Verifier, questions: pl.DataFrame) -> NDArray[np.float64]:
    """A claim verifier's probability of label 1 for each question, shape (n,), NaN where it abstains.

    A `de` question is about a change, a `dir` question about the direction of a change that happened.
    """
    rows = questions.select("pert", "task", "gene", "cell_line").iter_rows()
    claims = [Claim(pert, TASK_RELATION[task], gene, line) for pert, task, gene, line in rows]
    return scores_of(verifier.name, verifier, claims)


def scorecard(
    verifier: Verifier,
    questions: pl.DataFrame,
    *,
    seed: int,
    split: str = "train",
    train: pl.DataFrame | None = None,
    tables: Mapping[str, pl.DataFrame] | None = None,
) -> dict[str, Any]:
    """Coverage of a verifier, ranking within genes, and calibration of its probabilities.

    On train rows, fitted verifiers answer out of fold, so rows are compared inside a fold only, and the gene prior
    leaves the row's fold out too. Use the test split once per claim.

    Args:
        verifier: any verifier.
        questions: rows with the `questions` schema.
        seed: of the intervals (and of the folds, where the verifier names none in its card's settings).
        split: the rows to use.
        train: rows for the baselines; None for `questions`.
        tables: of the graph, to find the subgroups with the worst ranking; None to leave them out.

    Returns:
        JSON-ready: `coverage` (share answered), `reason` (why figures are missing, or empty), `split`, those of
        `metrics.summary`, `reliability` (bins), `baselines` (on the answered rows), `simulated`, `beats_gene_prior`
        (whether the interval of the per-gene AUROC lies above 0.5), `remark` (that in words) and `worst` (see
        `subgroups.measured_subgroups`).
    """
    frame = questions.filter(pl.col("split") == split)
    empty = {**summary([], [], [], seed=seed), "pooled": None, "reliability": None, "baselines": None}
    empty |= {"beats_gene_prior": None, "remark": "", "worst": None}
    card = {"coverage": None, "reason": "", "split": split, "simulated": bool(frame["simulated"].any()), **empty}
    if verifier.kind == "text":
        return {
            **card,
            "reason": "it scores what a completion says, not the claim: without texts there is nothing to score",
        }
    if not verifier.card.relations & KNOCKDOWN_RELATIONS:
        return {**card, "coverage": 0.0, "reason": "it does not score what knockdowns do"}
    if frame.is_empty():
        return {**card, "reason": f"there are no {split} questions"}
    scores = question_scores(verifier, frame)
    answered = ~np.isnan(scores)
    card["coverage"] = float(answered.mean())
    if not answered.any():
        return {**card, "reason": "it abstains on every question"}
    fold_seed = int(verifier.card.settings.get("seed", seed)) if split == "train" else None
    frame, scores = frame.filter(pl.Series(answered)), scores[answered]
    genes = (frame["gene"] + " " + frame["task"] + " " + frame["cell_line"]).to_list()
    labels = frame["label"].to_numpy()
    subgroups = None if fold_seed is None else with_folds(frame, fold_seed)["fold"].to_numpy()
    own_labels = verifier.name == "experiment" and split == "train"
    if own_labels:
        card["reason"] = "on train rows its score is the label itself"
    others = baseline_scores(frame, questions if train is None else train, fold_seed=fold_seed)
    figures = summary(genes, labels, scores, seed=seed, subgroups=subgroups)
    worst = None
    if tables is not None and not own_labels:
        worst = measured_subgroups(named_subgroups(frame, tables), np.array(genes), labels, scores, subgroups, seed)
    return {
        **card,
        **figures,
        **({} if own_labels else verdict_on(figures)),
        "worst": worst,
        "reliability": reliability_bins(labels, scores),
        "baselines": {
            name: summary(genes, labels, found, seed=seed, subgroups=subgroups) for name, found in others.items()
        },
    }


def verdict_on(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a verifier ranks better than the gene prior (exactly 0.5 within genes), also in words."""
    if figures["interval"] is None:
        return {"beats_gene_prior": None, "remark": "No gene has both labels: nothing can be ranked."}
    low, high = figures["interval"]
    ranked = f"per-gene AUROC {figures['per_gene_auroc']:.3f} [{low:.3f}, {high:.3f}] against 0.500"
    if low > 0.5:
        return {"beats_gene_prior": True, "remark": f"It beats the gene prior: {ranked}."}
    return {"beats_gene_prior": False, "remark": f"It does NOT beat the gene prior: {ranked}."}
