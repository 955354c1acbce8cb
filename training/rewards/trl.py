"""The callables that TRL takes: the main reward and its parts, sharing one judgement of each batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError
from rbio_kg.training.prompts.parser import Completion
from rbio_kg.training.rewards.answer_rate import SHARE
from rbio_kg.training.rewards.result import ScoredCompletion
from rbio_kg.verifiers.base.verifier import Verifier

if TYPE_CHECKING:
    from rbio_kg.training.rewards.composed import ComposedReward

Weighted = tuple[Verifier, float]
MAIN = "composed_reward"
RESERVED = (MAIN, "answer", "format", "reward", SHARE)
COLUMNS = ("subject", "relation", "object", "cell_line")
COLUMN_HINT = "make the dataset with rbio_kg.training.data.question_set.QuestionSet.to_dataset, or add the columns"


def part_of(key: str) -> str | None:
    """The part of the reward whose mean a key of the trainer's log tells; None for other keys and the whole reward."""
    name = key.removeprefix("rewards/").removesuffix("/mean")
    return name if key == f"rewards/{name}/mean" and name != MAIN else None


def claims_of(columns: Mapping[str, Any]) -> list[Claim]:
    """What each row of a batch asks about."""
    return [Claim(*row) for row in zip(*(columns[name] for name in COLUMNS), strict=True)]


def named_verifiers(verifiers: Mapping[str, Weighted] | Iterable[Weighted]) -> dict[str, Weighted]:
    """Verifiers and their weights by the names under which the trainer logs them.

    Raises:
        RewardError: two of one name, a name that the reward uses itself, no verifier, or a weight that is none.
    """
    pairs = verifiers.items() if isinstance(verifiers, Mapping) else ((pair[0].name, pair) for pair in verifiers)
    named: dict[str, Weighted] = {}
    for name, (verifier, weight) in pairs:
        if name in named:
            raise RewardError(f"two verifiers are called {name!r}", hint="give them names of their own in a mapping")
        if name in RESERVED:
            raise RewardError(f"a verifier cannot be called {name!r}: the reward logs under that name")
        if not isinstance(verifier, Verifier):
            raise RewardError(
                f"{name!r} is a {type(verifier).__name__}, not a rbio_kg.verifiers.base.verifier.Verifier"
            )
        if not isinstance(weight, int | float) or not (math.isfinite(weight) and weight >= 0):
            raise RewardError(f"the weight of {name} must be a number >= 0, not {weight}")
        named[name] = (verifier, float(weight))
    return named


class RewardFunction:
    """One callable for TRL: the main reward or one part. All functions of a reward share each batch's judgements."""

    def __init__(self, reward: ComposedReward, name: str) -> None:
        self.reward = reward
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<reward function {self.__name__}>"

    def __call__(
        self,
        prompts: Sequence[Completion],
        completions: Sequence[Completion],
        completion_ids: object = None,
        **columns: Any,
    ) -> list[float | None]:
        """One value a completion, 0 to 1, or None where nobody judged what is paid for.

        Args:
            prompts: what the policy read, plain or conversational, (n,).
            completions: what it wrote, (n,).
            completion_ids: not used.
            columns: the dataset's columns, each (n,); `subject, relation, object, cell_line` are read, and
                `gene_prior` where it is there. TRL's `log_extra` and `log_metric` are used where they are given.

        Raises:
            RewardError: a column is missing.
        """
        needed = COLUMNS + (("gene_prior",) if self.reward.relative_to else ())
        missing = [name for name in needed if name not in columns]
        if missing:
            raise RewardError(f"the dataset has no column {', '.join(missing)}", hint=COLUMN_HINT)
        claims = claims_of(columns)
        scored = self.reward.judge(claims, completions, columns.get("gene_prior"), prompts, grouped=True)
        if self.__name__ != MAIN:
            # A part without a reward beside it would make TRL count the missing reward as 0.
            return [None if item.reward is None else item.parts[self.__name__] for item in scored]
        _record(scored, columns.get("log_extra"), columns.get("log_metric"))
        return [item.reward for item in scored]


def _record(
    scored: list[ScoredCompletion],
    log_extra: Callable[[str, list[Any]], None] | None,
    log_metric: Callable[[str, float], None] | None,
) -> None:
    """Columns of TRL's completions table and scalar metrics; once a batch, from the main reward."""
    if log_extra is not None and scored:
        for field in ("answer", "confidence", "q", "v", "target"):
            log_extra(field if field != "answer" else "stated_answer", [getattr(item, field) for item in scored])
        log_extra("problem", [item.parsed.problem for item in scored])
        for name in scored[0].scores:
            log_extra(f"verdict_{name}", [item.scores[name] for item in scored])
    if log_metric is not None and scored:
        log_metric("unparsed", sum(item.answer is None for item in scored) / len(scored))
        log_metric("unjudged", float(sum(item.reward is None for item in scored)))
        for name in scored[0].scores:
            log_metric(f"abstained/{name}", float(sum(item.scores[name] is None for item in scored)))
        skills = [item.skill for item in scored if item.skill is not None]
        if skills:
            log_metric("skill", sum(skills) / len(skills))
