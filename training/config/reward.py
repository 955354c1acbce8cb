"""The recipe's section `[reward]`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rbio_kg.training.config.questions import Family
from rbio_kg.training.config.section import Section
from rbio_kg.training.rewards.assignment import Assignment
from rbio_kg.verifiers.pooling import DEFAULT_POOLING, DEFAULT_WEIGHTS, Pooling


class RewardSettings(Section):
    """The composed reward (see `rbio_kg.training.rewards.composed.ComposedReward`)."""

    verifiers: dict[str, float] = Field(
        default_factory=lambda: dict(DEFAULT_WEIGHTS),
        description="verifier to weight; 0: recorded, not rewarded",
    )
    assignment: Assignment = Field(
        default="all", description="all: every verifier that scores a question; one_per_row: one, drawn by weight"
    )
    verifiers_by_family: dict[Family, list[str]] = Field(
        default_factory=dict, description="names of the verifiers of a family's questions; other families: all of them"
    )
    scoring: Literal["brier", "log", "linear"] = Field(
        default="brier", description="the scoring rule that rewards a stated probability"
    )
    pooling: Pooling = Field(default=DEFAULT_POOLING, description="how the scores of claim verifiers are pooled")
    relative_to: Literal["gene_prior"] | None = Field(
        default=None, description="reward the improvement over the gene's base rate"
    )
    text_weight: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="share of the reward that text verifiers decide, below 0.5; 1: all of it",
    )
    share_weight: float = Field(
        default=0.0, ge=0, lt=1, description="share that holds the share of yes of a question's completions at v"
    )
    round_to: float = Field(default=0.05, ge=0, le=0.5, description="scores are rounded to this step; 0: not")

    def options(self) -> dict[str, Any]:
        """The keyword arguments of `ComposedReward`."""
        return self.model_dump(exclude={"verifiers"})
