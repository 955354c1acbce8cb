"""The data split of a training: which questions go to SFT, GRPO, validation and evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.mixture import with_rates
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import fact_options, no_facts, shown_names
from rbio_kg.training.grpo.checks import check_enough
from rbio_kg.training.grpo.validation import ValidationScore
from rbio_kg.training.prompts.facts import FactBook, FactSource
from rbio_kg.training.prompts.graph_tools import GraphTools, graph_environment

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot.snapshot import Snapshot

DIGIT_SAMPLE = 500
"""Train questions whose neighbours' similarities set the thresholds of the similarity digits."""


@dataclass(frozen=True)
class TrainingPlan:
    """The questions of one training, by use.

    SFT, GRPO and validation rows come from the train split in pairs of one gene. Validation rows are in neither of the
    others. Evaluation rows come from the test split.

    Args:
        config: the recipe.
        sft_rows: what SFT trains on, in order.
        grpo_rows: what GRPO trains on, in order. Where the train rows are too few, they overlap with `sft_rows`.
        validation_rows: train rows for the validation score during GRPO; may be empty.
        evaluation_rows: all test rows of the drawn genes, evaluated before and after each stage.
        test_rows: all test rows of the recipe's task and cell line; the audit for leakage reads them.
        baseline_rows: train rows of the task in all cell lines, from which the baselines are computed.
        simulated: whether any train label comes from a model instead of a laboratory.
        facts: knowledge source of the open-book facts.
        snapshot: the graph.
    """

    config: PolicyConfig
    sft_rows: QuestionSet
    grpo_rows: QuestionSet
    validation_rows: QuestionSet
    evaluation_rows: QuestionSet
    test_rows: pl.DataFrame
    baseline_rows: pl.DataFrame
    simulated: bool
    facts: FactSource | None
    snapshot: Snapshot | None

    @property
    def book(self) -> FactBook | None:
        """The facts of the open-book prompts; None where prompts show none."""
        book = self.sft_rows.facts
        return book if isinstance(book, FactBook) else None

    @property
    def trained_rows(self) -> pl.DataFrame:
        """The questions of SFT and GRPO, each once."""
        return pl.concat([self.sft_rows.frame, self.grpo_rows.frame]).unique(maintain_order=True)

    def environment(self, tokenizer: Any) -> Callable[[], GraphTools]:
        """The tools that GRPO's completions may call; see `graph_environment`."""
        claims = self.grpo_rows.claims()
        return graph_environment(tokenizer, self.facts, self.snapshot, claims, self.config.questions.neighbours)

    def validation(self) -> ValidationScore | None:
        """The validation score; None where there are no validation rows."""
        if not len(self.validation_rows):
            return None
        as_stated = self.config.reward.scoring != "linear"  # the linear rule rewards the answer alone
        return ValidationScore.of(self.validation_rows, self.config.questions, as_stated=as_stated)

    def counts(self) -> dict[str, Any]:
        """The number of questions by use, and whether their labels are simulated."""
        return {
            "warmup": len(self.sft_rows),
            "grpo": len(self.grpo_rows),
            "held_out": len(self.validation_rows),
            "evaluation": len(self.evaluation_rows),
            "simulated": self.simulated,
        }


@dataclass(frozen=True, slots=True)
class TrainPositions:
    """Positions in the ordered train rows, by use."""

    sft: range
    grpo: range
    validation: range


def split_positions(rows: int, config: PolicyConfig) -> TrainPositions:
    """Divide ordered train rows among SFT (from the start), validation (from the end) and GRPO (between them).

    All counts are even, so that pairs stay together. GRPO has priority over validation. Where too few rows are left for
    GRPO, it starts at the first row again, and there are no validation rows.

    Args:
        rows: how many train rows there are.
        config: the recipe.
    """
    sft = range(min(_even(config.warmup.examples), rows))
    rest = rows - len(sft)
    spare = max(0, rest - config.grpo.questions)
    alarms = config.alarms
    kept = _even(min(alarms.held_out_questions, spare)) if alarms.held_out_every else 0
    start = len(sft) if rest - kept >= config.grpo.questions else 0
    grpo = range(start, min(start + _even(config.grpo.questions), rows))
    found = TrainPositions(sft, grpo, range(rows - kept, rows))
    assert not set(found.validation) & {*found.sft, *found.grpo}
    return found


def make_plan(
    config: PolicyConfig,
    questions: QuestionSet,
    facts: FactSource | None,
    snapshot: Snapshot | None,
    *,
    count_tokens: Callable[[str], int] | None = None,
) -> TrainingPlan:
    """Divide a recipe's questions. The same recipe and questions give the same plan.

    Args:
        config: the recipe.
        questions: train and test questions (see `rbio_kg.training.data.mixture.question_pool`).
        facts: knowledge source of open-book facts and base rates; None where the recipe needs neither.
        snapshot: the graph; None where neither facts nor names need it.
        count_tokens: counts tokens for a budget of facts (see `token_counter`).

    Raises:
        TrainingError: the recipe needs facts or a graph that is not given, or there are too few questions.
        EvaluationError: no question is left, or no gene of the test split has both labels.
    """
    section, seed = config.questions, config.seed
    cell_line = section.cell_line or None
    pool, benchmark = questions.training_rows(), questions.benchmark()
    task_rows = benchmark.select(task=section.task)
    test = task_rows.select(cell_line=cell_line, split="test")
    # A line that is left out has no train rows: the policy trains on the other lines.
    train_line = None if section.split_scheme == "leave-one-line-out" else cell_line
    train = task_rows.select(cell_line=train_line, split="train")
    book = None
    if section.prompt == "open":
        if facts is None:
            raise no_facts()
        sample = train.limit(DIGIT_SAMPLE, seed=seed).claims()
        book = FactBook.fit(facts, snapshot, sample, section.neighbours, **fact_options(section, count_tokens))
    ordered = pool if pool is not None else train.pairs(seed=seed) if section.paired else train.shuffled(seed=seed)
    if book is None and config.reward.relative_to:
        if facts is None:
            raise no_facts("a reward relative to the gene's prior needs", "take reward.relative_to out of the recipe")
        ordered, test = with_rates(ordered, facts), with_rates(test, facts)
    names = shown_names(section, snapshot, seed)
    ordered, test = (replace(rows, facts=book, names=names) for rows in (ordered, test))
    positions = split_positions(len(ordered), config)
    plan = TrainingPlan(
        config=config,
        sft_rows=ordered.take([*positions.sft]),
        grpo_rows=ordered.take([*positions.grpo]),
        validation_rows=ordered.take([*positions.validation]),
        evaluation_rows=test.complete_genes(rows=config.evaluation.rows, seed=seed),
        test_rows=test.frame,
        # The pair-copy baseline reads the train rows of other cell lines.
        baseline_rows=task_rows.select(split="train").frame,
        simulated=train.simulated,
        facts=facts,
        snapshot=snapshot,
    )
    if config.warmup.examples and len(plan.sft_rows) < config.warmup.batch_size:
        raise TrainingError(
            f"{len(plan.sft_rows)} paired train questions are fewer than one SFT batch",
            hint="give more questions, or lower warmup.batch_size in the recipe",
        )
    if config.grpo.steps:
        check_enough(len(plan.grpo_rows), config)
    return plan


def _even(count: int) -> int:
    return count - count % 2
