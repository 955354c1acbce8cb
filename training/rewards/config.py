"""Settings of the composed reward, checked where they do not depend on the verifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rbio_kg.core.errors import RewardError
from rbio_kg.training.rewards.assignment import Assignment
from rbio_kg.verifiers.pooling import DEFAULT_POOLING, Pooling
from rbio_kg.verifiers.scoring_rules import Scoring


@dataclass(frozen=True)
class RewardConfig:
    """How scores of verifiers become a reward.

    Args:
        scoring: `brier`, `log` (both proper) or `linear` (the confidence is ignored).
        pooling: `mean` or `log_odds`.
        relative_to: None, or `gene_prior`: the target is v compared with the gene's base rate.
        text_weight: T, the share of the reward that text verifiers decide, 0 to less than 0.5, so that no text can make
            up for a clearly wrong answer. It must be 1 where only text verifiers have a weight, and only there.
        share_weight: w, the share of the reward, 0 to less than 1, that depends on the share of yes in a group (see
            `rbio_kg.training.rewards.answer_rate`). It needs complete groups.
        round_to: verifiers' scores are rounded to this step before the rule; 0 to 0.5, 0 rounds nothing.
        require_confidence: whether an answer without a confidence is unparsed; None: unless the rule is linear.
        assignment: which verifiers score a question: `all`, or `one_per_row`.
        verifiers_by_family: names of the verifiers of a family of questions; for other families all of them.

    Raises:
        RewardError: a setting is unknown or out of range.
    """

    scoring: Scoring | str = "brier"
    pooling: Pooling = DEFAULT_POOLING
    relative_to: str | None = None
    text_weight: float = 0.1
    share_weight: float = 0.0
    round_to: float = 0.05
    require_confidence: bool | None = None
    assignment: Assignment = "all"
    verifiers_by_family: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pooling not in ("mean", "log_odds"):
            raise RewardError(f"unknown pooling {self.pooling!r}", hint="known: mean, log_odds")
        if self.relative_to not in (None, "gene_prior"):
            raise RewardError(f"a reward cannot be relative to {self.relative_to!r}", hint="known: gene_prior")
        if not 0.0 <= self.share_weight < 1.0:
            raise RewardError(f"share_weight must be at least 0 and below 1, not {self.share_weight}")
        if not 0.0 <= self.round_to <= 0.5:
            raise RewardError(f"round_to must lie between 0 and 0.5, not {self.round_to}")

    @property
    def needs_confidence(self) -> bool:
        """Whether an answer without a confidence is unparsed."""
        return self.scoring != "linear" if self.require_confidence is None else self.require_confidence

    def to_json(self) -> dict[str, Any]:
        """The settings as plain JSON values, for manifests."""
        return {
            "scoring": self.scoring,
            "pooling": self.pooling,
            "relative_to": self.relative_to,
            "text_weight": self.text_weight,
            "share_weight": self.share_weight,
            "round_to": self.round_to,
            "require_confidence": self.needs_confidence,
            "assignment": self.assignment,
            "verifiers_by_family": {family: list(names) for family, names in self.verifiers_by_family.items()},
        }
