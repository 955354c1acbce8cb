"""Settings of TRL's trainer for one or two quick steps on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rbio_kg.training.rewards.composed import ComposedReward


def quick_settings(reward: ComposedReward, folder: Path, **changes: Any) -> Any:
    """A `GRPOConfig` with the weights of the reward, which logs each step and saves nothing."""
    from trl import GRPOConfig

    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "scale_rewards": "none",
        "reward_weights": reward.weights,
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
    }
    return GRPOConfig(**{**settings, **changes})
