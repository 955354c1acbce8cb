"""What a policy reads: the facts and names of its recipe's prompts, as in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.config.recipe import PolicyConfig, QuestionSettings
from rbio_kg.training.data.name_shuffling import ShuffledNames
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.models.adapters import read_facts_settings
from rbio_kg.training.prompts.facts import FactBook, FactSource
from rbio_kg.training.prompts.parser import ParsedCompletion, parse_completion

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.graph.store.store import GraphStore
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.runs.run_folder import Run


@dataclass(frozen=True)
class EvaluationInputs:
    """What an evaluation of a policy reads besides the policy and its questions.

    Args:
        train: train questions, for the baselines.
        reward: gives the mean reward and says which answers are well formed; None: not measured.
        facts: knows the train knockdowns; only needed for open-book prompts.
        snapshot: the graph, for the open book, shuffled names and statements.
        knockdowns: the graph's KNOCKDOWN_CHANGES, to be audited.
        store: the graph database, to be audited.
    """

    train: pl.DataFrame
    reward: ComposedReward | None = None
    facts: FactSource | None = None
    snapshot: Snapshot | None = None
    knockdowns: pl.DataFrame | None = None
    store: GraphStore | None = None


def parsed_answer(text: str, reward: ComposedReward | None) -> ParsedCompletion:
    """The parts of a completion in the format that the reward accepts; without a reward a confidence is needed."""
    return parse_completion(text, require_confidence=True if reward is None else reward.require_confidence)


def no_facts(what: str = "open-book prompts need", instead: str = "") -> TrainingError:
    """The error where no source knows the train knockdowns."""
    return TrainingError(
        f"{what} a fitted expression verifier",
        hint=f"run rbio-kg train expression, or {instead or 'set questions.prompt to closed in the recipe'}",
    )


def fact_options(prompts: QuestionSettings, count: Callable[[str], int] | None) -> dict[str, Any]:
    """How a recipe's prompts show facts, as arguments of `FactBook`; `count` counts the tokens of the budget."""
    return {"kinds": prompts.facts, "budget": prompts.budget, "count": count}


def token_counter(model: str, prompts: QuestionSettings) -> Callable[[str], int] | None:
    """Counts a text's tokens as the model's tokenizer makes them; None where no budget asks for it."""
    if prompts.budget is None:
        return None
    from rbio_kg.training.models.loading import load_tokenizer

    tokenizer = load_tokenizer(model)
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])


def shown_names(prompts: QuestionSettings, snapshot: Snapshot | None, seed: int) -> ShuffledNames | None:
    """Other genes' names where the recipe asks for them."""
    if not prompts.shuffle_names:
        return None
    if snapshot is None:
        raise TrainingError("names are shuffled among the graph's genes", hint="run rbio-kg build")
    return ShuffledNames(snapshot.genes.keys, seed)


def as_trained(
    questions: QuestionSet,
    run: Run,
    config: PolicyConfig,
    base: str,
    *,
    facts: FactSource | None,
    snapshot: Snapshot | None,
) -> QuestionSet:
    """The questions with the open book and the names that a run's recipe asks with.

    Args:
        questions: that the policy answers.
        run, config: the run and its recipe.
        base: where the untrained model is, as `prepare_model` gave it.
        facts: who knows the train knockdowns; only needed for open-book prompts.
        snapshot: the graph.

    Raises:
        TrainingError: the recipe's prompts need facts or a graph that is not given.
        ModelError: the run does not say how its facts are shown.
    """
    prompts = config.questions
    if prompts.prompt == "open":
        if facts is None:
            raise no_facts()
        thresholds, neighbours = read_facts_settings(run.model)
        options = fact_options(prompts, token_counter(base, prompts))
        questions = questions.with_facts(FactBook(facts, snapshot, thresholds, neighbours, **options))
    return replace(questions, names=shown_names(prompts, snapshot, config.seed))
