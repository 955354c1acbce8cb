"""What every stage of one training shares."""

from __future__ import annotations

from dataclasses import dataclass

from rbio_kg.core.progress import Progress
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.run_folder import Run


@dataclass(frozen=True)
class TrainingContext:
    """One training of a policy.

    Args:
        run: its folder; gets the log, the rollouts, the checkpoints and the models.
        config: the recipe.
        reward: scores completions.
        processes: this process among those of the training.
        progress: called with a message and the share done, or None where the share is not known.
        resume: go on from the newest complete checkpoint.
        stop_on_alarm: end GRPO at the first alarm, with a checkpoint.
        report_to: experiment tracker of the trainers (see `rbio_kg.training.runs.trackers`); `none`: only the log.
    """

    run: Run
    config: PolicyConfig
    reward: ComposedReward
    processes: Processes
    progress: Progress
    resume: bool = False
    stop_on_alarm: bool = False
    report_to: str = "none"
