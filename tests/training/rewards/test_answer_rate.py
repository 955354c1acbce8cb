"""The reward for a group's share of yes: its gradient, its bounds, and what a composed reward makes of it."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError
from rbio_kg.training.rewards.answer_rate import SHARE, share_reward
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.table_verifiers import TableVerifier, VowelVerifier

LIKELY = Claim("AAA", "changes_expression_of", "BBB", "k562")
RARE = Claim("AAA", "changes_expression_of", "CCC", "k562")
UNKNOWN = Claim("AAA", "changes_expression_of", "ZZZ", "k562")
TABLE = TableVerifier({("AAA", "BBB"): 0.8, ("AAA", "CCC"): 0.1})

answers = st.lists(st.booleans(), min_size=0, max_size=12).map(lambda said: np.array(said, dtype=np.bool_))
probabilities = st.floats(0.0, 1.0)


def form(answer: str) -> str:
    return f"<think>x</think><answer>{answer}</answer>"


def slow_share_reward(yes: list[bool], target: float) -> list[float]:
    """By its definition, pair by pair."""
    terms = [0.5] * len(yes)
    for i, first in enumerate(yes):
        for j, second in enumerate(yes):
            rest = [said for k, said in enumerate(yes) if k not in (i, j)]
            if first and not second and rest:
                gain = (target - sum(rest) / len(rest)) / (2 * len(yes))
                terms[i] += gain
                terms[j] -= gain
    return terms


@given(answers, probabilities)
def test_each_pair_of_a_yes_and_a_no_is_compared_by_the_others(yes: Any, target: float) -> None:
    np.testing.assert_allclose(share_reward(yes, target), slow_share_reward(yes.tolist(), target), atol=1e-12)


@given(answers, probabilities)
def test_a_group_gains_nothing_together_and_rewards_stay_within_bounds(yes: Any, target: float) -> None:
    terms = share_reward(yes, target)
    assert terms.sum() == pytest.approx(len(yes) / 2)
    assert ((terms >= 0.0) & (terms <= 1.0)).all()


@given(st.integers(3, 9), probabilities, st.floats(0.01, 0.99))
def test_the_policy_gradient_is_that_of_the_squared_distance(count: int, target: float, p: float) -> None:
    """The sum over all groups of their probability times what GRPO would do, against the derivative by hand."""
    gradient = 0.0
    for said in range(count + 1):
        yes = np.arange(count) < said
        terms = share_reward(yes, target)
        score = (yes - p) / (p * (1 - p))  # of log-probability, by p
        gradient += (
            comb(count, said) * p**said * (1 - p) ** (count - said) * float(score @ (terms - terms.mean())) / count
        )
    assert gradient == pytest.approx((1 - 1 / count) * (target - p) / 2, abs=1e-9)


def test_without_a_weight_nothing_is_added() -> None:
    reward = ComposedReward({"table": (TABLE, 1.0)})
    texts = [form("yes 7"), form("no 7"), form("yes 5")]
    assert reward.score_groups([LIKELY] * 3, texts) == reward.score_completions([LIKELY] * 3, texts)
    assert SHARE not in reward.part_names


def test_completions_of_one_prompt_are_a_group() -> None:
    reward = ComposedReward({"table": (TABLE, 1.0)}, share_weight=0.25)
    said = ["yes 7", "no 7", "no 6", "yes 7", "?", "yes 9", "no 9", "no 9"]
    claims, prompts = [LIKELY] * 5 + [RARE] * 3, ["a"] * 5 + ["b"] * 3
    texts = [form(answer) for answer in said]
    alone = reward.score_completions(claims, texts, None, prompts)
    grouped = reward.score_groups(claims, texts, None, prompts)
    first, second = (
        share_reward(np.array([True, False, False, True]), 0.8),
        share_reward(np.array([True, False, False]), 0.1),
    )
    for item, own, share in zip(grouped, alone, [*first, 0.0, *second], strict=True):
        assert item.parts[SHARE] == pytest.approx(share)
        assert item.reward == pytest.approx(0.75 * (own.reward or 0.0) + 0.25 * share)
    assert grouped[4].reward == 0.0, "an unparsed completion still gets 0"
    assert grouped[0].reward != grouped[5].reward
    assert [item.q for item in grouped] == [item.q for item in alone]


def test_another_prompt_is_another_group_though_the_claim_is_the_same() -> None:
    reward = ComposedReward({"table": (TABLE, 1.0)}, share_weight=0.5)
    texts = [form("yes 7"), form("no 7"), form("no 7"), form("no 7")]
    together = reward.score_groups([LIKELY] * 4, texts, None, ["a"] * 4)
    apart = reward.score_groups([LIKELY] * 4, texts, None, ["a", "a", "b", "b"])
    assert [item.parts[SHARE] for item in apart] == [0.5] * 4
    assert [item.parts[SHARE] for item in together] != [0.5] * 4


def test_where_no_verifier_scores_the_claim_the_share_does_not_count() -> None:
    reward = ComposedReward({"table": (TABLE, 1.0)}, share_weight=0.5)
    (item,) = reward.score_groups([UNKNOWN], [form("yes 7")])
    assert item.reward is None
    assert item.parts[SHARE] is None


def test_the_trainer_hears_of_it() -> None:
    reward = ComposedReward({"table": (TABLE, 1.0), "vowels": (VowelVerifier(), 1.0)}, share_weight=0.5)
    texts = [form("yes 7"), form("no 7"), form("no 7")]
    columns = {
        "subject": ["AAA"] * 3,
        "relation": [LIKELY.relation] * 3,
        "object": ["BBB"] * 3,
        "cell_line": ["k562"] * 3,
    }
    table = {f.__name__: f(prompts=["?"] * 3, completions=texts, **columns) for f in reward.functions}
    expected = reward.score_groups([LIKELY] * 3, texts, None, ["?"] * 3)
    assert table["composed_reward"] == [item.reward for item in expected]
    assert table[SHARE] == pytest.approx(share_reward(np.array([True, False, False]), 0.8))
    assert reward.weights == [1.0] + [0.0] * len(reward.part_names)


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    with pytest.raises(RewardError, match="share_weight"):
        ComposedReward({"table": (TABLE, 1.0)}, share_weight=weight)
