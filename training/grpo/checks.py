"""What must hold before the first GRPO step: enough questions, the columns that the reward reads, working verifiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import RewardError, TrainingError, VerifierError
from rbio_kg.training.rewards.trl import COLUMN_HINT, COLUMNS, claims_of

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.rewards.composed import ComposedReward

TAKEN = ("prompts", "completions", "completion_ids", "log_extra", "log_metric", "trainer_state")
"""Names that TRL gives its reward functions itself."""


def check_enough(questions: int, config: PolicyConfig) -> None:
    """Raise TrainingError unless there are questions for one step; TRL would silently do nothing."""
    if questions < config.grpo.prompts:
        raise TrainingError(
            f"{questions} questions are fewer than the {config.grpo.prompts} of one GRPO step",
            hint="give more train questions, or lower grpo.prompts in the recipe",
        )


def check_columns(dataset: Any, reward: ComposedReward) -> None:
    """Raise RewardError unless a dataset has the columns that the reward reads, and none that TRL would overwrite."""
    needed = ("prompt", *COLUMNS, *(("gene_prior",) if reward.config.relative_to else ()))
    missing = [name for name in needed if name not in dataset.column_names]
    if missing:
        raise RewardError(f"the dataset has no column {', '.join(missing)}", hint=COLUMN_HINT)
    taken = [name for name in TAKEN if name in dataset.column_names]
    if taken:
        raise RewardError(
            f"the dataset has a column {', '.join(taken)}, a name that the trainer uses itself", hint="rename it"
        )
    if reward.config.relative_to and all(value is None for value in dataset["gene_prior"]):
        raise RewardError(
            "the reward is relative to gene_prior, and every gene_prior is missing",
            hint="use open-book prompts, or leave reward.relative_to out of the recipe",
        )


def check_names(functions: Sequence[Callable[..., Any]]) -> None:
    """Raise RewardError where two reward functions share a name; TRL would mix their figures."""
    twice = sorted(name for name, count in Counter(function.__name__ for function in functions).items() if count > 1)
    if twice:
        raise RewardError(
            f"two rewards are called {', '.join(twice)}", hint="give each reward function a __name__ of its own"
        )


def check_verifiers(dataset: Any, reward: ComposedReward) -> None:
    """Let every claim verifier judge every claim once; a claim that nobody can judge is no lesson.

    Raises:
        VerifierError: a verifier raises; the first claim that it raises on is told.
        RewardError: all verifiers abstain on every claim.
    """
    claims = list(dict.fromkeys(claims_of(dataset)))
    priors = [0.5] * len(claims)
    try:
        judged = reward.score_completions(claims, [""] * len(claims), priors)
    except VerifierError:
        for claim in claims:
            try:
                reward.score_completions([claim], [""], [0.5])
            except VerifierError as error:
                raise VerifierError(f"{error.what}", where=str(claim), hint=error.hint) from error
        raise
    if all(item.v is None for item in judged):
        raise RewardError(
            f"no verifier can judge any of the {len(claims)} train claims, so nothing would be learnt",
            hint="choose other questions, or give verifiers that know these genes a positive weight in the recipe",
        )
