"""What a reward says about completions, part by part, and which parts carry a training signal at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rbio_kg.core.claims import Claim
from rbio_kg.training.prompts.parser import ParsedCompletion


@dataclass(frozen=True)
class ScoredCompletion:
    """One completion and its reward.

    Args:
        claim: the claim of the question.
        text: the completion.
        parsed: its parts.
        reward: what the trainer gets, 0 to 1; None where no verifier that decides the reward scored it.
        parts: rewards by part, 0 to 1, None where the part has no value. There is one for each claim verifier (the
            reward of the answer if that verifier were alone), one for each text verifier (its score of the reasoning),
            `answer` (the reward of the answer by the pooled probability) and `format` (1 parsed, 0 not).
        scores: each verifier's own score, None where it abstains (text verifiers: of this completion's reasoning).
        v: pooled probability that the claim holds; None where all claim verifiers abstain.
        target: the probability with the best reward: v, or v compared with the gene's base rate (`relative_to`).
        gene_prior: base rate of the claim's relation for its object among training knockdowns, where it was given.
        skill: reward of the answer less the reward of stating `gene_prior`, both by v; None where either is missing.
    """

    claim: Claim
    text: str
    parsed: ParsedCompletion
    reward: float | None
    parts: Mapping[str, float | None]
    scores: Mapping[str, float | None]
    v: float | None
    target: float | None
    gene_prior: float | None = None
    skill: float | None = None

    @property
    def answer(self) -> str | None:
        """Yes, no, or None when unparsed."""
        return self.parsed.answer

    @property
    def confidence(self) -> float | None:
        """Stated confidence in the answer."""
        return self.parsed.confidence

    @property
    def q(self) -> float | None:
        """Stated probability that the claim holds."""
        return self.parsed.q

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values, without the texts."""
        return {
            "claim": self.claim.id,
            "answer": self.answer,
            "confidence": self.confidence,
            "q": self.q,
            "problem": self.parsed.problem,
            "reward": self.reward,
            "parts": dict(self.parts),
            "scores": dict(self.scores),
            "v": self.v,
            "target": self.target,
            "gene_prior": self.gene_prior,
            "skill": self.skill,
        }


@dataclass(frozen=True)
class ScoredBatch:
    """All completions of one batch of a trainer, in its order; reward functions and the rollout recorder read it."""

    completions: tuple[ScoredCompletion, ...]

    def rewards(self) -> list[float | None]:
        """The main reward of each completion."""
        return [completion.reward for completion in self.completions]

    def part(self, name: str) -> list[float | None]:
        """One part of each completion's reward.

        It is None where the main reward is None. Otherwise TRL would count the missing reward as 0.
        """
        return [None if item.reward is None else item.parts[name] for item in self.completions]


def variance_report(groups: Sequence[Sequence[ScoredCompletion]]) -> list[dict[str, Any]]:
    """Which parts differ between completions of one prompt. A part that never does gives GRPO no signal.

    Args:
        groups: the scored completions of each prompt.

    Returns:
        One row for each part, `reward` first: `name`, `constant_in_group` (it differs inside no group),
        `varying_groups` (share of groups of two or more in which it differs, 0 to 1, None without such a group) and
        `scored` (share of completions for which the part has a value).
    """
    names = dict.fromkeys(name for group in groups for completion in group for name in completion.parts)
    rows = []
    for name in ("reward", *names):
        values = [[_value(completion, name) for completion in group] for group in groups]
        varies = [len(set(group)) > 1 for group in values if len(group) > 1]
        scored = [value is not None for group in values for value in group]
        rows.append(
            {
                "name": name,
                "constant_in_group": not any(varies),
                "varying_groups": sum(varies) / len(varies) if varies else None,
                "scored": sum(scored) / len(scored) if scored else 0.0,
            }
        )
    return rows


def _value(completion: ScoredCompletion, name: str) -> float | None:
    return completion.reward if name == "reward" else completion.parts.get(name)
