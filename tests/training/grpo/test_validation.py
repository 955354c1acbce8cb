"""The validation score: equal to plain arithmetic, without a trace in the training, on questions of no stage."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from rbio_kg.core.progress import silent
from rbio_kg.training.config.recipe import QuestionSettings
from rbio_kg.training.grpo.validation import ValidationScore
from rbio_kg.training.models.decoding import likelihood
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.pipeline.plan import make_plan
from rbio_kg.training.prompts.messages import prompt_text
from tests.support.small_run import small_recipe
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import ToyFacts, toy_questions

pytestmark = pytest.mark.precision


@pytest.mark.parametrize("as_stated", [False, True])
def test_the_score_is_the_mean_log_likelihood_of_the_labels(as_stated: bool) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    questions = toy_questions().select(split="train").pairs().limit(12, keep_pairs=True)
    validation = ValidationScore.of(questions, QuestionSettings(prompt="closed"), as_stated=as_stated)
    found = validation.measure(model, tokenizer)
    prompts = [prompt_text(tokenizer, item) for item in questions.prompts("closed")]
    read = likelihood(LanguageModel(model, tokenizer, ""), prompts, progress=silent)
    yes = read.stated if as_stated else read.probability
    labels = questions.frame["label"].to_list()
    logs = [math.log(p if label else 1 - p) for p, label in zip(yes, labels, strict=True)]
    assert found["held_out/log_likelihood"] == pytest.approx(sum(logs) / 12)
    assert found["held_out/mean_probability"] == pytest.approx(float(np.mean(yes)))
    right = 0.0
    for i in range(0, 12, 2):
        one, nought = (yes[i], yes[i + 1]) if labels[i] else (yes[i + 1], yes[i])
        right += 1.0 if one > nought else 0.5 if one == nought else 0.0
    assert found["held_out/pair_accuracy"] == pytest.approx(right / 6)


def test_measuring_leaves_no_trace() -> None:
    import torch

    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer).train()
    questions = toy_questions().select(split="train").pairs().limit(4, keep_pairs=True)
    state = torch.get_rng_state()
    ValidationScore.of(questions, QuestionSettings(prompt="closed")).measure(model, tokenizer)
    assert torch.equal(state, torch.get_rng_state())
    assert model.training
    assert all(value.grad is None for value in model.parameters())


def test_validation_rows_are_in_no_other_part() -> None:
    plan = make_plan(small_recipe(Path("unused")), toy_questions(), ToyFacts(), None)
    validation = plan.validation()
    assert validation is not None
    parts = [
        {*rows.frame.select("pert", "gene").rows()}
        for rows in (plan.validation_rows, plan.sft_rows, plan.grpo_rows, plan.evaluation_rows)
    ]
    assert len(validation.labels) == len(parts[0]) >= 8
    assert not parts[0] & (parts[1] | parts[2] | parts[3])
    assert validation.labels[0::2] != validation.labels[1::2]
    assert all(a != b for a, b in zip(validation.labels[0::2], validation.labels[1::2], strict=True))


def test_too_few_questions_are_left_to_training() -> None:
    recipe = small_recipe(Path("unused"), **{"grpo.questions": 200})
    plan = make_plan(recipe, toy_questions(), ToyFacts(), None)
    assert plan.validation() is None
    off = small_recipe(Path("unused"), **{"alarms.held_out_every": 0})
    assert make_plan(off, toy_questions(), ToyFacts(), None).validation() is None
