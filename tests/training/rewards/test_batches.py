"""A trainer's batch: scored once for all reward functions, and refused where a group is not complete."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.rewards.config import RewardConfig
from rbio_kg.training.rewards.result import ScoredCompletion
from tests.support.table_verifiers import TableVerifier, VowelVerifier

VERIFIERS = {"table": (TableVerifier({("AAA", "BBB"): 0.3}), 1.0), "vowels": (VowelVerifier(), 1.0)}
CLAIM = Claim("AAA", "changes_expression_of", "BBB", "k562")


class Counting(ComposedReward):
    """Counts how often completions are scored."""

    calls = 0

    def score_completions(self, *args: Any, **options: Any) -> list[ScoredCompletion]:
        self.calls += 1
        return super().score_completions(*args, **options)


def batch(prompts: list[str], answers: list[str], **columns: Any) -> dict[str, Any]:
    claim = {name: [getattr(CLAIM, name)] * len(prompts) for name in ("subject", "relation", "object", "cell_line")}
    texts = [f"<think>so</think><answer>{answer}</answer>" for answer in answers]
    return {"prompts": prompts, "completions": texts, **claim, **columns}


def test_a_batch_is_scored_once_for_all_functions() -> None:
    reward = Counting(VERIFIERS)
    first = batch(["?"] * 3, ["yes 7", "no 7", "maybe"])
    values = {function.__name__: function(**first) for function in reward.functions}
    assert reward.calls == 1
    assert reward.batches(first["prompts"], first["completions"], first).rewards() == values["composed_reward"]
    assert reward.calls == 1, "the recorder reads the same batch"
    reward.functions[0](**batch(["?"] * 3, ["yes 7", "no 7", "maybe"], gene_prior=[0.2] * 3))
    assert reward.calls == 2


def test_a_list_that_was_changed_in_place_is_another_batch() -> None:
    reward = Counting(VERIFIERS)
    columns = batch(["?"] * 2, ["yes 7", "no 7"])
    before = reward.functions[0](**columns)
    columns["completions"][0], columns["completions"][1] = columns["completions"][1], columns["completions"][0]
    assert reward.functions[0](**columns) == before[::-1]
    assert reward.calls == 2


def test_the_latest_batch_is_not_pickled() -> None:
    reward = Counting(VERIFIERS)
    columns = batch(["?"] * 2, ["yes 7", "no 7"])
    expected = reward.functions[0](**columns)
    again = pickle.loads(pickle.dumps(reward.functions))[0]
    assert again(**columns) == expected


@pytest.mark.parametrize(
    ("prompts", "answers"),
    [
        (["a"] * 2, ["yes 7", "no 7"]),
        (["a"] * 4 + ["b"] * 2, ["yes 7", "no 7"] * 3),
        (["a"] * 4 + ["b"] * 3, ["yes 7"] * 7),
    ],
)
def test_the_group_term_refuses_pieces_of_groups(prompts: list[str], answers: list[str]) -> None:
    """As where one process of two gets half of a group: each piece would get 1/2 without a word."""
    columns = batch(prompts, answers)
    with pytest.raises(RewardError, match="all completions of a question together"):
        ComposedReward(VERIFIERS, share_weight=0.25).functions[0](**columns)
    assert len(ComposedReward(VERIFIERS).functions[0](**columns)) == len(prompts)


def test_the_group_term_accepts_complete_groups() -> None:
    columns = batch(["a"] * 4 + ["b"] * 4, ["yes 7", "no 7", "yes 7", "yes 7"] * 2)
    reward = ComposedReward(VERIFIERS, share_weight=0.25)
    values = reward.functions[0](**columns)
    assert values[:4] == values[4:]
    assert values[0] != values[1]


def test_settings_can_be_given_as_one_object_or_by_name() -> None:
    by_object = ComposedReward(VERIFIERS, RewardConfig(scoring="log", text_weight=0.2))
    by_name = ComposedReward(VERIFIERS, scoring="log", text_weight=0.2)
    assert by_object.describe() == by_name.describe()
    assert ComposedReward(VERIFIERS, by_object.config, text_weight=0.3).text_weight == 0.3
    assert by_object.config.scoring == "log"
    with pytest.raises(TypeError, match="unknown_setting"):
        ComposedReward(VERIFIERS, unknown_setting=1)
