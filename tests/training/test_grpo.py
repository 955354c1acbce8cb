"""GRPO on a learnable task: the reward rises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.tiny_model import tiny_model, tiny_tokenizer
from tests.training.judges import VowelJudge
from tests.training.knockdowns import toy_judge, toy_questions
from training.grpo import last_checkpoint, run_grpo
from training.language_model import LanguageModel
from training.recipe import PolicyConfig
from training.rewards import ComposedReward
from training.runs import Run


class Vowels(ComposedReward):
    """Pays any text by its share of vowels: what a random model can find by sampling."""

    def _judge(self, claims: Any, texts: Any, priors: Any, prompts: Any) -> Any:
        from dataclasses import replace

        shares = np.nan_to_num(VowelJudge().score(claims, texts)).tolist()
        judged = super()._judge(claims, texts, priors, prompts)
        return [replace(item, reward=share) for item, share in zip(judged, shares, strict=True)]


def test_the_reward_rises_on_a_learnable_task(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    recipe = PolicyConfig.make(
        {
            "model": {"method": "full"},
            "grpo": {"steps": 30, "prompts": 2, "generations": 8, "max_tokens": 8, "learning_rate": 1e-2, "beta": 0.0,
                     "save_every": 100, "explained": 0},
        }
    )  # fmt: skip
    run = Run(tmp_path / "run")
    dataset = toy_questions().select(split="train").pairs().limit(64, keep_pairs=True).to_dataset("closed")
    start = LanguageModel(tiny_model(tokenizer), tokenizer, "tiny")
    told: list[str] = []
    _, resumed = run_grpo(
        start,
        dataset,
        Vowels({"table": (toy_judge(), 1.0)}),
        recipe,
        run,
        resume=False,
        progress=lambda message, share: told.append(message),
    )
    rewards = [line["reward"] for line in run.logged()]
    assert len(rewards) == 30
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.3
    assert resumed is None
    assert told[-1].startswith("GRPO step 30 of 30")


def test_only_whole_checkpoints_count(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step in (2, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "checkpoint-2" / "trainer_state.json").write_text("{}")
    found = last_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "checkpoint-2"
