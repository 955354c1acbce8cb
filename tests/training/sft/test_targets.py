"""SFT examples of questions: targets that follow the verifiers, and which pairs write reasoning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.training.data.mixture import question_pool
from rbio_kg.training.pipeline.plan import make_plan
from rbio_kg.training.prompts.facts import FACT_KINDS, FactBook, Facts
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.sft.examples import SftExample
from rbio_kg.training.sft.targets import make_examples, reasoning_pairs, visible_targets
from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier
from tests.support.random_graph import random_snapshot
from tests.support.small_run import small_recipe, small_reward
from tests.support.tiny_model import tiny_tokenizer
from tests.support.toy_knockdowns import WITH_NEIGHBOURS, ToyFacts, changes, toy_questions, toy_verifier


def examples(**changed: Any) -> list[SftExample]:
    recipe = small_recipe(Path("unused"), **changed)
    rows = make_plan(recipe, toy_questions(), ToyFacts(), None).sft_rows
    return make_examples(rows, recipe, small_reward(), tiny_tokenizer())


@pytest.mark.parametrize(("share", "pairs"), [(0, 0), (0.25, 6), (0.4, 10), (0.7, 17), (0.9, 22), (1, 24)])
def test_the_share_of_pairs_with_reasoning_is_exact(share: float, pairs: int) -> None:
    made = [bool(example.think) for example in examples(**{"warmup.think_share": share})]
    assert made[0::2] == made[1::2]
    assert sum(made[0::2]) == pairs == round(share * 24)


@given(pairs=st.integers(0, 200), share=st.floats(0, 1), block=st.integers(1, 16), seed=st.integers(0, 9))
def test_any_share_is_exact_and_reproducible(pairs: int, share: float, block: int, seed: int) -> None:
    drawn = reasoning_pairs(pairs, share, block=block, seed=seed)
    assert drawn.sum() == round(share * pairs)
    assert (drawn == reasoning_pairs(pairs, share, block=block, seed=seed)).all()


def test_pairs_with_reasoning_are_in_every_batch_and_depend_on_the_seed() -> None:
    first, second = (reasoning_pairs(400, 0.25, block=8, seed=seed) for seed in (0, 1))
    assert (first.reshape(-1, 8).sum(axis=1) == 2).all()
    assert (first != second).any()


def test_reasoning_names_the_facts_of_the_prompt() -> None:
    made = examples(**{"warmup.think_share": 1})
    assert all("similar knockdowns" in example.think for example in made)


def test_targets_follow_the_verifiers() -> None:
    recipe = small_recipe(Path("unused"))
    rows = make_plan(recipe, toy_questions(), ToyFacts(), None).sft_rows
    held = np.array([changes(claim.subject, claim.object) for claim in rows.claims()])
    # Below a hundred scored rows nothing is fitted: the target is the rounded probability itself.
    made = make_examples(rows, recipe, small_reward(), tiny_tokenizer())
    assert np.array([example.q for example in made]) == pytest.approx(np.where(held, 0.85, 0.15))


def test_the_target_holds_only_what_the_prompt_shows() -> None:
    claims = toy_questions().select(split="train").claims()
    book = FactBook.fit(ToyFacts(), None, claims, 4, kinds=WITH_NEIGHBOURS)
    facts = [book.facts(claim) for claim in claims]
    rng = np.random.default_rng(0)
    shown = np.array([item.changed / 4 for item in facts])
    clean = 1 / (1 + np.exp(-(4 * shown - 2)))
    noisy = 1 / (1 + np.exp(-(4 * shown - 2 + rng.normal(0, 1.5, len(claims)))))
    found = visible_targets(facts, noisy)
    assert np.abs(found - clean).mean() < 0.5 * np.abs(noisy - clean).mean()
    assert np.corrcoef(found, clean)[0, 1] > 0.9


def estimates(values: Any) -> list[Facts]:
    return [Facts(0, (), None, kinds=("estimate",), estimate=int(1000 * value)) for value in values]


def test_an_estimate_in_the_prompt_is_the_target() -> None:
    known = np.random.default_rng(0).uniform(0.03, 0.97, 400)
    assert np.abs(visible_targets(estimates(known), known) - known).max() < 0.02


def test_rows_without_a_score_get_the_prediction_of_the_fit() -> None:
    known = np.random.default_rng(0).uniform(0.03, 0.97, 400)
    missing = np.arange(400) % 4 == 0
    found = visible_targets(estimates(known), np.where(missing, np.nan, known))
    assert np.abs(found - known)[missing].max() < 0.02


@pytest.mark.parametrize("with_facts", [False, True])
def test_without_a_fit_abstaining_verifiers_give_one_half(with_facts: bool) -> None:
    known = np.array([np.nan, 0.0, 1.0])
    found = visible_targets(estimates([0.9, 0.9, 0.9]) if with_facts else None, known)
    assert found.tolist() == pytest.approx([0.5, 0.02, 0.98])


def test_each_family_has_its_own_targets(tmp_path: Path) -> None:
    snapshot = random_snapshot(tmp_path / "graph")
    section = {"families": ["de", "functional", "membership"], "shares": "equal", "facts": list(FACT_KINDS)}
    recipe = small_recipe(Path("unused"), **{f"questions.{name}": value for name, value in section.items()})
    reward = ComposedReward({"table": (toy_verifier(), 1.0), "paths": (GraphPathVerifier(snapshot.directory), 1.0)})
    pool = question_pool(toy_questions(), recipe, snapshot=snapshot)
    sft_rows = make_plan(recipe, pool, ToyFacts(), snapshot).sft_rows
    made = make_examples(sft_rows, recipe, reward, tiny_tokenizer())
    for task in ("functional", "membership"):
        rows = [row for row, family in enumerate(sft_rows.frame["task"]) if family == task]
        labels = sft_rows.frame["label"].to_numpy()[rows]
        targets = np.array([made[row].q for row in rows])
        assert targets[labels == 1].mean() > targets[labels == 0].mean() + 0.2
        assert all("rate" not in made[row].prompt and "via" in made[row].prompt for row in rows)
        assert any("interacts with" in example.think for example in (made[row] for row in rows))
