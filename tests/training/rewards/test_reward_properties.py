"""Properties that the reward must have whatever the verifiers say."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import VerifierError
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.verifiers.pooling import pool
from rbio_kg.verifiers.scoring_rules import brier, linear, log, relative
from tests.support.table_verifiers import BrokenVerifier, TableVerifier, VowelVerifier

CLAIM = Claim("AAA", "changes_expression_of", "BBB", "k562")
COLUMNS: dict[str, Any] = {name: [getattr(CLAIM, name)] for name in ("subject", "relation", "object", "cell_line")}
inner = st.floats(0.02, 0.98)
score = st.one_of(st.none(), st.floats(0.0, 1.0))
weight = st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0])
thousandths = st.integers(1, 999).map(lambda n: n / 1000)
pooling = st.sampled_from(["mean", "log_odds"])
scoring = st.sampled_from(["linear", "brier", "log"])
proper = st.sampled_from(["brier", "log"])
questions = st.tuples(
    st.sampled_from(["BBB", "CCC", "ZZZ"]), st.sampled_from([*(f"yes {n}" for n in (1, 5, 9)), "no 8", "?"])
)
digits = [f"{word} {digit}" for word in ("yes", "no") for digit in range(1, 10)]


def form(answer: str, think: str = "xxx") -> str:
    return f"<think>{think}</think><answer>{answer}</answer>"


def verifier_of(value: float | None) -> TableVerifier:
    return TableVerifier({} if value is None else {("AAA", "BBB"): value})


def reward_of(reward: ComposedReward, text: str, prior: float | None = None) -> float | None:
    return reward.score_completions([CLAIM], [text], None if prior is None else [prior])[0].reward


# The rules are proper: nothing gets more on average than the probability that the rule is given.


@pytest.mark.parametrize("rule", [brier, log])
@given(v=inner, q=st.floats(0.0, 1.0))
def test_saying_anything_else_than_v_gets_less(rule: Any, v: float, q: float) -> None:
    assert rule(v, v) >= rule(v, q) - 1e-12
    # Curvature 2 (brier), and at least 4 before rescaling by 1 / 3.9 (log): the loss grows with the square.
    kept = min(max(q, 0.02), 0.98)
    assert rule(v, v) - rule(v, kept) >= (v - kept) ** 2 * (1.0 if rule is brier else 0.5) - 1e-12


@pytest.mark.parametrize("rule", [brier, log])
@given(v=st.floats(0.04, 0.96))
def test_the_reward_has_its_only_stationary_point_at_v(rule: Any, v: float) -> None:
    step = 1e-6
    slope = (rule(v, v + step) - rule(v, v - step)) / (2 * step)
    assert abs(slope) < 1e-3
    assert rule(v, v - 0.01) < rule(v, v) > rule(v, v + 0.01)


@pytest.mark.parametrize("rule", [brier, log, linear])
@given(labels=st.lists(st.integers(0, 1), min_size=1, max_size=30), q=thousandths)
def test_rewarding_v_is_what_rewarding_the_labels_would_give_on_average(rule: Any, labels: list[int], q: float) -> None:
    """The reward is linear in v, so a calibrated v trains as well as an equal number of laboratory results."""
    assert rule(np.mean(labels), q) == pytest.approx(np.mean([rule(label, q) for label in labels]), abs=1e-9)


@given(
    values=st.lists(score, min_size=1, max_size=4), how=pooling, rule=st.sampled_from(["brier", "log"]), q=thousandths
)
def test_the_whole_reward_is_proper_for_the_pooled_probability(
    values: list[float | None], how: Any, rule: str, q: float
) -> None:
    reward = ComposedReward(
        {f"v{i}": (verifier_of(value), 1.0 + i) for i, value in enumerate(values)},
        pooling=how,
        scoring=rule,
        round_to=0,
    )
    scored = reward.score_completions([CLAIM] * 2, [form("yes 5"), form(f"yes {q:.3f}")])
    target = scored[0].target
    if target is None:
        assert [item.reward for item in scored] == [None, None]
        return
    stated = min(max(round(target, 3), 0.001), 0.999)
    best = reward_of(reward, form(f"yes {stated:.3f}"))
    assert best is not None and scored[1].reward is not None
    assert best >= scored[1].reward - 2e-5, "an answer can only be stated to the thousandth"


# A policy that knows only the gene gets the reward of a coin under v*.


@given(
    pi=st.floats(0.05, 0.95),
    shifts=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=8),
    answer=st.sampled_from(digits),
    rule=scoring,
)
def test_a_gene_only_policy_gets_a_coins_mean(pi: float, shifts: list[float], answer: str, rule: str) -> None:
    """Where a gene's knockdowns speak for and against it alike, no constant answer about it beats a coin's."""
    odds = math.log(pi / (1 - pi))
    known = {}
    for i, shift in enumerate(shifts):
        for sign in (-1, 1):
            known["AAA" if i == 0 and sign == 1 else f"P{i}{sign}", "BBB"] = 1 / (1 + math.exp(-odds - sign * shift))
    claims = [Claim(pert, "changes_expression_of", gene, "k562") for pert, gene in known]
    reward = ComposedReward(
        {"table": (TableVerifier(known), 1.0)},
        relative_to="gene_prior",
        scoring=rule,
        round_to=0,
        require_confidence=True,
    )

    def mean(text: str) -> float:
        rewards = [
            item.reward for item in reward.score_completions(claims, [form(text)] * len(claims), [pi] * len(claims))
        ]
        return float(np.mean([value for value in rewards if value is not None]))

    # Logits are cut at 1/1000, which moves v* a little for the most extreme pairs.
    if max(shifts) + abs(odds) > 6.9:
        return
    if rule == "linear":
        assert mean(answer) == pytest.approx(0.5, abs=1e-6)
    else:
        assert mean(answer) <= mean("yes 5") + 1e-9
        assert mean("yes 5") == pytest.approx(float((brier if rule == "brier" else log)(0.5, 0.5)), abs=1e-6)


@given(v=inner, pi=inner)
def test_the_relative_reward_grows_with_what_the_gene_does_not_explain(v: float, pi: float) -> None:
    yes_minus_no = float(linear(relative(v, pi), 1.0) - linear(relative(v, pi), 0.0))
    assert math.copysign(1.0, yes_minus_no) == math.copysign(1.0, v - pi) or yes_minus_no == pytest.approx(0.0)


# Weights.


@given(
    values=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=4), how=pooling, more=st.floats(0.0, 5.0), data=st.data()
)
def test_more_weight_moves_v_towards_that_verifier(values: list[float], how: Any, more: float, data: Any) -> None:
    weights = np.array([data.draw(st.floats(0.1, 3.0)) for _ in values])
    before = pool(np.array(values)[:, None], weights, how)[0][0]
    after = pool(np.array(values)[:, None], weights + np.eye(len(values))[0] * more, how)[0][0]
    assert abs(after - values[0]) <= abs(before - values[0]) + 2e-3, "logits are cut at 1/1000"
    assert (after - before) * (values[0] - before) >= -1e-9


@given(high=st.floats(0.55, 1.0), low=st.floats(0.0, 0.45), light=st.floats(0.1, 1.0), more=st.floats(0.0, 5.0))
def test_the_reward_for_yes_grows_with_the_weight_of_who_says_yes(
    high: float, low: float, light: float, more: float
) -> None:
    def mean_reward(weight: float, answer: str, how: Any, rule: str) -> float:
        members: dict[str, tuple[Verifier, float]] = {
            "high": (verifier_of(high), weight),
            "low": (verifier_of(low), 1.0),
        }
        return reward_of(ComposedReward(members, pooling=how, scoring=rule, round_to=0), form(answer)) or 0.0

    for how in ("mean", "log_odds"):
        for rule in ("linear", "brier", "log"):
            assert mean_reward(light + more, "yes 9", how, rule) >= mean_reward(light, "yes 9", how, rule) - 1e-9
            assert mean_reward(light + more, "no 9", how, rule) <= mean_reward(light, "no 9", how, rule) + 1e-9


@given(values=st.lists(score, min_size=1, max_size=4), how=pooling, rule=scoring, data=st.data())
def test_one_weight_one_and_the_rest_zero_is_that_verifier_alone(
    values: list[float | None], how: Any, rule: str, data: Any
) -> None:
    chosen = data.draw(st.integers(0, len(values) - 1))
    members = {f"v{i}": verifier_of(value) for i, value in enumerate(values)}
    texts = [form(answer, think) for answer in digits for think in ("aab", "")] + ["?", ""]
    with_recorded = ComposedReward(
        {name: (verifier, float(i == chosen)) for i, (name, verifier) in enumerate(members.items())}
        | {"vowels": (VowelVerifier(), 0.0)},
        pooling=how,
        scoring=rule,
    )
    alone = ComposedReward({"only": (verifier_of(values[chosen]), 1.0)}, pooling=how, scoring=rule)
    claims = [CLAIM] * len(texts)
    assert [item.reward for item in with_recorded.score_completions(claims, texts)] == [
        item.reward for item in alone.score_completions(claims, texts)
    ]


@given(values=st.lists(st.tuples(score, weight), min_size=1, max_size=3), scale=st.floats(0.1, 10), rule=scoring)
def test_only_the_proportion_of_weights_counts(
    values: list[tuple[float | None, float]], scale: float, rule: str
) -> None:
    members = {f"v{i}": (verifier_of(value), share + 0.1) for i, (value, share) in enumerate(values)}
    texts = [form(answer, "abc") for answer in digits]
    results = []
    for factor in (1.0, scale):
        scaled = {name: (verifier, share * factor) for name, (verifier, share) in members.items()}
        reward = ComposedReward(scaled | {"vowels": (VowelVerifier(), factor)}, scoring=rule, round_to=0)
        results.append([item.reward for item in reward.score_completions([CLAIM] * len(texts), texts)])
    assert results[0] == pytest.approx(results[1], abs=1e-9)


# Order.


@given(values=st.lists(st.tuples(score, weight), min_size=2, max_size=3), how=pooling, rule=scoring)
def test_the_order_of_verifiers_does_not_matter(values: list[tuple[float | None, float]], how: Any, rule: str) -> None:
    members: list[tuple[str, tuple[Verifier, float]]] = [
        (f"v{i}", (verifier_of(value), share + 0.1)) for i, (value, share) in enumerate(values)
    ]
    members += [("vowels", (VowelVerifier(), 1.0))]
    texts = [form("yes 7", "aab"), form("no 2", ""), "?"]
    rewards = [
        [
            item.reward
            for item in ComposedReward(dict(order), pooling=how, scoring=rule).score_completions([CLAIM] * 3, texts)
        ]
        for order in permutations(members)
    ]
    for other in rewards[1:]:
        assert other == pytest.approx(rewards[0], abs=1e-9)


@given(
    st.lists(st.tuples(st.sampled_from(["BBB", "CCC", "ZZZ"]), st.sampled_from([*digits, "?"])), max_size=12), st.data()
)
def test_the_order_and_company_of_completions_do_not_matter(rows: list[tuple[str, str]], data: Any) -> None:
    reward = ComposedReward(
        {"table": (TableVerifier({("AAA", "BBB"): 0.8, ("AAA", "CCC"): 0.1}), 1.0), "vowels": (VowelVerifier(), 1.0)}
    )
    claims = [Claim("AAA", "changes_expression_of", gene, "k562") for gene, _ in rows]
    texts = [form(answer, gene.lower()) for gene, answer in rows]
    together = [item.reward for item in reward.score_completions(claims, texts)]
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = [item.reward for item in reward.score_completions([claims[i] for i in order], [texts[i] for i in order])]
    assert shuffled == [together[i] for i in order]
    assert together == [
        reward.score_completions([claim], [text])[0].reward for claim, text in zip(claims, texts, strict=True)
    ]


# What reaches the trainer.


@given(
    values=st.lists(st.tuples(st.sampled_from([None, 0.0, 1e-320, 0.3, 1.0]), weight), min_size=1, max_size=3),
    how=pooling,
    rule=scoring,
    prior=st.sampled_from([None, 0.0, 0.5, 1.0, math.nan]),
    base_rate=st.sampled_from([None, "gene_prior"]),
    text=st.sampled_from([form("yes 0.001"), form("no 99%"), form("yes"), form("yes 9", ""), "", "?", form("yes nan")]),
    step=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_every_value_is_a_number_from_0_to_1_or_none(
    values: list[tuple[float | None, float]],
    how: Any,
    rule: str,
    prior: float | None,
    base_rate: Any,
    text: str,
    step: float,
) -> None:
    members: dict[str, tuple[Verifier, float]] = {
        f"v{i}": (verifier_of(value), share) for i, (value, share) in enumerate(values)
    }
    scoring = [value for value, share in values if share > 0]
    if not scoring:
        members["one"], scoring = (verifier_of(1.0), 1.0), [1.0]
    reward = ComposedReward(
        members | {"vowels": (VowelVerifier(), 1.0)}, pooling=how, scoring=rule, relative_to=base_rate, round_to=step
    )
    logged: dict[str, float] = {}
    results = [
        function(prompts=["?"], completions=[text], gene_prior=[prior], log_metric=logged.__setitem__, **COLUMNS)
        for function in reward.functions
    ]
    for (value,) in results:
        assert value is None or (isinstance(value, float) and math.isfinite(value) and 0.0 <= value <= 1.0)
    silent = all(value is None for value in scoring)
    no_rate = base_rate is not None and (prior is None or math.isnan(prior))
    assert (results[0] == [None]) == (silent or no_rate), "None exactly where nothing decides the reward"
    if results[0] == [None]:
        assert all(result == [None] for result in results), "no part may stand alone: TRL would count the reward as 0"
    assert all(math.isfinite(value) for value in logged.values())


@given(st.sampled_from([math.inf, -math.inf, -1e-9, 1.0 + 1e-9, 1e300]))
def test_what_is_no_probability_never_reaches_the_trainer(value: float) -> None:
    reward = ComposedReward({"first": (verifier_of(0.5), 1.0), "mine": (BrokenVerifier(value), 0.0)})
    with pytest.raises(VerifierError, match=r"mine scored .*: not a probability"):
        reward.functions[0](prompts=["?"], completions=[form("yes 7")], **COLUMNS)
