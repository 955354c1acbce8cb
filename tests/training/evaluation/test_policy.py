"""Evaluations: metrics by gene, baselines on the same rows, and unparsed answers that count as wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from rbio_kg.core.progress import silent
from rbio_kg.training.config.recipe import EvaluationSettings, QuestionSettings
from rbio_kg.training.evaluation import policy as policy_evaluation
from rbio_kg.training.evaluation.comparison import compare_with_baselines, measure
from rbio_kg.training.evaluation.inputs import EvaluationInputs
from rbio_kg.training.evaluation.policy import Answering, evaluate
from rbio_kg.training.evaluation.results import PolicyEvaluation
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.evaluation.baselines import BASELINES, baseline_scores
from tests.support.small_run import small_reward
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import question_frame, toy_questions, toy_verifier

pytestmark = pytest.mark.precision

TEST = question_frame().filter(pl.col("split") == "test")
TRAIN = question_frame().filter(pl.col("split") == "train")


def test_the_headline_is_scikit_learns_auroc_gene_by_gene() -> None:
    scores = np.random.default_rng(0).random(len(TEST))
    values = []
    for _, rows in TEST.with_columns(score=pl.Series(scores)).group_by("gene"):
        if rows["label"].n_unique() == 2:
            values.append(roc_auc_score(rows["label"].to_numpy(), rows["score"].to_numpy()))
    found = measure(TEST, scores, 0)
    assert found["per_gene_auroc"] == pytest.approx(np.mean(values))
    assert found["genes"] == len(values)


def test_one_gene_in_two_cell_lines_is_two_genes() -> None:
    both = pl.concat([TEST, TEST.with_columns(cell_line=pl.lit("other"))])
    scores = np.random.default_rng(0).random(len(TEST))
    once, twice = measure(TEST, scores, 0), measure(both, np.concatenate([scores, scores + 9]) / 10, 0)
    assert twice["genes"] == 2 * once["genes"]
    assert twice["per_gene_auroc"] == pytest.approx(once["per_gene_auroc"])


def test_baselines_have_no_skill_within_a_gene() -> None:
    table = compare_with_baselines(TEST, np.zeros(len(TEST)), baseline_scores(TEST, TRAIN), 0)["baselines"]
    assert set(table) == set(BASELINES)
    assert table["gene_prior"]["per_gene_auroc"] == 0.5
    assert table["all_yes"]["pooled"]["tpr"] == 1.0


def test_an_unparsed_answer_is_wrong_and_ranks_nowhere() -> None:
    tokenizer = tiny_tokenizer()
    untrained = LanguageModel(tiny_model(tokenizer), tokenizer, "tiny")
    result, frame = evaluate(
        untrained,
        toy_questions().select(split="test"),
        Answering(QuestionSettings(prompt="closed"), EvaluationSettings(vote_rows=12, samples=2), max_tokens=5, seed=0),
        EvaluationInputs(TRAIN, reward=small_reward()),
        audit={"checked": {"rows": len(TEST)}, "leaks": 0},
        progress=silent,
    )
    document = result.to_json()
    votes = document["votes"]
    assert document["unparsed_rate"] == 1.0
    assert document["well_formed"] == 0.0
    assert document["mean_reward"] == 0.0
    assert votes["per_gene_auroc"] == 0.5
    assert (votes["pooled"]["tpr"], votes["pooled"]["tnr"]) == (0.0, 0.0)
    asked = frame.drop_nulls("votes")
    assert len(asked) == votes["rows"] >= 12
    assert asked["unparsed"].unique().to_list() == [1.0]
    assert frame.drop("score", "stated", "votes", "unparsed").equals(toy_questions().select(split="test").frame)


@pytest.mark.parametrize(
    ("options", "answer", "unparsed", "vote"),
    [
        ({"scoring": "linear"}, "yes", 0.0, 1.0),
        ({"scoring": "linear"}, "no 8", 0.0, 0.2),
        ({"scoring": "brier"}, "yes", 1.0, 0.5),
        ({"scoring": "brier", "require_confidence": False}, "no", 0.0, 0.0),
        ({"scoring": "linear", "require_confidence": True}, "yes", 1.0, 0.5),
    ],
)
def test_answers_are_read_in_the_format_that_the_reward_accepts(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], answer: str, unparsed: float, vote: float
) -> None:
    text = f"<think>A.</think><answer>{answer}</answer>"
    monkeypatch.setattr(
        policy_evaluation, "sample", lambda model, prompts, sampling, **_: [[text] * sampling.samples] * len(prompts)
    )
    tokenizer = tiny_tokenizer()
    reward = ComposedReward({"table": (toy_verifier(), 1.0)}, **options)
    result, frame = evaluate(
        LanguageModel(tiny_model(tokenizer), tokenizer, "tiny"),
        toy_questions().select(split="test"),
        Answering(QuestionSettings(prompt="closed"), EvaluationSettings(vote_rows=12, samples=2), max_tokens=5, seed=0),
        EvaluationInputs(TRAIN, reward=reward),
        audit={"checked": {"rows": len(TEST)}, "leaks": 0},
        progress=silent,
    )
    assert (result.unparsed_rate, result.well_formed) == (unparsed, 1.0 - unparsed)
    assert frame["votes"].drop_nulls().unique().to_list() == [vote]
    claims = toy_questions().select(split="test").claims()
    rewards = [item.reward for item in reward.score_completions(claims[:1], [text])]
    assert (rewards == [0.0]) == (unparsed == 1.0)
    document = result.to_json()
    assert document["unparsed_rate"] == document["votes"]["unparsed_rate"] == unparsed
    assert document["coverage"] == {"likelihood": 1.0, "votes": 1.0 - unparsed}
    assert PolicyEvaluation.from_json(document) == result
