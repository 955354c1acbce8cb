"""The recipe's section `[grpo]`. It names the settings of TRL's trainer whose defaults changed between releases."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rbio_kg.training.config.section import Section
from rbio_kg.training.prompts.graph_tools import CALLS


class GrpoSettings(Section):
    """GRPO with the composed reward. Defaults of the loss and of the sampling are those of TRL 1.16."""

    steps: int = Field(default=6, ge=0, description="optimiser steps; 0: no GRPO")
    minutes: float | None = Field(
        default=None, gt=0, description="time limit: the step in which it runs out is the last"
    )
    prompts: int = Field(default=4, ge=1, description="questions a step")
    generations: int = Field(default=4, ge=2, description="completions a question")
    questions: int = Field(default=256, ge=2, description="train questions drawn from, in pairs of one gene")
    learning_rate: float = Field(
        default=5e-4, gt=0, le=0.1, description="constant; 1e-3 collapsed in trials, full training: about 1e-5"
    )
    max_grad_norm: float = Field(default=1.0, gt=0, description="gradients are clipped to this norm")
    rank: int = Field(default=16, ge=1, description="LoRA rank, on the query and value projections")
    top_layers: int | None = Field(
        default=15, ge=1, description="number of last layers with LoRA; all where the model has fewer"
    )
    beta: float = Field(default=0.02, ge=0, description="weight of the divergence from the model after SFT")
    loss_type: Literal["dapo", "grpo", "dr_grpo", "bnpo", "cispo", "sapo"] = Field(
        default="dapo", description="how TRL averages the loss over tokens and completions"
    )
    epsilon: float = Field(default=0.2, gt=0, lt=1, description="lower clipping range of the probability ratio")
    epsilon_high: float | None = Field(default=None, gt=0, description="upper clipping range; absent: epsilon")
    importance_sampling_level: Literal["token", "sequence"] = Field(
        default="token", description="probability ratios per token, or one per completion"
    )
    num_iterations: int = Field(default=1, ge=1, description="optimiser steps on each batch of completions")
    mask_truncated: bool = Field(default=False, description="leave completions that reach max_tokens out of the loss")
    scale_rewards: Literal["none", "group", "batch"] = Field(
        default="none", description="none: rewards as they are; group scaling drives calibrated answers to 0 or 1"
    )
    max_tokens: int = Field(default=48, ge=4, description="longest completion")
    temperature: float = Field(default=1.0, gt=0, description="of the sampled completions")
    top_p: float = Field(
        default=1.0, gt=0, le=1, description="sample from the fewest tokens that have this share of the probability"
    )
    top_k: int = Field(default=0, ge=0, description="sample from this number of the most probable tokens; 0: all")
    min_p: float | None = Field(
        default=None, ge=0, le=1, description="sample tokens with at least this share of the largest probability"
    )
    repetition_penalty: float = Field(default=1.0, gt=0, description="of repeated tokens; 1: none")
    tool_turns: int = Field(default=CALLS, ge=1, description="turns in which tools may be called, with prompt = tools")
    save_every: int = Field(default=2, ge=1, description="steps between checkpoints")
    explained: int = Field(default=4, ge=0, description="completions a step that are stored with cited evidence")

    @property
    def completions(self) -> int:
        """Completions of a step, over all processes."""
        return self.prompts * self.generations
