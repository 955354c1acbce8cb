"""A run's course: which questions the warm-up, GRPO and the examination get, and what the warm-up teaches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.special import expit

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import TrainingError
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.mixture import with_rates
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import fact_options, no_facts, shown_names
from rbio_kg.training.grpo.validation import ValidationScore
from rbio_kg.training.prompts.facts import FactBook, FactKind, Facts, FactSource
from rbio_kg.training.prompts.graph_tools import GraphTools, graph_environment
from rbio_kg.training.prompts.messages import prompt_text, rationale
from rbio_kg.training.prompts.templates import family_of
from rbio_kg.training.sft.examples import SftExample
from rbio_kg.verifiers.stats.probability import clipped_logit

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.training.rewards.composed import ComposedReward

DIGIT_SAMPLE = 500
"""Train questions whose neighbours' similarities set the thresholds of the digits."""
_READ: tuple[FactKind, ...] = ("neighbours", "rate", "link", "two_step", "terms", "estimate")
"""The told facts that targets are explained by."""


class TrainingPlan:
    """The questions of a recipe: lessons, GRPO's and the examination's."""

    def __init__(
        self,
        config: PolicyConfig,
        questions: QuestionSet,
        facts: FactSource | None,
        snapshot: Snapshot | None,
        reward: ComposedReward,
        *,
        count: Callable[[str], int] | None = None,
    ) -> None:
        asked = config.questions
        line = asked.cell_line or None
        taught, questions = questions.taught(), questions.benchmark()
        chosen = questions.select(task=asked.task)
        evaluation_rows = chosen.select(cell_line=line, split="test")
        self.config, self.facts, self.snapshot = config, facts, snapshot
        self.reward = reward
        # A line that is left out has no train rows: the policy learns from the others'.
        others = asked.split_scheme == "leave-one-line-out"
        self.train = chosen.select(cell_line=None if others else line, split="train")
        # The pair-copy baseline reads other cell lines' train rows.
        self.known = chosen.select(split="train").frame
        self.book: FactBook | None = None
        if asked.prompt == "open":
            if facts is None:
                raise no_facts()
            claims = self.train.limit(DIGIT_SAMPLE, seed=config.seed).claims()
            self.book = FactBook.fit(facts, snapshot, claims, asked.neighbours, **fact_options(asked, count))
        pairs = taught
        if pairs is None:
            pairs = (self.train.pairs if asked.paired else self.train.shuffled)(seed=config.seed)
        if self.book is None and config.reward.relative_to:
            if facts is None:
                raise no_facts(
                    "a reward relative to the gene's prior needs", "take reward.relative_to out of the recipe"
                )
            pairs, evaluation_rows = with_rates(pairs, facts), with_rates(evaluation_rows, facts)
        names = shown_names(asked, snapshot, config.seed)
        self.train, pairs, evaluation_rows = (
            replace(rows, facts=self.book, names=names) for rows in (self.train, pairs, evaluation_rows)
        )
        # The warm-up and GRPO take different pairs where there are enough.
        self.warmup_rows = pairs.limit(config.warmup.examples, keep_pairs=True)
        rest = pairs.take(list(range(len(self.warmup_rows), len(pairs))))
        self._held_out = self._kept_out(rest)
        rest = rest.take(list(range(len(rest) - len(self._held_out))))
        wanted = config.grpo.questions
        self.grpo_rows = (rest if len(rest) >= wanted else pairs).limit(wanted, keep_pairs=True)
        self.test = evaluation_rows.frame
        self.evaluation_rows = evaluation_rows.complete_genes(rows=config.evaluation.rows, seed=config.seed)
        if config.warmup.examples and len(self.warmup_rows) < config.warmup.batch_size:
            raise TrainingError(
                f"{len(self.warmup_rows)} paired train questions are fewer than one warm-up batch",
                hint="give more questions, or lower warmup.batch_size in the recipe",
            )
        if config.grpo.steps:
            from rbio_kg.training.grpo.checks import check_enough

            check_enough(len(self.grpo_rows), config)

    @property
    def taught(self) -> pl.DataFrame:
        """The questions that the policy is trained on."""
        return pl.concat([self.warmup_rows.frame, self.grpo_rows.frame]).unique(maintain_order=True)

    def environment(self, tokenizer: Any) -> Callable[[], GraphTools]:
        """The tools that GRPO's completions may call; see `graph_environment`."""
        claims = self.grpo_rows.claims()
        return graph_environment(tokenizer, self.facts, self.snapshot, claims, self.config.questions.neighbours)

    def _kept_out(self, rest: QuestionSet) -> QuestionSet:
        """The last pairs, as many as are wanted where the warm-up and GRPO leave so many."""
        spare = len(rest) - self.config.grpo.questions
        alarms = self.config.alarms
        wanted = min(alarms.held_out_questions, spare) if alarms.held_out_every else 0
        wanted = max(0, wanted - wanted % 2)
        return rest.take(list(range(len(rest) - wanted, len(rest))))

    def held_out(self) -> ValidationScore | None:
        """The held-out score; None where the recipe asks for none, or too few questions are left for it."""
        if not len(self._held_out):
            return None
        as_stated = self.config.reward.scoring != "linear"  # which pays for the answer alone
        return ValidationScore.of(self._held_out, self.config.questions, as_stated=as_stated)

    def counts(self) -> dict[str, Any]:
        """How many questions each part has."""
        return {
            "questions": {
                "warmup": len(self.warmup_rows),
                "grpo": len(self.grpo_rows),
                "held_out": len(self._held_out),
                "examination": len(self.evaluation_rows),
                "simulated": self.train.simulated,
            }
        }

    def examples(self, tokenizer: Any) -> list[SftExample]:
        """The warm-up's lessons: what the verifiers think, as far as the prompt shows why."""
        claims = self.warmup_rows.claims()
        judged = self.reward.judge(claims, [""] * len(claims), self.warmup_rows.rates())
        known = np.array([np.nan if item.target is None else item.target for item in judged])
        told = [self.book.facts(claim) for claim in claims] if self.book is not None else None
        families = np.array([family_of(claim.relation) for claim in claims])
        targets = np.full(len(claims), 0.5)
        for family in dict.fromkeys(families.tolist()):
            rows = np.flatnonzero(families == family)
            targets[rows] = visible_targets(None if told is None else [told[row] for row in rows], known[rows])
        prompts = self.warmup_rows.prompts(self.config.questions.prompt, self.config.questions.system)
        settings = self.config.warmup
        every = round(1 / settings.think_share) if settings.think_share else 0
        examples = []
        for row, (claim, messages, q) in enumerate(zip(claims, prompts, targets, strict=True)):
            thinks = every > 0 and (row // 2) % every == 0  # pairs stay alike
            think = "" if not thinks else self._rationale(row, claim)
            examples.append(SftExample(prompt_text(tokenizer, messages), think, float(q)))
        return examples

    def _rationale(self, row: int, claim: Claim) -> str:
        if self.book is None:
            return "From the names alone."
        frame = self.warmup_rows.frame
        name = frame["object_name"][row] if "object_name" in frame.columns else None
        text = rationale(claim, self.book.facts(claim), name)
        names = self.warmup_rows.names
        return text if names is None else names.in_text(text, claim, self.book)


def visible_targets(told: Sequence[Facts] | None, known: Any) -> Any:
    """The verifiers' probabilities as far as the prompt explains them, (n,), .02 to .98.

    A linear model of their log-odds on the told facts: what the prompt does not show would be noise to the learner.
    Without facts, or with too few answers to fit on, the probabilities themselves; where the verifiers are silent, 1/2.
    """
    logits = clipped_logit(known, 0.02)
    heard = ~np.isnan(logits)
    if told is not None and heard.sum() >= 100:
        from sklearn.linear_model import Ridge

        features = np.array([[value for kind in _READ for value in facts.numbers()[kind]] for facts in told])
        logits = Ridge(alpha=3.0).fit(features[heard], logits[heard]).predict(features)
    return np.clip(expit(np.nan_to_num(logits)), 0.02, 0.98)
