"""Examining a policy: by the likelihood of yes against no, by what it states, and by votes of sampled answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from rbio_kg.core.errors import EvaluationError
from rbio_kg.core.progress import Progress
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.mixture import with_rates
from rbio_kg.training.evaluation.comparison import compare_with_baselines, measure
from rbio_kg.training.evaluation.inputs import as_trained
from rbio_kg.training.evaluation.leakage import audit_policy
from rbio_kg.training.evaluation.reasoning import evaluate_run_reasoning
from rbio_kg.training.models.adapters import load_stages, trained_stages
from rbio_kg.training.models.decoding import Sampling, likelihood, sample
from rbio_kg.training.models.loading import prepare_model
from rbio_kg.training.prompts.messages import prompt_text
from rbio_kg.training.runs.run_folder import Run, find_run
from rbio_kg.verifiers.evaluation.baselines import baseline_scores

if TYPE_CHECKING:
    from rbio_kg.core.paths import WorkspacePaths
    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.graph.store.store import GraphStore
    from rbio_kg.training.config.recipe import EvaluationSettings, QuestionSettings
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.models.types import LanguageModel
    from rbio_kg.training.prompts.facts import FactSource
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.rewards.result import ScoredCompletion


def evaluate(
    language_model: LanguageModel,
    questions: QuestionSet,
    *,
    train: pl.DataFrame,
    audit: dict[str, Any],
    reward: ComposedReward | None,
    asked: QuestionSettings,
    settings: EvaluationSettings,
    max_tokens: int,
    seed: int,
    progress: Progress,
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Examine a model on questions, all of them by likelihood and as stated, some whole genes of them by votes.

    Args:
        language_model: the policy.
        questions: whole genes, with their open book.
        train: train questions, for the baselines.
        audit: what `audit_policy` says of these questions.
        reward: gives the mean reward of the sampled answers; None: not measured.
        asked: how prompts are made.
        settings: how many answers are sampled.
        max_tokens: longest sampled answer.
        seed: of samples and intervals.
        progress: told after every batch.

    Returns:
        The document of `evaluate policy` (JSON-ready; the headline metrics are those of the likelihood), and the
        questions with the columns `score` (probability of yes), `stated` (see `answers.Likelihood`), `votes` and
        `unparsed` (null where not asked).
    """
    started = time.monotonic()
    messages = questions.prompts(asked.prompt, asked.system)
    prompts = [prompt_text(language_model.tokenizer, item) for item in messages]
    read = likelihood(language_model, prompts, batch_size=settings.batch_size, progress=progress)
    table = compare_with_baselines(questions.frame, read.probability, baseline_scores(questions.frame, train), seed)
    baselines, differences = table.pop("baselines"), table.pop("differences")
    by_likelihood = {
        **table,
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
        sampling = Sampling(settings.samples, max_tokens, seed=seed, batch_size=settings.batch_size)
        completions = sample(language_model, [prompts[row] for row in at], sampling, progress=progress)
        votes, examples, scores, unparsed = _votes(
            chosen, at, completions, messages, reward=reward, samples=settings.samples, seed=seed
        )
        frame = frame.with_row_index("row").update(
            pl.DataFrame({"row": at, "votes": scores, "unparsed": unparsed}).cast({"row": pl.UInt32}), on="row"
        )
        frame = frame.drop("row")
    document = {
        **{key: by_likelihood[key] for key in ("per_gene_auroc", "interval", "genes", "rows", "pooled", "ece")},
        "baselines": baselines,
        "differences": differences,
        "audit": audit,
        "unparsed_rate": None if votes is None else votes["unparsed_rate"],
        "well_formed": None if votes is None else 1.0 - votes["unparsed_rate"],
        "mean_reward": None if votes is None else votes["mean_reward"],
        "likelihood": by_likelihood,
        "stated": {
            **measure(questions.frame, read.stated, seed),
            "mean_probability": float(read.stated.mean()),
        },
        "votes": votes,
        "examples": examples,
        "simulated": questions.simulated,
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
    }
    return document, frame


def evaluate_policy(
    paths: WorkspacePaths,
    name: str,
    questions: QuestionSet,
    *,
    train: pl.DataFrame,
    reward: ComposedReward | None,
    facts: FactSource | None,
    snapshot: Snapshot | None,
    knockdowns: pl.DataFrame | None = None,
    store: GraphStore | None = None,
    limit: int | None = None,
    samples: int | None = None,
    vote_rows: int | None = None,
    reasoning_rows: int = 0,
    seed: int = 0,
    progress: Progress,
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Examine a trained run on other questions; see `evaluate`.

    Args:
        paths: the workspace.
        name: of the run.
        questions: what is asked; rows of genes with one label only count in the pooled metrics.
        train: train questions, for the baselines.
        reward: gives the mean reward, or None.
        facts: the open book.
        snapshot: the graph.
        knockdowns: the graph's KNOCKDOWN_CHANGES, to be audited.
        store: the graph database, to be audited.
        limit: at most about so many questions, whole genes.
        samples: sampled answers a question, 0 for none; the recipe's otherwise.
        vote_rows: questions answered by sampling; the recipe's otherwise.
        reasoning_rows: of these questions, those that `reasoning_evaluation` examines as `reasoning`; 0: none.
        seed: of the sample of genes, the answers and the intervals.
        progress: told after every batch.

    Raises:
        TrainingError, ModelError: the run is missing, unfinished or corrupt.
        EvaluationError: there is nothing to examine, or a leak (see `rbio_kg.training.evaluation.leakage`).
    """
    run = Run(find_run(paths, name))
    config = PolicyConfig.make(dict(run.manifest.config), where=str(run.manifest_file))
    trained_stages(run)
    if len(questions) == 0:
        raise EvaluationError("there are no questions to examine the policy on", hint="choose another split or file")
    test = questions.frame
    if limit is not None and limit < len(questions):
        questions = questions.complete_genes(rows=limit, seed=seed)
    base = prepare_model(config.model.name, paths.models, progress)
    questions = as_trained(questions, run, config, base, facts=facts, snapshot=snapshot)
    if questions.facts is None and config.reward.relative_to and facts is not None:
        questions = with_rates(questions, facts)
    reasoned = questions.complete_genes(rows=reasoning_rows, seed=seed) if reasoning_rows else None
    audit = audit_policy(
        questions,
        test,
        config.questions.split_scheme,
        taught=run.read_questions(),
        train=train,
        reward=reward,
        knockdowns=knockdowns,
        store=store,
        where=run.folder,
    )
    asked = config.evaluation.model_dump()
    asked |= {"samples": samples} if samples else {}
    asked |= {"vote_rows": 0 if samples == 0 else vote_rows if vote_rows is not None else asked["vote_rows"]}
    document, frame = evaluate(
        load_stages(base, run.model, config.model.method, config.model.weights),
        questions,
        train=train,
        audit=audit,
        reward=reward,
        asked=config.questions,
        settings=type(config.evaluation)(**asked),
        max_tokens=config.grpo.max_tokens,
        seed=seed,
        progress=progress,
    )
    if reasoned is not None:
        document["reasoning"] = evaluate_run_reasoning(
            run,
            config,
            base,
            reasoned,
            train=train,
            reward=reward,
            snapshot=snapshot,
            knockdowns=knockdowns,
            seed=seed,
            progress=progress,
        )
    return document, frame


def _votes(
    questions: QuestionSet,
    at: Sequence[int],
    completions: Sequence[Sequence[str]],
    messages: Sequence[list[dict[str, str]]],
    *,
    reward: ComposedReward | None,
    samples: int,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[float], list[float]]:
    """The document of the votes, some examples, and per question the mean stated q and the share unparsed."""
    from rbio_kg.training.prompts.parser import parse_completion, vote

    parsed = [[parse_completion(text, require_confidence=True) for text in texts] for texts in completions]
    read = [sum(item.q is not None for item in items) for items in parsed]
    unparsed = [1.0 - count / samples for count in read]
    # Without a readable answer a question ranks nowhere (one half) and its answer counts as wrong.
    scores = np.array([vote(items) for items in parsed])
    labels = questions.frame["label"].to_numpy()
    scored = _judge(questions, at, completions, messages, reward)
    paid = [item.reward for item in scored if item.reward is not None]
    document = measure(questions.frame, scores, seed)
    answered = np.where([count > 0 for count in read], scores, 1.0 - labels)
    document["pooled"] = measure(questions.frame, answered, seed)["pooled"]
    document |= {
        "samples": samples,
        "unparsed_rate": float(np.mean(unparsed)),
        "mean_reward": float(np.mean(paid)) if paid else None,
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


def _judge(
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
