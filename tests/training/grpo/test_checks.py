"""What is refused before the first step: columns, names, too few questions, and verifiers that fail on a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError, TrainingError, VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.grpo.checks import (
    check_answers,
    check_columns,
    check_enough,
    check_names,
    check_processes,
    check_verifiers,
)
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.table_verifiers import TableVerifier, VowelVerifier
from tests.support.toy_knockdowns import toy_questions, toy_verifier
from tests.support.wrong_verifiers import WRONG_ANSWERS, WrongVerifier


def dataset() -> Any:
    return toy_questions().select(split="train").limit(8).to_dataset("closed")


def reward(**options: Any) -> ComposedReward:
    return ComposedReward({"table": (toy_verifier(), 1.0)}, **options)


class RefusesG3(TableVerifier):
    """Raises on one gene only."""

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        if any(claim.object == "G3" for claim in claims):
            raise KeyError("no table for G3")
        return super().score(claims, texts)


@pytest.mark.parametrize("column", ["prompt", "subject", "relation", "object", "cell_line"])
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(RewardError, match=f"the dataset has no column {column}.*to_dataset"):
        check_columns(dataset().remove_columns(column), reward())


def test_a_reward_relative_to_the_gene_needs_its_rate() -> None:
    relative = reward(relative_to="gene_prior")
    with pytest.raises(RewardError, match="no column gene_prior"):
        check_columns(dataset().remove_columns("gene_prior"), relative)
    with pytest.raises(RewardError, match="every gene_prior is missing"):
        check_columns(dataset(), relative)
    check_columns(dataset(), reward())


@pytest.mark.parametrize("column", ["completions", "log_metric", "trainer_state"])
def test_a_column_that_the_trainer_would_overwrite(column: str) -> None:
    taken = dataset().add_column(column, ["x"] * 8)
    with pytest.raises(RewardError, match=f"a column {column}, a name that the trainer uses"):
        check_columns(taken, reward())


def test_two_rewards_of_one_name() -> None:
    check_names(reward().functions)
    with pytest.raises(RewardError, match="two rewards are called answer, composed_reward, format, table"):
        check_names([*reward().functions, *reward().functions])
    with pytest.raises(RewardError, match="two verifiers are called 'table'"):
        ComposedReward([(toy_verifier(), 1.0), (toy_verifier(), 0.5)])


def test_fewer_questions_than_a_step() -> None:
    recipe = PolicyConfig.make({"grpo": {"prompts": 9}})
    with pytest.raises(TrainingError, match="8 questions are fewer than the 9 of one GRPO step"):
        check_enough(8, recipe)
    check_enough(9, recipe)


def test_a_verifier_that_raises_on_some_claims_is_told_with_the_claim() -> None:
    whole = toy_questions().select(split="train").to_dataset("closed")
    broken = ComposedReward({"table": (RefusesG3(toy_verifier().known), 1.0)})
    with pytest.raises(VerifierError, match=r"verifier table failed: KeyError.*no table for G3") as caught:
        check_verifiers(whole, broken)
    assert caught.value.where is not None
    assert "changes_expression_of G3 in toy" in caught.value.where
    kept = whole.filter(lambda row: row["object"] != "G3")
    check_verifiers(kept, broken)


@pytest.mark.parametrize("fault", WRONG_ANSWERS)
def test_every_verifier_is_asked_before_the_training(fault: str) -> None:
    questions = toy_questions().select(split="train")
    table = (toy_verifier(), 1.0)
    check_answers(questions, ComposedReward({"table": table, "vowels": (VowelVerifier(), 1.0)}))
    with pytest.raises(VerifierError, match="verifier mine"):
        check_answers(questions, ComposedReward({"table": table, "mine": (WrongVerifier(fault), 0.0)}))


class _WrongOnDirections(TableVerifier):
    """Answers one family wrongly."""

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        return np.array([7.0 if claim.relation == "increases_if_changed" else 0.5 for claim in claims])


def test_every_family_is_asked_about() -> None:
    questions = toy_questions().select(split="train")
    directions = questions.frame.with_columns(task=pl.lit("dir"))
    both = replace(questions, frame=pl.concat([questions.frame, directions]))
    reward = ComposedReward({"mine": (_WrongOnDirections({}), 1.0)})
    check_answers(questions, reward)
    with pytest.raises(VerifierError, match="verifier mine scored 7 for"):
        check_answers(both, reward)


class _NoVerdict(TableVerifier):
    """Scores well and explains nothing."""

    def explain(self, claim: Claim, text: str | None = None) -> Any:
        return None


def test_an_explanation_is_asked_for_as_well() -> None:
    reward = ComposedReward({"mine": (_NoVerdict(toy_verifier().known), 1.0)})
    with pytest.raises(VerifierError, match=r"explained .* by None, not a Verdict"):
        check_answers(toy_questions().select(split="train"), reward)


def test_verifiers_that_know_none_of_the_genes() -> None:
    with pytest.raises(RewardError, match="no verifier can score any of the 8 train claims"):
        check_verifiers(dataset(), ComposedReward({"table": (TableVerifier({}), 1.0)}))
    first = dataset()[0]
    knows_one = TableVerifier({(first["subject"], first["object"]): 0.5})
    check_verifiers(dataset(), ComposedReward({"table": (knows_one, 1.0)}))


@pytest.mark.parametrize(
    ("prompts", "processes", "split"),
    [(4, 1, False), (4, 2, False), (4, 4, False), (3, 1, False), (3, 2, True), (1, 2, True), (4, 8, True)],
)
def test_a_share_weight_needs_the_completions_of_a_question_in_one_process(
    prompts: int, processes: int, split: bool
) -> None:
    grpo = {"prompts": prompts, "generations": 4}
    check_processes(PolicyConfig.make({"grpo": grpo, "reward": {"share_weight": 0.0}}), processes)
    recipe = PolicyConfig.make({"grpo": grpo, "reward": {"share_weight": 0.25}})
    if not split:
        check_processes(recipe, processes)
        return
    said = f"{processes} processes would split the 4 completions of a question .*share_weight.*grpo.prompts a multiple"
    with pytest.raises(TrainingError, match=said):
        check_processes(recipe, processes)


def test_a_split_question_would_change_the_reward() -> None:
    """Why it is refused: the share term of a question's completions is another one in two halves."""
    rule = reward(share_weight=0.25)
    claim = toy_questions().select(split="train").claims()[0]
    texts = [
        f"<think>a reason</think><answer>{answer} 7</answer>" for answer in ("yes", "yes", "yes", "yes", "no", "no")
    ]

    def rewards(part: list[str]) -> list[float | None]:
        scored = rule.score_groups([claim] * len(part), part, [0.5] * len(part), ["?"] * len(part))
        return [item.reward for item in scored]

    assert rewards(texts) != rewards(texts[:3]) + rewards(texts[3:])


def test_completions_that_cannot_be_shared_equally() -> None:
    with pytest.raises(TrainingError, match=r"the 4 completions of a step .* cannot be shared equally by 3 processes"):
        check_processes(PolicyConfig.make({"grpo": {"prompts": 2, "generations": 2}}), 3)
