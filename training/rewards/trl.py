"""The callables that TRL takes: the main reward and its parts. They share one scoring of each batch."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RewardError
from rbio_kg.training.prompts.parser import Completion, completion_text
from rbio_kg.training.rewards.answer_rate import LEAST_GROUP, SHARE, group_sizes
from rbio_kg.training.rewards.result import ScoredBatch, ScoredCompletion
from rbio_kg.verifiers.base.verifier import Verifier

Weighted = tuple[Verifier, float]
MAIN = "composed_reward"
RESERVED = (MAIN, "answer", "format", "reward", SHARE)
COLUMNS = ("subject", "relation", "object", "cell_line")
COLUMN_HINT = "make the dataset with rbio_kg.training.data.question_set.QuestionSet.to_dataset, or add the columns"


def part_of(key: str) -> str | None:
    """The part of the reward whose mean a key of the trainer's log holds; None for other keys and the main reward."""
    name = key.removeprefix("rewards/").removesuffix("/mean")
    return name if key == f"rewards/{name}/mean" and name != MAIN else None


def claims_of(columns: Mapping[str, Any]) -> list[Claim]:
    """The claim of each row of a batch."""
    return [Claim(*row) for row in zip(*(columns[name] for name in COLUMNS), strict=True)]


def named_verifiers(verifiers: Mapping[str, Weighted] | Iterable[Weighted]) -> dict[str, Weighted]:
    """Verifiers and their weights by the names under which the trainer logs them.

    Raises:
        RewardError: two of one name, a name that the reward uses itself, no verifier, or an invalid weight.
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


@dataclass(frozen=True, eq=False)
class TrainerBatch:
    """One batch as a trainer gives it to reward functions.

    Args:
        prompts: what the policy read, plain or conversational, (n,).
        completions: what it wrote, (n,).
        claims: the columns `COLUMNS` of the dataset, each (n,).
        gene_prior: base rates of the claims, (n,), where the dataset has them.
    """

    prompts: tuple[Completion, ...]
    completions: tuple[Completion, ...]
    claims: tuple[tuple[Any, ...], ...]
    gene_prior: tuple[float | None, ...] | None

    @classmethod
    def from_columns(
        cls, prompts: Sequence[Completion], completions: Sequence[Completion], columns: Mapping[str, Any]
    ) -> TrainerBatch:
        """The batch of one call; `columns` holds the dataset's columns, and may hold more.

        Raises:
            RewardError: a column is missing.
        """
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            raise RewardError(f"the dataset has no column {', '.join(missing)}", hint=COLUMN_HINT)
        prior = columns.get("gene_prior")
        claims = tuple(tuple(columns[name]) for name in COLUMNS)
        return cls(tuple(prompts), tuple(completions), claims, None if prior is None else tuple(prior))

    def is_same_as(self, other: TrainerBatch) -> bool:
        """Whether both hold the same objects, as when a trainer calls one reward function after the other."""
        mine, others = self._columns(), other._columns()
        return len(mine) == len(others) and all(
            len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))
            for a, b in zip(mine, others, strict=True)
        )

    def _columns(self) -> list[tuple[Any, ...]]:
        return [self.prompts, self.completions, *self.claims, *(() if self.gene_prior is None else (self.gene_prior,))]


class BatchScorer:
    """Scores each batch of a trainer once, for all reward functions of one reward.

    Args:
        score: scores completions in groups: claims, completions, gene priors, prompts to scored completions.
        complete_groups: whether the reward has a group term, which needs all completions of a question together.
    """

    def __init__(self, score: Callable[..., list[ScoredCompletion]], *, complete_groups: bool) -> None:
        self._score = score
        self.complete_groups = complete_groups
        self._latest: tuple[TrainerBatch, ScoredBatch] | None = None
        self._warned = False

    def __call__(
        self, prompts: Sequence[Completion], completions: Sequence[Completion], columns: Mapping[str, Any]
    ) -> ScoredBatch:
        """The scored completions of a batch.

        Raises:
            RewardError: a column is missing, or the reward needs complete groups and a group is not complete.
            VerifierError: a verifier raised, or returned something that is not a probability.
        """
        batch = TrainerBatch.from_columns(prompts, completions, columns)
        if self._latest is None or not self._latest[0].is_same_as(batch):
            if self.complete_groups:
                check_groups(prompts)
            claims = claims_of(dict(zip(COLUMNS, batch.claims, strict=True)))
            scored = self._score(claims, batch.completions, batch.gene_prior, batch.prompts)
            self._latest = (batch, ScoredBatch(tuple(scored)))
            self._warn_if_unreadable(scored)
        return self._latest[1]

    def _warn_if_unreadable(self, scored: Sequence[ScoredCompletion]) -> None:
        """Warn, once, where none of a step's completions can be read: all rewards are equal and nothing is learned."""
        if self._warned or len(scored) < LEAST_GROUP or any(item.parsed.problem is None for item in scored):
            return
        self._warned = True
        logging.getLogger("rbio_kg").warning(
            "none of the %d completions of this step can be read (the first: %s; %r). All rewards are 0, so the model "
            "learns nothing. Train it on the format first (rbio-kg train policy does, then rbio-kg export-model RUN "
            '--merge), or give an instruct model the format: to_dataset(system="default").',
            len(scored),
            scored[0].parsed.problem,
            scored[0].text[:80],
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_latest": None}


def check_groups(prompts: Sequence[Completion]) -> None:
    """Raise RewardError where the completions of a question are visibly not all in the batch.

    A trainer calls reward functions on the completions of its own process. Where a group is split over processes, its
    pieces are too small, or of different sizes. Pieces of equal size of at least `LEAST_GROUP` cannot be recognised
    here.
    """
    sizes = group_sizes([completion_text(prompt) for prompt in prompts])
    least = min(sizes, default=LEAST_GROUP)
    if least >= LEAST_GROUP and all(size % least == 0 for size in sizes):
        return
    raise RewardError(
        f"share_weight needs all completions of a question together, and the reward was given groups of {sizes}",
        hint=f"generate at least {LEAST_GROUP} completions per question and keep them in one process, "
        "or set share_weight to 0",
    )


class RewardFunction:
    """One callable for TRL: the main reward or one part. All functions of a reward share one scoring of each batch."""

    def __init__(self, scorer: BatchScorer, name: str) -> None:
        self.scorer = scorer
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
        """One value for each completion, 0 to 1, or None where no verifier that decides the reward scored it.

        Args:
            prompts: what the policy read, plain or conversational, (n,).
            completions: what it wrote, (n,).
            completion_ids: not used.
            columns: the dataset's columns, each (n,). `subject, relation, object, cell_line` are read, and `gene_prior`
                where it exists. TRL's `log_extra` and `log_metric` are used where they are given.

        Raises:
            RewardError: a column is missing, or a group is not complete (see `BatchScorer`).
        """
        batch = self.scorer(prompts, completions, columns)
        if self.__name__ != MAIN:
            return batch.part(self.__name__)
        _record(batch.completions, columns.get("log_extra"), columns.get("log_metric"))
        return batch.rewards()


def _record(
    scored: Sequence[ScoredCompletion],
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
        log_metric("unscored", float(sum(item.reward is None for item in scored)))
        for name in scored[0].scores:
            log_metric(f"abstained/{name}", float(sum(item.scores[name] is None for item in scored)))
        skills = [item.skill for item in scored if item.skill is not None]
        if skills:
            log_metric("skill", sum(skills) / len(skills))
