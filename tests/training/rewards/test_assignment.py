"""Which verifiers score which question: all, or one by weight; text alone counts where no claim verifier scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError
from rbio_kg.training.rewards.assignment import Assigner, text_share
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.table_verifiers import TableVerifier, VowelVerifier

CLAIMS = [Claim(f"P{i}", "changes_expression_of", f"G{i % 7}", "toy") for i in range(400)]
SAID = "<think>{}</think><answer>{}</answer>"


def everywhere(*names: str) -> dict[str, np.ndarray]:
    return {name: np.ones(len(CLAIMS), dtype=bool) for name in names}


@given(weights=st.lists(st.floats(0.1, 5), min_size=2, max_size=4))
def test_one_verifier_a_row_in_proportion_to_the_weights(weights: list[float]) -> None:
    named = {f"v{i}": weight for i, weight in enumerate(weights)}
    masks = Assigner(named, "one_per_row").masks(CLAIMS, everywhere(*named))
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()
    for name, weight in named.items():
        assert masks[name].mean() == pytest.approx(weight / sum(weights), abs=0.12)


def test_the_draw_is_the_claims_own() -> None:
    assigner = Assigner({"a": 1.0, "b": 1.0}, "one_per_row")
    complete = assigner.masks(CLAIMS, everywhere("a", "b"))["a"]
    order = np.random.default_rng(0).permutation(len(CLAIMS))
    permuted = assigner.masks([CLAIMS[i] for i in order], everywhere("a", "b"))["a"]
    assert (permuted == complete[order]).all()


def test_a_verifier_that_abstains_is_not_drawn() -> None:
    available = everywhere("a", "b")
    available["a"][:200] = False
    masks = Assigner({"a": 1.0, "b": 1.0}, "one_per_row").masks(CLAIMS, available)
    assert masks["b"][:200].all()
    assert 0 < masks["a"][200:].mean() < 1


def test_a_family_has_its_own_verifiers() -> None:
    claims = [*CLAIMS[:5], Claim("A", "interacts_with", "B"), Claim("A", "regulates", "B")]
    available = {name: np.ones(len(claims), dtype=bool) for name in ("a", "b")}
    masks = Assigner({"a": 1.0, "b": 1.0}, "all", {"functional": ["b"], "de": ["a"]}).masks(claims, available)
    assert masks["a"].tolist() == [True] * 5 + [False, True]
    assert masks["b"].tolist() == [False] * 5 + [True, True]


def test_text_counts_alone_where_no_claim_verifier_scores() -> None:
    by_claim, by_text = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert text_share(by_claim, by_text, 0.1).tolist() == [0.1, 0.0, 1.0, 0.0]


def reward_of(reward: ComposedReward, text: str, claim: Claim = CLAIMS[0]) -> float | None:
    return reward.score_completions([claim], [text])[0].reward


def test_a_text_only_reward_rewards_the_text_and_no_answer() -> None:
    reward = ComposedReward({"vowels": (VowelVerifier(), 1.0)}, text_weight=1.0)
    assert reward_of(reward, SAID.format("ae bc", "yes 9")) == reward_of(reward, SAID.format("ae bc", "no 9")) == 0.5
    assert reward_of(reward, SAID.format("aeio", "yes 9")) == 1.0
    assert reward_of(reward, "aeio yes 9") == 0.0
    assert reward_of(reward, SAID.format("aeio", "perhaps")) == 0.0


def test_text_only_must_be_stated() -> None:
    with pytest.raises(RewardError, match="text_weight 1"):
        ComposedReward({"vowels": (VowelVerifier(), 1.0)})
    with pytest.raises(RewardError, match="text_weight must be"):
        ComposedReward({"table": (TableVerifier({}), 1.0), "vowels": (VowelVerifier(), 1.0)}, text_weight=1.0)


def test_rows_of_one_verifier_are_scored_by_it_alone() -> None:
    known = {(claim.subject, claim.object): 0.9 for claim in CLAIMS}
    both = {"table": (TableVerifier(known), 1.0), "vowels": (VowelVerifier(), 1.0)}
    reward = ComposedReward(both, assignment="one_per_row")
    text = SAID.format("ae bc", "yes 9")
    scored = reward.score_completions(CLAIMS, [text] * len(CLAIMS))
    alone = {
        reward_of(ComposedReward({"table": both["table"]}), text),
        reward_of(ComposedReward({"vowels": both["vowels"]}, text_weight=1.0), text),
    }
    assert {item.reward for item in scored} == alone
    by_text = [item.target is None for item in scored]
    assert np.mean(by_text) == pytest.approx(0.5, abs=0.1)


def test_one_verifier_alone_is_the_same_either_way() -> None:
    known = {(claim.subject, claim.object): 0.01 * (i % 100) for i, claim in enumerate(CLAIMS)}
    rewards = [ComposedReward({"table": (TableVerifier(known), 1.0)}, assignment=how) for how in ("all", "one_per_row")]
    texts = [SAID.format("so", f"{'yes' if i % 2 else 'no'} {1 + i % 9}") for i in range(len(CLAIMS))]
    first, second = ([item.reward for item in reward.score_completions(CLAIMS, texts)] for reward in rewards)
    assert first == second


def test_a_base_rate_is_used_for_knockdowns_only() -> None:
    claim = Claim("A", "interacts_with", "B")
    reward = ComposedReward({"table": (TableVerifier({("A", "B"): 0.8}), 1.0)}, relative_to="gene_prior")
    assert reward.score_completions([claim], [SAID.format("so", "yes 8")], [None])[0].target == 0.8


def test_unknown_names_are_reported() -> None:
    with pytest.raises(RewardError, match="unknown assignment 'two'"):
        Assigner({"a": 1.0}, "two")  # type: ignore[arg-type]
    with pytest.raises(RewardError, match="b is a verifier of de questions"):
        Assigner({"a": 1.0}, "all", {"de": ["b"]})
