"""Evaluating a policy: by the likelihood of yes against no, by what it states, and by votes of sampled answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from rbio_kg.core.errors import EvaluationError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.mixture import with_rates
from rbio_kg.training.evaluation.comparison import compare_with_baselines, measure
from rbio_kg.training.evaluation.inputs import EvaluationInputs, as_trained, parsed_answer
from rbio_kg.training.evaluation.leakage import audit_policy
from rbio_kg.training.evaluation.reasoning import evaluate_run_reasoning
from rbio_kg.training.evaluation.results import PolicyEvaluation, read_comparison
from rbio_kg.training.models.adapters import load_stages, trained_stages
from rbio_kg.training.models.decoding import Sampling, likelihood, sample
from rbio_kg.training.models.loading import prepare_model
from rbio_kg.training.prompts.messages import prompt_text
from rbio_kg.training.prompts.parser import vote
from rbio_kg.training.runs.run_folder import Run, find_run
from rbio_kg.verifiers.evaluation.baselines import baseline_scores

if TYPE_CHECKING:
    from rbio_kg.core.paths import WorkspacePaths
    from rbio_kg.training.config.recipe import EvaluationSettings, QuestionSettings
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.models.types import LanguageModel
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.rewards.result import ScoredCompletion


@dataclass(frozen=True)
class PolicyOptions:
    """Which of a policy's questions are evaluated, and how.

    Args:
        limit: at most about this many questions, as complete genes; None for all.
        samples: sampled answers a question, 0 for none; None for the recipe's number.
        vote_rows: questions answered by sampling; None for the recipe's number.
        reasoning_rows: questions on which `rbio_kg.training.evaluation.reasoning` measures the reasoning; 0 for none.
        seed: of the sample of genes, the answers and the intervals.
    """

    limit: int | None = None
    samples: int | None = None
    vote_rows: int | None = None
    reasoning_rows: int = 0
    seed: int = 0

    def settings(self, recipe: EvaluationSettings) -> EvaluationSettings:
        """The recipe's settings of the evaluation, with these in their place."""
        changes = {} if not self.samples else {"samples": self.samples}
        if self.samples == 0:
            changes["vote_rows"] = 0
        elif self.vote_rows is not None:
            changes["vote_rows"] = self.vote_rows
        return type(recipe)(**recipe.model_dump() | changes)


@dataclass(frozen=True)
class Answering:
    """How a model is shown questions and answers them.

    Args:
        prompts: how prompts are made.
        settings: how many answers are sampled.
        max_tokens: longest sampled answer.
        seed: of samples and intervals.
    """

    prompts: QuestionSettings
    settings: EvaluationSettings
    max_tokens: int
    seed: int

    @classmethod
    def of(cls, config: PolicyConfig, options: PolicyOptions | None = None) -> Answering:
        """As a recipe says; the options win."""
        if options is None:
            return cls(config.questions, config.evaluation, config.grpo.max_tokens, config.seed)
        settings = options.settings(config.evaluation)
        return cls(config.questions, settings, config.grpo.max_tokens, options.seed)


def evaluate(
    language_model: LanguageModel,
    questions: QuestionSet,
    answering: Answering,
    inputs: EvaluationInputs,
    *,
    audit: dict[str, Any],
    progress: Progress,
) -> tuple[PolicyEvaluation, pl.DataFrame]:
    """Evaluate a model on questions, all of them by likelihood and as stated, some complete genes of them by votes.

    Args:
        language_model: the policy.
        questions: complete genes, with the facts of their prompts.
        answering: how it answers.
        inputs: train questions for the baselines, and the reward.
        audit: the document of `audit_policy` for these questions.
        progress: called after every batch.

    Returns:
        The result, and the questions with the columns `score` (probability of yes), `stated` (see
        `rbio_kg.training.models.decoding.Likelihood`), `votes` and `unparsed` (null where nothing was sampled).
    """
    started = time.monotonic()
    settings, seed = answering.settings, answering.seed
    messages = questions.prompts(answering.prompts.prompt, answering.prompts.system)
    prompts = [prompt_text(language_model.tokenizer, item) for item in messages]
    read = likelihood(language_model, prompts, batch_size=settings.batch_size, progress=progress)
    table = compare_with_baselines(
        questions.frame, read.probability, baseline_scores(questions.frame, inputs.train), seed
    )
    by_likelihood = {
        **{key: found for key, found in table.items() if key not in ("baselines", "differences")},
        "answer_mass": float(read.mass.mean()),
        "mean_probability": float(read.probability.mean()),
    }
    frame = questions.frame.with_columns(
        score=pl.Series(read.probability),
        stated=pl.Series(read.stated),
        votes=pl.lit(None, pl.Float64),
        unparsed=pl.lit(None, pl.Float64),
    )
    votes: dict[str, Any] | None = None
    examples: list[dict[str, Any]] = []
    if settings.vote_rows:
        at = questions.complete_gene_rows(rows=settings.vote_rows, seed=seed)
        chosen = questions.take(at)
        sampling = Sampling(settings.samples, answering.max_tokens, seed=seed, batch_size=settings.batch_size)
        completions = sample(language_model, [prompts[row] for row in at], sampling, progress=progress)
        votes, examples, scores, unparsed = _votes(chosen, at, completions, messages, reward=inputs.reward, seed=seed)
        frame = frame.with_row_index("row").update(
            pl.DataFrame({"row": at, "votes": scores, "unparsed": unparsed}).cast({"row": pl.UInt32}), on="row"
        )
        frame = frame.drop("row")
    result = PolicyEvaluation(
        **read_comparison(table),
        audit=audit,
        likelihood=by_likelihood,
        stated={**measure(questions.frame, read.stated, seed), "mean_probability": float(read.stated.mean())},
        votes=votes,
        examples=tuple(examples),
        simulated=questions.simulated,
        seed=seed,
        seconds=round(time.monotonic() - started, 1),
    )
    return result, frame


