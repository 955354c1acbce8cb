"""What a reward thought of one completion, part by part, and which parts can teach anything at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rbio_kg.core.claims import Claim
from rbio_kg.training.prompts.parser import ParsedCompletion


@dataclass(frozen=True)
class ScoredCompletion:
    """One completion, judged.

    Args:
        claim: what the question asked about.
        text: the completion.
        parsed: what it says.
        reward: what the trainer gets, 0 to 1; None where nobody judged what is paid for.
        parts: pay by part, 0 to 1, None where the part does not speak: one per claim verifier (the pay for the answer
            if that verifier were alone), one per text verifier (its score of the reasoning), `answer` (the pay for
            the answer by the pooled probability) and `format` (1 parsed, 0 not).
        scores: each verifier's own score, None where it abstains (text verifiers: of this completion's reasoning).
        v: pooled probability that the claim holds; None where no claim verifier spoke.
        target: the probability that was paid for: v, or v beyond the gene's habit where the reward is relative to it.
        gene_prior: how often the claim's relation holds of its object among training knockdowns, where it was given.
        skill: pay of the answer less the pay of stating `gene_prior`, both by v; None where either is missing.
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
        """The judgement as plain JSON values, without the texts."""
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


def variance_report(groups: Sequence[Sequence[ScoredCompletion]]) -> list[dict[str, Any]]:
    """Which parts differ between completions of one prompt. A part that never does teaches GRPO nothing.

    Args:
        groups: the judgements of each prompt's completions.

    Returns:
        One row a part, `reward` first: `name`, `constant_in_group` (it differs inside no group), `varying_groups`
        (share of groups of two or more in which it differs, 0 to 1, None without such a group) and `spoke` (share of
        completions about which the part said something).
    """
    scored = [scored for group in groups for scored in group]
    names = dict.fromkeys(name for scored in scored for name in scored.parts)
    rows = []
    for name in ("reward", *names):
        values = [[_value(scored, name) for scored in group] for group in groups]
        varies = [len(set(group)) > 1 for group in values if len(group) > 1]
        spoke = [value is not None for group in values for value in group]
        rows.append(
            {
                "name": name,
                "constant_in_group": not any(varies),
                "varying_groups": sum(varies) / len(varies) if varies else None,
                "spoke": sum(spoke) / len(spoke) if spoke else 0.0,
            }
        )
    return rows


def _value(scored: ScoredCompletion, name: str) -> float | None:
    return scored.reward if name == "reward" else scored.parts.get(name)
