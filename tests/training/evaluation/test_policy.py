"""Examinations: metrics by gene, baselines on the same rows, and unparsed answers that count as wrong."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from rbio_kg.core.progress import silent
from rbio_kg.training.config.recipe import EvaluationSettings, QuestionSettings
from rbio_kg.training.evaluation.comparison import compare_with_baselines, measure
from rbio_kg.training.evaluation.policy import evaluate
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.verifiers.evaluation.baselines import BASELINES, baseline_scores
from tests.support.small_run import small_reward
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import question_frame, toy_questions

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
    untaught = LanguageModel(tiny_model(tokenizer), tokenizer, "tiny")
    document, frame = evaluate(
        untaught,
        toy_questions().select(split="test"),
        train=TRAIN,
        audit={"checked": {"rows": len(TEST)}, "leaks": 0},
        reward=small_reward(),
        asked=QuestionSettings(prompt="closed"),
        settings=EvaluationSettings(vote_rows=12, samples=2),
        max_tokens=5,
        seed=0,
        progress=silent,
    )
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
