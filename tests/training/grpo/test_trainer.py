"""GRPO on a learnable task: the reward rises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.grpo.trainer import run_grpo
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.parser import completion_text
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.runs.context import TrainingContext
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.run_folder import start_run
from tests.support.table_verifiers import VowelJudge
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import toy_judge, toy_questions

pytestmark = pytest.mark.precision


class Vowels(ComposedReward):
    """Pays any text by its share of vowels: what a random model can find by sampling."""

    def score_completions(self, claims: Any, completions: Any, gene_prior: Any = None, prompts: Any = None) -> Any:
        from dataclasses import replace

        shares = np.nan_to_num(VowelJudge().score(claims, [completion_text(item) for item in completions])).tolist()
        scored = super().score_completions(claims, completions, gene_prior, prompts)
        return [replace(item, reward=share) for item, share in zip(scored, shares, strict=True)]


def test_the_reward_rises_on_a_learnable_task(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    recipe = PolicyConfig.make(
        {
            "model": {"method": "full"},
            "grpo": {"steps": 30, "prompts": 2, "generations": 8, "max_tokens": 8, "learning_rate": 1e-2, "beta": 0.0,
                     "save_every": 100, "explained": 0},
        }
    )  # fmt: skip
    run = start_run(
        WorkspacePaths(tmp_path), "run", kind="training", build_id="toy", version="0", seeds={}, config={},
        simulated=True, resume=False,
    )  # fmt: skip
    dataset = toy_questions().select(split="train").pairs().limit(64, keep_pairs=True).to_dataset("closed")
    start = LanguageModel(tiny_model(tokenizer), tokenizer, "tiny")
    told: list[str] = []
    reward = Vowels({"table": (toy_judge(), 1.0)})
    context = TrainingContext(run, recipe, reward, Processes(), lambda message, share: told.append(message))
    trained = run_grpo(context, start, dataset)
    rewards = [line["reward"] for line in run.logged() if line["phase"] == "grpo"]
    assert len(rewards) == 30
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.3
    assert trained.resumed_from is None
    assert told[-1].startswith("GRPO step 30 of 30")
