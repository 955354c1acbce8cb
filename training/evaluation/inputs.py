"""What a policy reads: the facts and names of its recipe's prompts, as in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.config.recipe import PolicyConfig, QuestionSettings
from rbio_kg.training.data.name_shuffling import ShuffledNames
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.models.adapters import read_facts_settings
from rbio_kg.training.prompts.facts import FactBook, FactSource

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.training.runs.run_folder import Run


def no_facts(what: str = "open-book prompts need", instead: str = "") -> TrainingError:
    """What is raised where nobody knows the train knockdowns."""
    return TrainingError(
        f"{what} a fitted expression verifier",
        hint=f"run rbio-kg train expression, or {instead or 'set questions.prompt to closed in the recipe'}",
    )


def fact_options(asked: QuestionSettings, count: Callable[[str], int] | None) -> dict[str, Any]:
    """How a recipe's open book tells its facts, as arguments of `FactBook`; `count` counts the tokens of the budget."""
    return {"kinds": asked.facts, "budget": asked.budget, "count": count}


def token_counter(model: str, asked: QuestionSettings) -> Callable[[str], int] | None:
    """Counts a text's tokens as the model's tokenizer makes them; None where no budget asks for it."""
    if asked.budget is None:
        return None
    from rbio_kg.training.models.loading import load_tokenizer

    tokenizer = load_tokenizer(model)
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])


def shown_names(asked: QuestionSettings, snapshot: Snapshot | None, seed: int) -> ShuffledNames | None:
    """Other genes' names where the recipe asks for them."""
    if not asked.shuffle_names:
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
        questions: what is asked.
        run, config: the run and its recipe.
        base: where the untrained model is, as `prepare_model` gave it.
        facts: who knows the train knockdowns; only needed for open-book prompts.
        snapshot: the graph.

    Raises:
        TrainingError: the recipe's prompts need facts or a graph that is not given.
        ModelError: the run does not say how its facts are told.
    """
    asked = config.questions
    if asked.prompt == "open":
        if facts is None:
            raise no_facts()
        thresholds, neighbours = read_facts_settings(run.model)
        options = fact_options(asked, token_counter(base, asked))
        questions = questions.with_facts(FactBook(facts, snapshot, thresholds, neighbours, **options))
    return replace(questions, names=shown_names(asked, snapshot, config.seed))
