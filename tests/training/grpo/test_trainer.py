"""GRPO on a learnable task: the reward rises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import silent
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.grpo.trainer import run_grpo, trainer_arguments
from rbio_kg.training.models.loading import quiet
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.parser import completion_text
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.runs.context import TrainingContext
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import Run, start_run
from tests.support.table_verifiers import VowelVerifier
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import toy_questions, toy_verifier

pytestmark = pytest.mark.precision


class Vowels(ComposedReward):
    """Rewards any text by its share of vowels: a random model can find such texts by sampling."""

    def score_completions(self, claims: Any, completions: Any, gene_prior: Any = None, prompts: Any = None) -> Any:
        from dataclasses import replace

        shares = np.nan_to_num(VowelVerifier().score(claims, [completion_text(item) for item in completions])).tolist()
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
    manifest = RunManifest.new("run", "training", build_id="toy", version="0", seeds={}, config={}, simulated=True)
    run = start_run(WorkspacePaths(tmp_path), manifest)
    dataset = toy_questions().select(split="train").pairs().limit(64, keep_pairs=True).to_dataset("closed")
    start = LanguageModel(tiny_model(tokenizer), tokenizer, "tiny")
    shown: list[str] = []
    reward = Vowels({"table": (toy_verifier(), 1.0)})
    context = TrainingContext(run, recipe, reward, Processes(), lambda message, share: shown.append(message))
    trained = run_grpo(context, start, dataset)
    rewards = [line["reward"] for line in run.logged() if line["phase"] == "grpo"]
    assert len(rewards) == 30
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.3
    assert trained.resumed_from is None
    assert shown[-1].startswith("GRPO step 30 of 30")


def test_the_recipe_pins_what_trl_is_given(tmp_path: Path) -> None:
    """No setting of the loss or of the sampling is left to TRL's defaults, which change between releases."""
    from trl import GRPOConfig

    changes: dict[str, Any] = {
        "steps": 3, "prompts": 2, "generations": 3, "max_tokens": 9, "learning_rate": 0.02, "beta": 0.3,
        "tool_turns": 2, "temperature": 0.7, "top_p": 0.9, "top_k": 11, "min_p": 0.05, "repetition_penalty": 1.1,
        "loss_type": "dr_grpo", "epsilon": 0.1, "epsilon_high": 0.28, "importance_sampling_level": "sequence",
        "num_iterations": 2, "mask_truncated": True, "max_grad_norm": 0.5, "scale_rewards": "batch", "save_every": 5,
    }  # fmt: skip
    context = TrainingContext(
        Run(tmp_path / "one"), PolicyConfig.make({"grpo": changes}), ComposedReward({"table": (toy_verifier(), 1.0)}),
        Processes(), silent,
    )  # fmt: skip
    with quiet():
        arguments = GRPOConfig(**trainer_arguments(context))
    names = {
        "steps": "max_steps", "generations": "num_generations", "max_tokens": "max_completion_length",
        "tool_turns": "max_tool_calling_iterations", "mask_truncated": "mask_truncated_completions",
        "save_every": "save_steps",
    }  # fmt: skip
    given = {name: getattr(arguments, names.get(name, name)) for name in changes if name != "prompts"}
    assert given == {name: value for name, value in changes.items() if name != "prompts"}
    assert arguments.per_device_train_batch_size == 6
    assert (arguments.run_name, arguments.report_to) == ("one", [])


def test_the_defaults_are_those_of_trl_1_16(tmp_path: Path) -> None:
    reward = ComposedReward({"table": (toy_verifier(), 1.0)})
    context = TrainingContext(Run(tmp_path), PolicyConfig(), reward, Processes(), silent)
    given = trainer_arguments(context)
    assert {name: given[name] for name in PINNED} == PINNED


PINNED: dict[str, Any] = {
    "loss_type": "dapo", "epsilon": 0.2, "epsilon_high": None, "num_iterations": 1,
    "importance_sampling_level": "token", "mask_truncated_completions": False, "use_bias_correction_kl": True,
    "multi_objective_aggregation": "sum_then_normalize", "top_p": 1.0, "top_k": 0, "min_p": None,
    "repetition_penalty": 1.0, "max_grad_norm": 1.0, "weight_decay": 0.0, "optim": "adamw_torch_fused",
    "gradient_accumulation_steps": 1, "steps_per_generation": 1,
}  # fmt: skip
