"""What the reward becomes inside GRPO: advantages as TRL's own trainer computes and logs them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.table_verifiers import TableVerifier
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.trainer_settings import quick_settings

V = {"BBB": 0.9, "CCC": 0.6, "DDD": 0.1, "EEE": 0.5}
"""Four questions and what the verifier says of them; FFF is a fifth of which it says nothing."""
STATED = ("yes 9", "yes 6", "no 6", "no 9")
BARE = ("yes", "yes", "no", "no")


def claim(gene: str) -> Claim:
    return Claim("AAA", "changes_expression_of", gene, "k562")


def reward_of(scoring: str, **options: Any) -> ComposedReward:
    verifier = TableVerifier({("AAA", gene): value for gene, value in V.items()})
    return ComposedReward({"table": (verifier, 1.0)}, scoring=scoring, **options)


def text(answer: str) -> str:
    return f"<think>x</think><answer>{answer}</answer>"


def advantages(
    reward: ComposedReward,
    folder: Path,
    *,
    answers: tuple[str, ...] = STATED,
    scale: str = "none",
    genes: tuple[str, ...] = tuple(V),
    prior: float = 0.5,
) -> dict[str, np.ndarray[Any, Any]]:
    """One step of `GRPOTrainer` on completions that are handed to it; gene to advantages, in the order of `answers`."""
    from datasets import Dataset
    from trl import GRPOTrainer

    tokenizer = tiny_tokenizer()

    def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
        """TRL asks once a completion, with each prompt as often as it has generations."""
        seen: dict[str, int] = {}
        ids = []
        for prompt in prompts:
            seen[prompt] = seen.get(prompt, -1) + 1
            ids.append(tokenizer(text(answers[seen[prompt]]))["input_ids"] + [tokenizer.eos_token_id])
        return {
            "prompt_ids": [tokenizer(prompt)["input_ids"] for prompt in prompts],
            "completion_ids": ids,
            "logprobs": [[0.0] * len(one) for one in ids],
        }

    rows = [{"prompt": gene, "subject": "AAA", "relation": "changes_expression_of", "object": gene} for gene in genes]
    count = len(genes) * len(answers)
    trainer = GRPOTrainer(
        model=tiny_model(tokenizer),
        reward_funcs=reward.functions,
        args=quick_settings(
            reward,
            folder,
            max_steps=1,
            per_device_train_batch_size=count,
            num_generations=len(answers),
            max_completion_length=64,
            scale_rewards=scale,
            log_completions=True,
        ),
        train_dataset=Dataset.from_list([{**row, "cell_line": "k562", "gene_prior": prior} for row in rows]),
        processing_class=tokenizer,
        rollout_func=rollout,
    )
    trainer.train()
    frame = pl.read_parquet(sorted(folder.rglob("completions_*.parquet"))[0])
    assert len(frame) == count
    return {gene: frame.filter(pl.col("prompt") == gene)["advantage"].to_numpy().astype(np.float64) for gene in genes}


@pytest.fixture(autouse=True)
def _quiet_libraries(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    # Deprecations inside the trainer's own libraries are for them to fix.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def spread(found: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return np.concatenate(list(found.values()))


@pytest.mark.parametrize("scoring", ["linear", "brier", "log"])
def test_unscaled_advantages_are_the_reward_less_the_groups_mean(tmp_path: Path, scoring: str) -> None:
    reward = reward_of(scoring)
    found = advantages(reward, tmp_path)
    for gene, values in found.items():
        rewards = [
            item.reward or 0.0
            for item in reward.score_completions([claim(gene)] * 4, [text(answer) for answer in STATED])
        ]
        np.testing.assert_allclose(values, np.array(rewards) - np.mean(rewards), atol=1e-6)


def test_stated_confidences_are_distinguished_by_proper_rules_only(tmp_path: Path) -> None:
    found = {name: advantages(reward_of(name), tmp_path / name) for name in ("linear", "brier", "log")}
    for gene in V:
        hears_words = found["linear"][gene]
        assert hears_words[0] == pytest.approx(hears_words[1], abs=1e-6), "linear: yes 9 and yes 6 are one answer"
        assert hears_words[2] == pytest.approx(hears_words[3], abs=1e-6)
    stated = np.array([0.9, 0.6, 0.4, 0.1])
    for name in ("brier", "log"):
        for gene, v in V.items():
            best = np.flatnonzero(np.isclose(np.abs(stated - v), np.abs(stated - v).min()))
            assert int(np.argmax(found[name][gene])) in best, f"{name}: the best answer to v = {v} is the nearest q"
        assert found[name]["EEE"] == pytest.approx(found[name]["EEE"][::-1], abs=1e-6)
    assert found["linear"]["EEE"] == pytest.approx(np.zeros(4), abs=1e-6), "v = 1/2 gives the linear rule no signal"
    assert found["brier"]["EEE"][1] > 0.01 > found["brier"]["EEE"][0], "and brier to doubt"
    assert not np.allclose(spread(found["brier"]), spread(found["log"]), atol=1e-3)


def test_bare_answers_get_the_same_advantages_from_all_rules(tmp_path: Path) -> None:
    """Yes less no is 2v - 1 by each of them: only a stated confidence makes rules differ."""
    found = {
        name: advantages(reward_of(name, require_confidence=False), tmp_path / name, answers=BARE)
        for name in ("linear", "brier", "log")
    }
    for name in ("brier", "log"):
        np.testing.assert_allclose(spread(found[name]), spread(found["linear"]), atol=1e-6)
    for gene, v in V.items():
        assert found["linear"][gene][0] - found["linear"][gene][2] == pytest.approx(2 * v - 1, abs=1e-6)


def test_scaling_by_the_group_keeps_only_the_sign(tmp_path: Path) -> None:
    found = advantages(reward_of("linear"), tmp_path, answers=BARE, scale="group")
    sure, unsure = found["BBB"], found["CCC"]
    np.testing.assert_allclose(sure, unsure, rtol=2e-3)
    np.testing.assert_allclose(found["DDD"], -sure, rtol=2e-3)


def test_a_yes_gains_on_a_no_by_what_the_others_lack(tmp_path: Path) -> None:
    """Of two yes and two no each pair has one of each as the others: the yes gains by v - 1/2."""
    alone = advantages(reward_of("brier"), tmp_path / "alone", answers=("yes 5",) * 2 + ("no 5",) * 2)
    assert spread(alone) == pytest.approx(np.zeros(16), abs=1e-6), "one probability, stated by two words"
    reward = reward_of("brier", share_weight=0.5)
    found = advantages(reward, tmp_path / "shared", answers=("yes 5",) * 2 + ("no 5",) * 2)
    for gene, v in V.items():
        gain = 0.5 * 0.5 * (v - 0.5)
        assert found[gene] == pytest.approx(np.array([gain, gain, -gain, -gain]) / 2, abs=1e-6)


def test_a_gene_only_answer_gets_no_advantage_where_the_gene_explains_all(tmp_path: Path) -> None:
    reward = reward_of("linear", relative_to="gene_prior")
    found = advantages(reward, tmp_path, answers=BARE, prior=0.9)
    assert found["BBB"] == pytest.approx(np.zeros(4), abs=1e-6)
    assert found["CCC"][0] < 0 < found["CCC"][2], "v = .6 is less than the gene's .9: no is the better answer"


def test_questions_that_no_verifier_scores_get_no_advantage(tmp_path: Path) -> None:
    found = advantages(reward_of("brier"), tmp_path, genes=("BBB", "FFF"))
    assert found["FFF"] == pytest.approx(np.zeros(4))
    assert np.abs(found["BBB"]).max() > 0.1
