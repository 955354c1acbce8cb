"""Training plans: which questions go to which part of a training."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.data.mixture import question_pool
from rbio_kg.training.pipeline.plan import TrainingPlan, make_plan, split_positions
from rbio_kg.training.prompts.facts import FACT_KINDS
from tests.support.random_graph import random_snapshot
from tests.support.small_run import small_recipe
from tests.support.toy_knockdowns import ToyFacts, toy_questions


def plan(**changed: Any) -> TrainingPlan:
    return make_plan(small_recipe(Path("unused"), **changed), toy_questions(), ToyFacts(), None)


@cache
def small_plan() -> TrainingPlan:
    return plan()


def pairs_of(rows: Any) -> set[tuple[str, str]]:
    return {*rows.frame.select("pert", "gene").rows()}


def test_evaluation_rows_are_test_rows_and_the_others_train_rows() -> None:
    made = small_plan()
    assert set(made.evaluation_rows.frame["split"]) == {"test"}
    for rows in (made.sft_rows, made.grpo_rows, made.validation_rows):
        assert set(rows.frame["split"]) == {"train"}


def test_the_parts_are_disjoint_where_there_are_enough_rows() -> None:
    made = small_plan()
    parts = [pairs_of(rows) for rows in (made.sft_rows, made.grpo_rows, made.validation_rows, made.evaluation_rows)]
    assert [len(part) for part in parts[:2]] == [48, 16]
    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts))


@given(
    rows=st.integers(0, 60),
    sft=st.integers(0, 30),
    grpo=st.integers(2, 40),
    held_out=st.integers(2, 20),
    every=st.integers(0, 1),
)
def test_validation_is_disjoint_from_training_whatever_there_is(
    rows: int, sft: int, grpo: int, held_out: int, every: int
) -> None:
    changes = {"warmup.examples": sft, "grpo.questions": grpo}
    alarms = {"alarms.held_out_questions": held_out, "alarms.held_out_every": every}
    found = split_positions(rows, small_recipe(Path("unused"), **changes, **alarms))
    assert not {*found.validation} & {*found.sft, *found.grpo}
    assert {*found.sft, *found.grpo, *found.validation} <= {*range(rows)}
    assert len(found.validation) % 2 == 0
    if rows >= sft + grpo:
        assert not {*found.sft} & {*found.grpo}
        assert (len(found.sft), len(found.grpo)) == (sft - sft % 2, grpo - grpo % 2)


def test_the_same_recipe_gives_the_same_plan() -> None:
    again, other = plan(), plan(seed=1)
    for name in ("sft_rows", "grpo_rows", "validation_rows", "evaluation_rows"):
        assert getattr(again, name).frame.equals(getattr(small_plan(), name).frame)
    assert not other.sft_rows.frame.equals(again.sft_rows.frame)


def test_counts() -> None:
    made = small_plan()
    assert made.counts() == {
        "warmup": 48,
        "grpo": 16,
        "held_out": len(made.validation_rows),
        "evaluation": len(made.evaluation_rows),
        "simulated": True,
    }


def test_rows_in_pairs_or_as_they_come() -> None:
    def labels(**changes: Any) -> list[int]:
        return plan(**changes).sft_rows.frame["label"].to_list()

    paired = labels()
    assert all(first + second == 1 for first, second in zip(paired[::2], paired[1::2], strict=True))
    plain = labels(**{"questions.paired": False})
    assert any(first == second for first, second in zip(plain[::2], plain[1::2], strict=True))


def test_all_parts_of_a_training_have_all_families_and_evaluation_the_task(tmp_path: Path) -> None:
    snapshot = random_snapshot(tmp_path / "graph")
    section = {"families": ["de", "functional", "membership"], "shares": "equal", "facts": list(FACT_KINDS)}
    recipe = small_recipe(Path("unused"), **{f"questions.{name}": value for name, value in section.items()})
    made = make_plan(recipe, question_pool(toy_questions(), recipe, snapshot=snapshot), ToyFacts(), snapshot)
    assert set(made.sft_rows.frame["task"]) == set(made.grpo_rows.frame["task"]) == set(section["families"])
    assert set(made.evaluation_rows.frame["task"]) == {"de"}
    priors = made.grpo_rows.to_dataset()["gene_prior"]
    known = [value is not None for value in priors]
    assert known == [task == "de" for task in made.grpo_rows.frame["task"]]


def test_a_reward_relative_to_the_base_rate_needs_a_knowledge_source() -> None:
    closed = {"questions.prompt": "closed", "reward.relative_to": "gene_prior"}
    rates = plan(**closed).grpo_rows.rates()
    assert all(rate is not None for rate in rates)
    with pytest.raises(TrainingError, match="relative to the gene's prior needs"):
        make_plan(small_recipe(Path("unused"), **closed), toy_questions(), None, None)
