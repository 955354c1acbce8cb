"""The composed reward: what is rewarded, what is recorded, what is refused."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError, VerifierError
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.rewards.result import variance_report
from rbio_kg.verifiers.pooling import Pooling
from rbio_kg.verifiers.scoring_rules import brier, linear, log, relative
from tests.support.table_verifiers import BrokenVerifier, TableVerifier, VowelVerifier

LIKELY = Claim("AAA", "changes_expression_of", "BBB", "k562")
RARE = Claim("AAA", "changes_expression_of", "CCC", "k562")
UNKNOWN = Claim("AAA", "changes_expression_of", "ZZZ", "k562")
FIRST = TableVerifier({("AAA", "BBB"): 0.8, ("AAA", "CCC"): 0.1})
SECOND = TableVerifier({("AAA", "BBB"): 0.6})


def form(answer: str, think: str = "xxx") -> str:
    return f"<think>{think}</think><answer>{answer}</answer>"


def columns_of(claims: list[Claim]) -> dict[str, list[Any]]:
    return {name: [getattr(claim, name) for claim in claims] for name in ("subject", "relation", "object", "cell_line")}


def reward_of(reward: ComposedReward, claim: Claim, text: str, **options: Any) -> float | None:
    return reward.score_completions([claim], [text], **options)[0].reward


@given(st.sampled_from([LIKELY, RARE]), st.sampled_from(["yes", "no"]), st.integers(1, 9))
def test_a_parsed_answer_gets_the_rule_of_the_pooled_probability(claim: Claim, answer: str, digit: int) -> None:
    v = {LIKELY: (0.8 * 3 + 0.6) / 4, RARE: 0.1}[claim]
    q = digit / 10 if answer == "yes" else 1 - digit / 10
    for name, rule in (("brier", brier), ("log", log)):
        reward = ComposedReward({"first": (FIRST, 3.0), "second": (SECOND, 1.0)}, scoring=name, pooling="mean")
        assert reward_of(reward, claim, form(f"{answer} {digit}")) == pytest.approx(float(rule(round(v * 20) / 20, q)))
    exact = ComposedReward({"first": (FIRST, 3.0), "second": (SECOND, 1.0)}, pooling="mean", round_to=0)
    assert reward_of(exact, claim, form(f"{answer} {digit}")) == pytest.approx(float(brier(v, q)))


def test_the_linear_rule_reads_the_word_alone() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0)}, scoring="linear")
    assert reward_of(reward, LIKELY, form("yes")) == 0.8
    assert reward_of(reward, LIKELY, form("yes 3")) == 0.8
    assert reward_of(reward, LIKELY, form("no 9")) == pytest.approx(0.2)


def test_proper_rules_need_a_confidence_by_default() -> None:
    assert reward_of(ComposedReward({"first": (FIRST, 1.0)}), LIKELY, form("yes")) == 0.0
    bare = ComposedReward({"first": (FIRST, 1.0)}, require_confidence=False)
    assert reward_of(bare, LIKELY, form("yes")) == pytest.approx(float(brier(0.8, 1.0)))


def test_one_weight_and_the_rest_zero_rewards_as_that_verifier_alone() -> None:
    texts = [form("yes 7"), form("no 7"), form("no 2"), "?"]
    alone = ComposedReward({"first": (FIRST, 1.0)}).score_completions([LIKELY] * 4, texts)
    with_recorded = ComposedReward({"first": (FIRST, 0.3), "second": (SECOND, 0.0), "vowels": (VowelVerifier(), 0.0)})
    assert [item.reward for item in with_recorded.score_completions([LIKELY] * 4, texts)] == [
        item.reward for item in alone
    ]


@pytest.mark.parametrize("text", ["", "yes 7", form("yes no"), form("knockdown"), form("yes 7") + "!", "x" * 100_000])
def test_an_unparsed_answer_gets_the_minimum(text: str) -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    scored = reward.score_completions([LIKELY], [text])[0]
    assert scored.reward == 0.0
    assert scored.parts == {"first": 0.0, "vowels": None, "answer": 0.0, "format": 0.0}
    worst = min(
        reward_of(reward, LIKELY, form(f"{word} {digit}")) or 0 for word in ("yes", "no") for digit in range(1, 10)
    )
    assert worst > 0.0


def test_where_all_claim_verifiers_abstain_there_is_no_reward() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    scored = reward.score_completions([UNKNOWN, UNKNOWN], [form("yes 7", "aaa"), "nonsense"])
    assert [item.reward for item in scored] == [None, None]
    assert scored[0].parts == {"first": None, "vowels": 1.0, "answer": None, "format": 1.0}
    columns = {
        "subject": ["AAA"] * 2,
        "relation": [UNKNOWN.relation] * 2,
        "object": ["ZZZ"] * 2,
        "cell_line": ["k562"] * 2,
    }
    for function in reward.functions:
        assert function(prompts=["?"] * 2, completions=[form("yes 7"), "nonsense"], **columns) == [None, None]


def test_texts_decide_a_small_share_and_abstaining_has_its_reward() -> None:
    class Quiet(VowelVerifier):
        abstain_reward = 0.5

    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (Quiet(), 2.0)}, text_weight=0.2)
    answer = 0.8 * float(brier(0.8, 0.7))
    assert reward_of(reward, LIKELY, form("yes 7", "aa bb")) == pytest.approx(answer + 0.2 * 0.5)
    assert reward_of(reward, LIKELY, form("yes 7", "aa")) == pytest.approx(answer + 0.2)
    assert reward_of(reward, LIKELY, form("yes 7", "...")) == pytest.approx(answer + 0.2 * 0.5)


def test_the_best_text_cannot_make_up_for_a_clearly_wrong_answer() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    wrong = reward_of(reward, LIKELY, form("no 8", "aaa"))
    assert (wrong or 0) < (reward_of(reward, LIKELY, form("yes 8", "xxx")) or 0)


def test_sentences_copied_from_the_prompt_are_not_seen_by_text_verifiers() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    text = form("yes 7", "aaa eee.")
    own, copied = reward.score_completions([LIKELY] * 2, [text] * 2, prompts=["nothing", "Say: aaa eee."])
    assert own.parts["vowels"] == 1.0
    assert copied.parts["vowels"] is None


def test_relative_to_the_gene_prior() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0)}, relative_to="gene_prior", round_to=0)
    scored = reward.score_completions(
        [LIKELY, LIKELY, LIKELY], [form("yes 5"), form("yes 8"), form("yes 8")], [0.8, 0.3, None]
    )
    assert scored[0].target == pytest.approx(0.5)
    assert scored[1].target == pytest.approx(float(relative(0.8, 0.3)))
    assert scored[1].reward == pytest.approx(float(brier(relative(0.8, 0.3), 0.8)))
    assert scored[1].skill == pytest.approx(float(brier(0.8, 0.8) - brier(0.8, 0.3)))
    assert scored[2].reward is None
    with pytest.raises(RewardError, match="gene_prior"):
        reward.score_completions([LIKELY], [form("yes 5")])
    with pytest.raises(RewardError, match=r"1\.5"):
        reward.score_completions([LIKELY], [form("yes 5")], np.array([1.5]))  # type: ignore[arg-type]


def test_skill_is_the_reward_compared_with_stating_the_prior() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0)}, scoring="linear")
    scored = reward.score_completions([LIKELY], [form("yes 9")], np.array([0.2]))[0]  # type: ignore[arg-type]
    assert scored.skill == pytest.approx(float(linear(0.8, 1.0) - linear(0.8, 0.2)))


def test_a_batch_is_scored_once_for_all_functions_and_each_claim_once() -> None:
    verifier = TableVerifier({("AAA", "BBB"): 0.8})
    reward = ComposedReward({"first": (verifier, 1.0), "vowels": (VowelVerifier(), 1.0)})
    columns = {
        "subject": ["AAA"] * 3,
        "relation": [LIKELY.relation] * 3,
        "object": ["BBB"] * 3,
        "cell_line": ["k562"] * 3,
    }
    texts = [form("yes 7"), form("no 7"), "?"]
    table = {f.__name__: f(prompts=["?"] * 3, completions=texts, **columns) for f in reward.functions}
    assert verifier.calls == [1]
    assert list(table) == ["composed_reward", "first", "vowels", "answer", "format"]
    assert table["format"] == [1.0, 1.0, 0.0]
    assert len(reward.weights) == len(reward.functions)
    assert reward.weights == [1.0, 0.0, 0.0, 0.0, 0.0]
    reward.functions[0](prompts=["?"] * 3, completions=[*texts[:2], "!"], **columns)
    assert verifier.calls == [1], "the claim is known; only texts are new"


def test_what_is_logged() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    extra: dict[str, list[Any]] = {}
    metric: dict[str, float] = {}
    columns = {
        "subject": ["AAA"] * 2,
        "relation": [LIKELY.relation] * 2,
        "object": ["BBB", "ZZZ"],
        "cell_line": [None, ""],
        "gene_prior": [0.1, 0.1],
    }
    for function in reward.functions:
        function(
            prompts=[[{"role": "user", "content": "?"}]] * 2,
            completions=[[{"role": "assistant", "content": form("yes 7")}], [{"role": "assistant", "content": "?"}]],
            completion_ids=[[1], [2]],
            trainer_state=None,
            log_extra=extra.__setitem__,
            log_metric=metric.__setitem__,
            **columns,
        )
    assert extra["stated_answer"] == ["yes", None]
    assert extra["verdict_first"] == [0.8, None]
    assert extra["problem"] == [None, "no_think"]
    assert metric["unparsed"] == 0.5
    assert metric["unscored"] == 1.0
    assert metric["abstained/first"] == 1.0
    assert metric["skill"] == pytest.approx(float(brier(0.8, 0.7) - brier(0.8, 0.1)))


def test_missing_columns_are_named() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0)})
    with pytest.raises(RewardError, match="object, cell_line"):
        reward.functions[0](prompts=["?"], completions=["?"], subject=["A"], relation=["regulates"])


@pytest.mark.parametrize("answer", [None, math.inf, -0.1, 1.5])
def test_a_broken_verifier_stops_the_run_and_is_named(answer: float | None) -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "mine": (BrokenVerifier(answer), 1.0)})
    with pytest.raises(VerifierError, match="mine"):
        reward.score_completions([LIKELY], [form("yes 7")])
    with pytest.raises(VerifierError, match="mine failed: KeyError"):
        reward.explain(LIKELY, form("yes 7"))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"verifiers": {}}, "claim verifier"),
        ({"verifiers": {"vowels": (VowelVerifier(), 1.0)}}, "claim verifier"),
        ({"verifiers": {"first": (FIRST, 0.0)}}, "claim verifier"),
        ({"verifiers": {"first": (FIRST, -1.0)}}, "weight of first"),
        ({"verifiers": {"first": (FIRST, math.nan)}}, "weight of first"),
        ({"verifiers": {"first": (FIRST, "1")}}, "weight of first"),
        ({"verifiers": {"answer": (FIRST, 1.0)}}, "answer"),
        ({"verifiers": {"first": (object(), 1.0)}}, "object"),
        ({"verifiers": [(FIRST, 1.0), (SECOND, 1.0)]}, "two verifiers are called 'table'"),
        ({"scoring": "cubic"}, "cubic"),
        ({"pooling": "median"}, "median"),
        ({"relative_to": "luck"}, "luck"),
        ({"text_weight": 0.5}, "text_weight"),
        ({"round_to": -0.1}, "round_to"),
    ],
)
def test_configurations_that_cannot_work_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(RewardError, match=match):
        ComposedReward(**({"verifiers": {"first": (FIRST, 1.0)}} | options))


def test_lengths_must_fit() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0)})
    with pytest.raises(RewardError, match="1 claims for 2"):
        reward.score_completions([LIKELY], ["a", "b"])
    assert reward.score_completions([], []) == []


def test_reward_and_functions_survive_pickling() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    texts = [form("yes 7", "aaa"), "?"]
    expected = reward.score_completions([LIKELY, RARE], texts)
    again: ComposedReward = pickle.loads(pickle.dumps(reward))
    assert again.score_completions([LIKELY, RARE], texts) == expected
    functions = pickle.loads(pickle.dumps(reward.functions))
    assert [function.__name__ for function in functions] == ["composed_reward", "first", "vowels", "answer", "format"]
    assert functions[0].scorer is functions[1].scorer
    assert again.describe() == reward.describe()


def test_explanations_name_each_verifier_as_the_reward_does() -> None:
    reward = ComposedReward({"mine": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    verdicts = reward.explain(LIKELY, form("yes 7", "ab"))
    assert [(verdict.verifier, verdict.score) for verdict in verdicts] == [("mine", 0.8), ("vowels", 0.5)]


def test_rewards_are_finite_or_none() -> None:
    poolings: tuple[Pooling, ...] = ("mean", "log_odds")
    for scoring in ("linear", "brier", "log"):
        for pooling in poolings:
            certain = TableVerifier({("AAA", "BBB"): 1.0, ("AAA", "CCC"): 0.0})
            reward = ComposedReward(
                {"first": (certain, 1.0)},
                scoring=scoring,
                pooling=pooling,
                relative_to="gene_prior",
            )
            texts = [form(f"{word} {c}") for word in ("yes", "no") for c in ("1", "9", "0.001", "99%")]
            for claim in (LIKELY, RARE):
                for prior in (0.0, 1.0):
                    for item in reward.score_completions([claim] * len(texts), texts, [prior] * len(texts)):
                        assert item.reward is not None and 0.0 <= item.reward <= 1.0


def test_parts_that_never_differ_inside_a_group_are_reported() -> None:
    reward = ComposedReward({"first": (FIRST, 1.0), "vowels": (VowelVerifier(), 1.0)})
    groups = [
        reward.score_completions([claim] * 3, [form("yes 7", "aa"), form("no 7", "bb"), form("yes 2", "ab")])
        for claim in (LIKELY, RARE)
    ]
    rows = {row["name"]: row for row in variance_report(groups)}
    assert list(rows) == ["reward", "first", "vowels", "answer", "format"]
    assert rows["format"] == {"name": "format", "constant_in_group": True, "varying_groups": 0.0, "scored": 1.0}
    assert not rows["first"]["constant_in_group"]
    assert rows["vowels"]["varying_groups"] == 1.0
    same = variance_report([reward.score_completions([claim] * 2, [form("yes 7")] * 2) for claim in (LIKELY, RARE)])
    assert all(row["constant_in_group"] for row in same)
    assert reward.variance_report([])[0]["varying_groups"] is None
