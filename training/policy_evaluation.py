"""Examining a policy: by the likelihood of yes against no and by votes of sampled answers, beside baselines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from training.answers import likelihood, sample
from training.prompts import prompt_text
from verifiers.metrics import summary

if TYPE_CHECKING:
    from training.judgements import Judgement
    from training.language_model import LanguageModel
    from training.questions import Questions
    from training.recipe import EvaluationSettings, QuestionSettings
    from training.rewards import ComposedReward

Progress = Callable[[str, float | None], None]


def examine(
    language_model: LanguageModel,
    questions: Questions,
    *,
    train: pl.DataFrame,
    reward: ComposedReward | None,
    asked: QuestionSettings,
    settings: EvaluationSettings,
    max_tokens: int,
    seed: int,
    progress: Progress,
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Examine a model on questions, all of them by likelihood and some whole genes of them by votes.

    Args:
        language_model: the policy.
        questions: whole genes, with their open book.
        train: train questions, for the baselines.
        reward: gives the mean reward of the sampled answers; None: not measured.
        asked: how prompts are made.
        settings: how many answers are sampled.
        max_tokens: longest sampled answer.
        seed: of samples and intervals.
        progress: told after every batch.

    Returns:
        The document of `evaluate policy` (JSON-ready; the headline metrics are those of the likelihood), and the
        questions with the columns `score` (probability of yes), `votes` and `unparsed` (null where not asked).
    """
    started = time.monotonic()
    messages = questions.prompts(asked.prompt, asked.system)
    prompts = [prompt_text(language_model.tokenizer, item) for item in messages]
    read = likelihood(language_model, prompts, batch_size=settings.batch_size, progress=progress)
    by_likelihood = {
        **measure(questions.frame, read.probability, seed),
        "answer_mass": float(read.mass.mean()),
        "mean_probability": float(read.probability.mean()),
    }
    frame = questions.frame.with_columns(
        score=pl.Series(read.probability), votes=pl.lit(None, pl.Float64), unparsed=pl.lit(None, pl.Float64)
    )
    votes: dict[str, Any] | None = None
    examples: list[dict[str, Any]] = []
    if settings.vote_rows:
        at = questions.whole_gene_rows(rows=settings.vote_rows, seed=seed)
        chosen = questions.take(at)
        completions = sample(
            language_model,
            [prompts[row] for row in at],
            samples=settings.samples,
            max_tokens=max_tokens,
            seed=seed,
            batch_size=settings.batch_size,
            progress=progress,
        )
        votes, examples, scores, unparsed = _votes(
            chosen, at, completions, messages, reward=reward, samples=settings.samples, seed=seed
        )
        frame = frame.with_row_index("row").update(
            pl.DataFrame({"row": at, "votes": scores, "unparsed": unparsed}).cast({"row": pl.UInt32}), on="row"
        )
        frame = frame.drop("row")
    document = {
        **{key: by_likelihood[key] for key in ("per_gene_auroc", "interval", "genes", "rows", "pooled", "ece")},
        "baselines": baseline_table(questions.frame, train, seed),
        "unparsed_rate": None if votes is None else votes["unparsed_rate"],
        "well_formed": None if votes is None else 1.0 - votes["unparsed_rate"],
        "mean_reward": None if votes is None else votes["mean_reward"],
        "likelihood": by_likelihood,
        "votes": votes,
        "examples": examples,
        "simulated": questions.simulated,
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
    }
    return document, frame


def measure(frame: pl.DataFrame, scores: Any, seed: int) -> dict[str, Any]:
    """All metrics of one probability a question; rows of one gene in two cell lines or tasks are two genes."""
    genes = (frame["gene"] + " " + frame["task"] + " " + frame["cell_line"]).to_list()
    return summary(genes, frame["label"].to_numpy(), scores, seed=seed)


def baseline_table(frame: pl.DataFrame, train: pl.DataFrame, seed: int) -> dict[str, Any]:
    """All-no, all-yes, gene prior and pair copy on the same questions."""
    from training.baselines import baseline_scores

    return {name: measure(frame, scores, seed) for name, scores in baseline_scores(frame, train).items()}


def _votes(
    questions: Questions,
    at: Sequence[int],
    completions: Sequence[Sequence[str]],
    messages: Sequence[list[dict[str, str]]],
    *,
    reward: ComposedReward | None,
    samples: int,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[float], list[float]]:
    """The document of the votes, some examples, and per question the mean stated q and the share unparsed."""
    from training.completions import parse_completion

    parsed = [[parse_completion(text, require_confidence=True) for text in texts] for texts in completions]
    stated = [[item.q for item in items if item.q is not None] for items in parsed]
    unparsed = [1.0 - len(values) / samples for values in stated]
    # Without a readable answer a question ranks nowhere (one half) and its answer counts as wrong.
    scores = np.array([np.mean(values) if values else 0.5 for values in stated])
    labels = questions.frame["label"].to_numpy()
    judgements = _judge(questions, at, completions, messages, reward)
    paid = [item.reward for item in judgements if item.reward is not None]
    document = measure(questions.frame, scores, seed)
    answered = np.where([bool(values) for values in stated], scores, 1.0 - labels)
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
    questions: Questions,
    at: Sequence[int],
    completions: Sequence[Sequence[str]],
    messages: Sequence[list[dict[str, str]]],
    reward: ComposedReward | None,
) -> list[Judgement]:
    if reward is None:
        return []
    counts = [len(texts) for texts in completions]
    claims = [claim for claim, n in zip(questions.claims(), counts, strict=True) for _ in range(n)]
    rates = [rate for rate, n in zip(questions.rates(), counts, strict=True) for _ in range(n)]
    prompts = [messages[row] for row, n in zip(at, counts, strict=True) for _ in range(n)]
    return reward.judge(claims, [text for texts in completions for text in texts], rates, prompts)
