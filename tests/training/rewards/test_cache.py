"""Each claim and each text is scored once, however many rewards, functions and batches read the score."""

from __future__ import annotations

import gc
import math
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.core.typing import FloatArray
from rbio_kg.training.rewards.cache import ScoreCache, cache_of
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.table_verifiers import TableVerifier, VowelVerifier

CLAIMS = [Claim("AAA", "changes_expression_of", name, "k562") for name in ("BBB", "CCC", "DDD")]
KNOWN = {("AAA", "BBB"): 0.8, ("AAA", "CCC"): 0.1}


class CountingVowels(VowelVerifier):
    def __init__(self) -> None:
        self.read: list[str] = []

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        self.read += list(texts or [])
        return super().score(claims, texts)


class Unhashable(TableVerifier):
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableVerifier)


def columns(claims: list[Claim]) -> dict[str, list[Any]]:
    return {name: [getattr(claim, name) for claim in claims] for name in ("subject", "relation", "object", "cell_line")}


def test_three_rewards_and_all_their_functions_ask_each_verifier_once() -> None:
    table, vowels = TableVerifier(KNOWN), CountingVowels()
    rewards = [
        ComposedReward({"table": (table, 1.0), "vowels": (vowels, 1.0)}),
        ComposedReward({"other_name": (table, 0.3), "vowels": (vowels, 2.0)}, scoring="log", text_weight=0.3),
        ComposedReward({"table": (table, 1.0), "vowels": (vowels, 0.0)}, scoring="linear", pooling="log_odds"),
    ]
    claims = [claim for claim in CLAIMS for _ in range(4)]
    thinks = [f"word {i}" for i in range(11)] + ["word 0"]
    texts = [f"<think>{think}</think><answer>yes {1 + i % 9}</answer>" for i, think in enumerate(thinks)]
    for reward in rewards:
        for function in reward.functions:
            function(prompts=["?"] * 12, completions=texts, **columns(claims))
        reward.score_completions(claims, texts)
    assert table.calls == [3]
    assert sorted(vowels.read) == sorted(thinks), "the last text is the first one's, about another claim"
    fresh = "<think>new</think><answer>no 9</answer>"
    for reward in rewards:
        reward.score_completions(CLAIMS, [texts[0], fresh, texts[8]])
    assert table.calls == [3]
    assert vowels.read[12:] == ["new"]


def test_rewards_that_share_a_verifier_score_as_those_that_do_not() -> None:
    claims, texts = CLAIMS * 2, [f"<think>{'aeb'[: 1 + i % 3]}</think><answer>no {1 + i}</answer>" for i in range(6)]
    shared = TableVerifier(KNOWN)
    for scoring in ("linear", "brier", "log"):
        together = ComposedReward({"table": (shared, 1.0), "vowels": (VowelVerifier(), 1.0)}, scoring=scoring)
        alone = ComposedReward(
            {"table": (TableVerifier(KNOWN), 1.0), "vowels": (VowelVerifier(), 1.0)}, scoring=scoring
        )
        assert together.score_completions(claims, texts) == alone.score_completions(claims, texts)


def test_verifiers_that_are_equal_or_unhashable_are_distinguished() -> None:
    one, other = Unhashable({("AAA", "BBB"): 0.8}), Unhashable({("AAA", "BBB"): 0.2})
    assert cache_of(one) is cache_of(one)
    assert cache_of(one).scores("one", CLAIMS[:1])[0] == 0.8
    assert cache_of(other).scores("other", CLAIMS[:1])[0] == 0.2


def test_a_verifier_is_let_go_with_its_rewards() -> None:
    verifier = TableVerifier(KNOWN)
    reward = ComposedReward({"table": (verifier, 1.0)})
    reward.score_completions(CLAIMS, ["<think>a</think><answer>yes 5</answer>"] * 3)
    cached = cache_of(verifier)
    assert [math.isnan(score) for score in cached.scores("table", CLAIMS)] == [False, False, True]
    assert verifier.calls == [3]
    del cached, reward
    gc.collect()
    assert cache_of(verifier).scores("table", CLAIMS)[0] == 0.8
    assert verifier.calls == [3, 3]


def test_a_pickled_reward_begins_with_an_empty_memory() -> None:
    reward = ComposedReward({"table": (TableVerifier(KNOWN), 1.0)})
    reward.score_completions(CLAIMS, ["<think>a</think><answer>yes 5</answer>"] * 3)
    again = pickle.loads(pickle.dumps([reward, ComposedReward(reward.verifiers)]))
    for one in again:
        one.score_completions(CLAIMS, ["<think>b</think><answer>yes 5</answer>"] * 3)
    verifier = again[0].verifiers["table"][0]
    assert verifier is again[1].verifiers["table"][0]
    assert verifier.calls == [3, 3], "once before pickling, once after"


def test_the_number_of_kept_scores_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rbio_kg.training.rewards.cache.CACHE_SIZE", 10)
    verifier = CountingVowels()
    cached = ScoreCache(verifier)
    texts = [f"a{'b' * i}" for i in range(30)]
    for _ in range(2):
        assert len(cached.scores("vowels", CLAIMS[:1] * 30, texts)) == 30
        assert len(cached._known) == 10
    cached.scores("vowels", CLAIMS[:1] * 10, texts[20:])
    assert len(verifier.read) == 50, "the ten latest are remembered, the others are read again"


def test_a_changed_verifier_can_be_called_again() -> None:
    verifier = TableVerifier(KNOWN)
    cached = cache_of(verifier)
    assert cached.scores("table", CLAIMS[:1])[0] == 0.8
    verifier.known["AAA", "BBB"] = 0.3
    assert cached.scores("table", CLAIMS[:1])[0] == 0.8
    cached.clear()
    assert cached.scores("table", CLAIMS[:1])[0] == 0.3


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=3)), max_size=30), st.integers(1, 5))
def test_remembered_scores_are_the_verifiers_own(rows: list[tuple[int, str]], size: int) -> None:
    cached, verifier = ScoreCache(VowelVerifier()), VowelVerifier()
    for start in range(0, len(rows), size):
        claims = [CLAIMS[i] for i, _ in rows[start : start + size]]
        texts = [text for _, text in rows[start : start + size]]
        np.testing.assert_array_equal(cached.scores("vowels", claims, texts), verifier.score(claims, texts))
