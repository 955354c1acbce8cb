"""What must hold before the first GRPO step: enough questions, the columns that the reward reads, working verifiers.

`check_before_training` runs all checks but `check_answers`, which comes before SFT and in a dry run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import RewardError, TrainingError, VerifierError
from rbio_kg.training.rewards.trl import COLUMN_HINT, COLUMNS, claims_of
from rbio_kg.verifiers.base.answers import scores_of, verdict_of

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.runs.context import TrainingContext

QUERIED = 4
"""Claims of each family that every verifier is queried with before a training."""
TAKEN = ("prompts", "completions", "completion_ids", "log_extra", "log_metric", "trainer_state")
"""Names that TRL gives its reward functions itself."""


def check_before_training(context: TrainingContext, dataset: Any, functions: Sequence[Callable[..., Any]]) -> None:
    """Run all checks of this module.

    Args:
        context: of the training.
        dataset: the questions.
        functions: the reward functions that the trainer gets.

    Raises:
        TrainingError, RewardError, VerifierError: see the single checks.
    """
    check_processes(context.config, context.processes.size)
    check_enough(len(dataset), context.config)
    check_columns(dataset, context.reward)
    check_names(functions)
    check_verifiers(dataset, context.reward)


def check_processes(config: PolicyConfig, processes: int) -> None:
    """Raise TrainingError unless the completions of a step can be shared by a number of processes.

    TRL gives the reward functions of each process its share of the completions, in their order. A reward that compares
    the completions of a question (`reward.share_weight`) needs them all in one process.
    """
    completions, generations = config.grpo.completions, config.grpo.generations
    if completions % processes:
        raise TrainingError(
            f"the {completions} completions of a step (grpo.prompts x grpo.generations) cannot be shared equally by "
            f"{processes} processes",
            hint="choose a multiple, or start fewer processes",
        )
    share = completions // processes
    if config.reward.share_weight and share % generations:
        raise TrainingError(
            f"{processes} processes would split the {generations} completions of a question (each makes {share} of the "
            f"{completions} of a step), but reward.share_weight compares them with each other",
            hint="make grpo.prompts a multiple of the number of processes, or set reward.share_weight to 0",
        )


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


def check_answers(questions: QuestionSet, reward: ComposedReward) -> None:
    """Ask every verifier of a reward once, for its scores and an explanation, about some claims of every family.

    Verifiers of weight 0 are queried as well, because the training records them.

    Raises:
        VerifierError: a verifier raises, or answers with something else than probabilities and a verdict.
    """
    some = questions.frame.group_by("task", maintain_order=True).head(QUERIED)
    claims = list(dict.fromkeys(replace(questions, frame=some).claims()))
    texts = [f"{claim.subject} interacts with {claim.object}." for claim in claims]
    for name, (verifier, _) in reward.verifiers.items():
        given = texts if verifier.kind == "text" else None
        scores_of(name, verifier, claims, given)
        if claims:
            verdict_of(name, verifier, claims[0], None if given is None else given[0])


def check_verifiers(dataset: Any, reward: ComposedReward) -> None:
    """Let every claim verifier score every claim once.

    Raises:
        VerifierError: a verifier raises; the error names the first claim that it raises on.
        RewardError: all verifiers abstain on every claim.
    """
    claims = list(dict.fromkeys(claims_of(dataset)))
    priors = [0.5] * len(claims)
    try:
        scored = reward.score_completions(claims, [""] * len(claims), priors)
    except VerifierError:
        for claim in claims:
            try:
                reward.score_completions([claim], [""], [0.5])
            except VerifierError as error:
                raise VerifierError(f"{error.what}", where=str(claim), hint=error.hint) from error
        raise
    if all(item.v is None for item in scored):
        raise RewardError(
            f"no verifier can score any of the {len(claims)} train claims, so nothing would be learnt",
            hint="choose other questions, or give verifiers that know these genes a positive weight in the recipe",
        )
