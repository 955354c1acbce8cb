"""Courses: who gets which questions, and what the warm-up teaches of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.data.mixture import question_pool
from rbio_kg.training.pipeline.plan import TrainingPlan, visible_targets
from rbio_kg.training.prompts.facts import FACT_KINDS, FactBook, Facts
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier
from tests.support.random_graph import random_snapshot
from tests.support.small_run import small_recipe, small_reward
from tests.support.tiny_model import tiny_tokenizer
from tests.support.toy_knockdowns import WITH_NEIGHBOURS, ToyFacts, changes, toy_judge, toy_questions

pytestmark = pytest.mark.precision


def course(**changed: Any) -> TrainingPlan:
    return TrainingPlan(small_recipe(Path("unused"), **changed), toy_questions(), ToyFacts(), None, small_reward())


@cache
def whole() -> TrainingPlan:
    return course()


def test_the_examination_is_test_rows_and_the_rest_train_rows() -> None:
    assert set(whole().evaluation_rows.frame["split"]) == {"test"}
    assert set(whole().warmup_rows.frame["split"]) == set(whole().grpo_rows.frame["split"]) == {"train"}


def test_warm_up_and_grpo_take_different_pairs_where_there_are_enough() -> None:
    taught, trained = ({*part.frame.select("pert", "gene").rows()} for part in (whole().warmup_rows, whole().grpo_rows))
    assert len(taught) == 48
    assert len(trained) == 16
    assert not taught & trained


def test_some_pairs_reason_and_the_others_do_not() -> None:
    made = course(**{"warmup.think_share": 1 / 3}).examples(tiny_tokenizer())
    assert [bool(example.think) for example in made] == [True, True, False, False, False, False] * 8
    assert all("similar knockdowns" in example.think for example in made[:2])


def test_targets_follow_the_verifiers() -> None:
    made = whole().examples(tiny_tokenizer())
    held = np.array([changes(claim.subject, claim.object) for claim in whole().warmup_rows.claims()])
    # Below a hundred answers nothing is fitted: the target is the rounded probability itself.
    assert np.array([example.q for example in made]) == pytest.approx(np.where(held, 0.85, 0.15))


def test_what_the_prompt_does_not_show_is_not_taught() -> None:
    claims = toy_questions().select(split="train").claims()
    book = FactBook.fit(ToyFacts(), None, claims, 4, kinds=WITH_NEIGHBOURS)
    told = [book.facts(claim) for claim in claims]
    rng = np.random.default_rng(0)
    shown = np.array([facts.changed / 4 for facts in told])
    clean = 1 / (1 + np.exp(-(4 * shown - 2)))
    noisy = 1 / (1 + np.exp(-(4 * shown - 2 + rng.normal(0, 1.5, len(claims)))))
    found = visible_targets(told, noisy)
    assert np.abs(found - clean).mean() < 0.5 * np.abs(noisy - clean).mean()
    assert np.corrcoef(found, clean)[0, 1] > 0.9


def test_a_told_estimate_is_taught_as_it_is() -> None:
    rng = np.random.default_rng(0)
    known = rng.uniform(0.03, 0.97, 400)
    told = [Facts(0, (), None, kinds=("estimate",), estimate=int(1000 * value)) for value in known]
    assert np.abs(visible_targets(told, known) - known).max() < 0.02


def test_rows_in_pairs_or_as_they_come() -> None:
    def labels(**changes: Any) -> list[int]:
        return course(**changes).warmup_rows.frame["label"].to_list()

    paired = labels()
    assert all(first + second == 1 for first, second in zip(paired[::2], paired[1::2], strict=True))
    plain = labels(**{"questions.paired": False})
    assert any(first == second for first, second in zip(plain[::2], plain[1::2], strict=True))


def test_silent_verifiers_teach_nothing() -> None:
    assert visible_targets(None, np.array([np.nan, 0.0, 1.0])).tolist() == pytest.approx([0.5, 0.02, 0.98])


def test_several_families_are_taught_side_by_side(tmp_path: Path) -> None:
    snapshot = random_snapshot(tmp_path / "graph")
    asked = {"families": ["de", "functional", "membership"], "shares": "equal", "facts": list(FACT_KINDS)}
    recipe = small_recipe(Path("unused"), **{f"questions.{name}": value for name, value in asked.items()})
    reward = ComposedReward({"table": (toy_judge(), 1.0), "paths": (GraphPathVerifier(snapshot.directory), 1.0)})
    pool = question_pool(toy_questions(), recipe, snapshot=snapshot)
    made = TrainingPlan(recipe, pool, ToyFacts(), snapshot, reward)
    assert set(made.warmup_rows.frame["task"]) == set(made.grpo_rows.frame["task"]) == set(asked["families"])
    assert set(made.evaluation_rows.frame["task"]) == {"de"}  # the examination stays the benchmark's
    examples = made.examples(tiny_tokenizer())
    for task in ("functional", "membership"):
        rows = [row for row, family in enumerate(made.warmup_rows.frame["task"]) if family == task]
        labels = made.warmup_rows.frame["label"].to_numpy()[rows]
        taught = np.array([examples[row].q for row in rows])
        assert taught[labels == 1].mean() > taught[labels == 0].mean() + 0.2
        assert all("rate" not in examples[row].prompt and "via" in examples[row].prompt for row in rows)
        assert any("interacts with" in example.think for example in (examples[row] for row in rows))
    priors = made.grpo_rows.to_dataset()["gene_prior"]
    known = [value is not None for value in priors]
    assert known == [task == "de" for task in made.grpo_rows.frame["task"]]


def test_a_reward_beyond_the_habit_needs_someone_who_knows_it() -> None:
    closed = {"questions.prompt": "closed", "reward.relative_to": "gene_prior"}
    rates = course(**closed).grpo_rows.rates()
    assert all(rate is not None for rate in rates)
    with pytest.raises(TrainingError, match="relative to the gene's prior needs"):
        TrainingPlan(small_recipe(Path("unused"), **closed), toy_questions(), None, None, small_reward())