def evaluate_policy(
    paths: WorkspacePaths,
    name: str,
    questions: QuestionSet,
    inputs: EvaluationInputs,
    options: PolicyOptions = PolicyOptions(),
    *,
    progress: Progress = silent,
) -> tuple[PolicyEvaluation, pl.DataFrame]:
    """Evaluate a trained run on other questions.

    Args:
        paths: the workspace.
        name: of the run.
        questions: that the policy answers; rows of genes with one label only count in the pooled metrics.
        inputs: what the evaluation reads besides.
        options: which questions, and how.
        progress: called after every batch.

    Returns:
        As `evaluate`.

    Raises:
        TrainingError, ModelError: the run is missing, unfinished or corrupt.
        EvaluationError: there are no questions, or a leak (see `rbio_kg.training.evaluation.leakage`).
    """
    run = Run(find_run(paths, name))
    config = PolicyConfig.make(dict(run.manifest.config), where=str(run.manifest_file))
    trained_stages(run)
    if len(questions) == 0:
        raise EvaluationError("there are no questions to evaluate the policy on", hint="choose another split or file")
    test, seed, facts = questions.frame, options.seed, inputs.facts
    if options.limit is not None and options.limit < len(questions):
        questions = questions.complete_genes(rows=options.limit, seed=seed)
    base = prepare_model(config.model.name, paths.models, progress)
    questions = as_trained(questions, run, config, base, facts=facts, snapshot=inputs.snapshot)
    if questions.facts is None and config.reward.relative_to and facts is not None:
        questions = with_rates(questions, facts)
    audit = audit_policy(
        questions,
        test,
        config.questions.split_scheme,
        inputs,
        trained_on=run.read_questions(),
        where=run.folder,
    )
    model = load_stages(base, run.model, config.model.method, config.model.weights)
    answering = Answering.of(config, options)
    result, frame = evaluate(model, questions, answering, inputs, audit=audit, progress=progress)
    if options.reasoning_rows:
        some = questions.complete_genes(rows=options.reasoning_rows, seed=seed)
        reasoning = evaluate_run_reasoning(run, config, base, some, inputs, seed=seed, progress=progress)
        result = replace(result, reasoning=reasoning)
    return result, frame


def _votes(
    questions: QuestionSet,
    at: Sequence[int],
    completions: Sequence[Sequence[str]],
    messages: Sequence[list[dict[str, str]]],
    *,
    reward: ComposedReward | None,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[float], list[float]]:
    """The document of the votes, some examples, and per question the mean stated q and the share unparsed."""
    samples = len(completions[0])
    parsed = [[parsed_answer(text, reward) for text in texts] for texts in completions]
    read = [sum(item.q is not None for item in items) for items in parsed]
    unparsed = [1.0 - count / samples for count in read]
    # Without a readable answer a question ranks nowhere (one half) and its answer counts as wrong.
    scores = np.array([vote(items) for items in parsed])
    labels = questions.frame["label"].to_numpy()
    scored = _scored(questions, at, completions, messages, reward)
    rewards = [item.reward for item in scored if item.reward is not None]
    document = measure(questions.frame, scores, seed)
    answered = np.where([count > 0 for count in read], scores, 1.0 - labels)
    document["pooled"] = measure(questions.frame, answered, seed)["pooled"]
    document |= {
        "samples": samples,
        "unparsed_rate": float(np.mean(unparsed)),
        "mean_reward": float(np.mean(rewards)) if rewards else None,
    }
    claims = questions.claims()
    examples = [
        {
            "claim": str(claims[row]),
            "label": int(labels[row]),
            "prompt": messages[at[row]][-1]["content"],
            "completion": completions[row][0],
            "q": parsed[row][0].q,
            "problem": parsed[row][0].problem,
        }
        for row in range(min(5, len(at)))
    ]
    return document, examples, scores.tolist(), unparsed


def _scored(
    questions: QuestionSet,
    at: Sequence[int],
    completions: Sequence[Sequence[str]],
    messages: Sequence[list[dict[str, str]]],
    reward: ComposedReward | None,
) -> list[ScoredCompletion]:
    if reward is None:
        return []
    counts = [len(texts) for texts in completions]
    claims = [claim for claim, n in zip(questions.claims(), counts, strict=True) for _ in range(n)]
    rates = [rate for rate, n in zip(questions.rates(), counts, strict=True) for _ in range(n)]
    prompts = [messages[row] for row, n in zip(at, counts, strict=True) for _ in range(n)]
    return reward.score_completions(claims, [text for texts in completions for text in texts], rates, prompts)
