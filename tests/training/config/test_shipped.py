"""The shipped recipes: each has questions, and its verifiers reward a right answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import ConfigError
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.config.shipped import DEFAULT, describe_recipes, find_recipe, is_shipped, recipe_names
from rbio_kg.training.data.mixture import question_pool
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.random_graph import random_snapshot
from tests.support.table_verifiers import TableVerifier, VowelVerifier
from tests.support.toy_knockdowns import question_frame

PAPER = ["exp", "mlp", "tf", "go", "go-c", "go-f", "go-exp", "tf-exp", "tf-go-exp", "tf-go-mlp", "tf-go-mlp-exp"]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return random_snapshot(tmp_path_factory.mktemp("random"))


def config(name: str) -> PolicyConfig:
    return PolicyConfig.read(find_recipe(name), **{"questions.cell_line": "toy"})


def test_the_papers_compositions_are_there_in_two_variants() -> None:
    several = [name for name in PAPER if "-exp" in name or "-mlp" in name]
    assert set(recipe_names()) == {DEFAULT, "vcm", *PAPER, *(f"{name}-all" for name in several)}
    for name in several:
        one, every = config(name), config(f"{name}-all")
        assert (one.reward.assignment, every.reward.assignment) == ("one_per_row", "all")
        assert one.reward.verifiers == every.reward.verifiers
        assert one.questions == every.questions


def test_the_default_is_the_graphs() -> None:
    recipe = config(DEFAULT)
    assert set(recipe.reward.verifiers) == {"graph_path", "link_predictor", "expression"}
    assert (recipe.reward.scoring, recipe.reward.relative_to) == ("brier", None)


@pytest.mark.parametrize("name", recipe_names())
def test_its_questions_are_drawn_and_each_is_rewarded(snapshot: Snapshot, name: str) -> None:
    recipe = config(name)
    pool = question_pool(QuestionSet(question_frame()), recipe, snapshot=snapshot)
    training = pool.training_rows()
    rows = pool.select(split="train").pairs(seed=0) if training is None else training
    assert set(rows.frame["split"]) == {"train"}
    known = {(claim.subject, claim.object): 0.9 for claim in rows.claims()}

    def verifier_for(verifier: str) -> Any:
        return VowelVerifier() if verifier.startswith("ontology_text") else TableVerifier(known)

    members = {verifier: (verifier_for(verifier), weight) for verifier, weight in recipe.reward.verifiers.items()}
    reward = ComposedReward(members, **recipe.reward.options())
    claims: list[Claim] = rows.claims()
    texts = ["<think>aeiou</think><answer>yes 9</answer>"] * len(claims)
    rewarded = [item.reward for item in reward.score_completions(claims, texts, [0.5] * len(claims))]
    assert all(value is not None and value > 0.5 for value in rewarded)
    unparsed = [item.reward for item in reward.score_completions(claims, ["yes"] * len(claims), [0.5] * len(claims))]
    assert set(unparsed) == {0.0}


def test_a_path_wins_and_a_wrong_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("seed = 3\n")
    assert find_recipe(str(file)) == file
    assert not is_shipped(file)
    assert is_shipped(find_recipe("tf"))
    with pytest.raises(ConfigError, match=r"no such recipe.*graph, exp"):
        find_recipe("tf-go-ex")


def test_descriptions() -> None:
    found = {item["name"]: item for item in describe_recipes()}
    assert list(found) == recipe_names()
    assert all(item["about"] for item in found.values())
    assert found["go-c"]["verifiers"] == {"ontology_text:component": 1}
