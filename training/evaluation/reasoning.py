"""Does the reasoning matter? A policy's probability of yes after its own reasoning, after none, and after wrong ones.

What a policy writes can be decoration: the answer is then the same whatever stands in the think block. So the
probability of yes is read by likelihood after several reasonings of the same questions, and what changes is measured.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rbio_kg.core.progress import Progress
from rbio_kg.core.typing import FloatArray
from rbio_kg.training.evaluation.comparison import difference, gene_keys, measure
from rbio_kg.training.evaluation.counterfactuals import CounterfactualFacts
from rbio_kg.training.evaluation.inputs import EvaluationInputs, parsed_answer
from rbio_kg.training.models.adapters import stage_models
from rbio_kg.training.models.decoding import Sampling, likelihood, sample
from rbio_kg.training.prompts.facts import FactBook
from rbio_kg.training.prompts.messages import prompt_text
from rbio_kg.training.prompts.parser import written_reasoning
from rbio_kg.training.runs.run_folder import REASONING
from rbio_kg.verifiers.evaluation.baselines import baseline_scores
from rbio_kg.verifiers.evaluation.subgroups import rank_agreement
from rbio_kg.verifiers.stats.metrics import risk_coverage
from rbio_kg.verifiers.text.measured_effects import Knockdowns
from rbio_kg.verifiers.text.statements import Finding, StatementChecker

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.training.config.recipe import PolicyConfig, QuestionSettings
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.models.types import LanguageModel
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.runs.run_folder import Run

VERDICTS: tuple[Finding, ...] = ("supported", "contradicted", "unknown")


@dataclass(frozen=True)
class Writer:
    """How a model writes and is read.

    Args:
        prompt_settings: how prompts are made.
        max_tokens: longest completion.
        temperature: of the sampling; 0 takes the likeliest token each time.
        batch_size: prompts at once.
        seed: of the sampling.
        progress: called after every batch.
    """

    prompt_settings: QuestionSettings
    max_tokens: int
    temperature: float
    batch_size: int
    seed: int
    progress: Progress

    def prompts(self, model: LanguageModel, questions: QuestionSet) -> list[str]:
        """The questions as the model reads them."""
        messages = questions.prompts(self.prompt_settings.prompt, self.prompt_settings.system)
        return [prompt_text(model.tokenizer, item) for item in messages]

    def write(self, model: LanguageModel, prompts: Sequence[str], what: str) -> list[str]:
        """One completion a prompt."""
        settings = Sampling(1, self.max_tokens, self.temperature, self.seed, self.batch_size)
        found = sample(model, prompts, settings, progress=self._progress(what))
        return [text for (text,) in found]

    def read(self, model: LanguageModel, prompts: Sequence[str], reasonings: Sequence[str], what: str) -> FloatArray:
        """The probability of yes after each reasoning, (n,)."""
        progress = self._progress(what)
        return likelihood(model, prompts, reasonings, batch_size=self.batch_size, progress=progress).probability

    def _progress(self, what: str) -> Progress:
        return lambda message, share: self.progress(f"{what}: {message}", share)


def evaluate_run_reasoning(
    run: Run,
    config: PolicyConfig,
    base: str,
    questions: QuestionSet,
    inputs: EvaluationInputs,
    *,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Evaluate the reasoning of a trained run, sampled as it was trained, and keep the document with the run.

    Args:
        run, config: the run and its recipe.
        base: where the untrained model is.
        questions: complete genes, as `rbio_kg.training.evaluation.inputs.as_trained` made them.
        inputs: what the evaluation reads; without a snapshot statements are not checked.
        seed: of the sampling, the exchange of reasonings and the intervals.
        progress: called after every batch.

    Returns:
        The document of `evaluate_reasoning`.
    """
    snapshot = inputs.snapshot
    known = None if inputs.knockdowns is None else Knockdowns(inputs.knockdowns)
    document = evaluate_reasoning(
        stage_models(base, run, config.model.method, config.model.weights),
        questions,
        Writer(
            prompt_settings=config.questions,
            max_tokens=config.grpo.max_tokens,
            temperature=config.grpo.temperature,
            batch_size=config.evaluation.batch_size,
            seed=seed,
            progress=progress,
        ),
        train=inputs.train,
        reward=inputs.reward,
        checker=None if snapshot is None else StatementChecker(snapshot, known),
    )
    run.write_evaluation(REASONING, document)
    return document


def evaluate_reasoning(
    models: Mapping[str, Callable[[], LanguageModel]],
    questions: QuestionSet,
    writer: Writer,
    *,
    train: pl.DataFrame,
    reward: ComposedReward | None,
    checker: StatementChecker | None,
) -> dict[str, Any]:
    """Measure what a policy's reasoning does to its answers, and what the graph says of its statements.

    Args:
        models: the stages of the policy by name, loaded when their turn comes; the last one is evaluated; of the
            others only the statements are counted.
        questions: complete genes, with the facts of their prompts.
        writer: how the models are prompted.
        train: train questions, for the gene prior.
        reward: gives the verifiers' probability, or None.
        checker: reads the statements of a text and checks them against the graph, or None.

    Returns:
        JSON-ready: `rows`, `genes`, `seed`, `temperature`, `simulated`, `seconds`; `readings` by name (see `_compared`;
        `reversed` is None where the prompts show no fact that can be reversed); `stated`, what the policy wrote
        itself; `statements` by stage; `abstention` by predictor (see `rbio_kg.verifiers.stats.metrics.risk_coverage`).
    """
    started = time.monotonic()
    *earlier, last = models
    statements = {}
    for stage in earlier if checker else ():
        model = models[stage]()
        texts = writer.write(model, writer.prompts(model, questions), f"reasoning {stage.replace('_', ' ')}")
        statements[stage] = _statements(texts, checker)
    policy = models[last]()
    prompts = writer.prompts(policy, questions)
    completions = writer.write(policy, prompts, "reasoning")
    statements[last] = _statements(completions, checker)
    own = [written_reasoning(text) for text in completions]
    after_own = writer.read(policy, prompts, own, "after its reasoning")
    after_none = writer.read(policy, prompts, [""] * len(own), "after none")
    readings = {
        "own": after_own,
        "none": after_none,
        "half": writer.read(policy, prompts, [first_half(text) for text in own], "after half of it"),
        "swapped": writer.read(
            policy,
            prompts,
            [own[row] for row in derangement(questions.frame["gene"].to_list(), writer.seed)],
            "after another question's",
        ),
        "reversed": _reversed(policy, questions, writer),
    }
    frame, seed = questions.frame, writer.seed
    silent = {"own": after_own, "none": after_none, "gene_prior": baseline_scores(frame, train)["gene_prior"]}
    return {
        "rows": len(frame),
        "genes": measure(frame, after_own, seed)["genes"],
        "seed": seed,
        "temperature": writer.temperature,
        "simulated": questions.simulated,
        "readings": {name: None if p is None else _compared(frame, after_own, p, seed) for name, p in readings.items()},
        "stated": _stated(questions, completions, reward, seed),
        "statements": statements,
        "abstention": {name: risk_coverage(gene_keys(frame), frame["label"], p) for name, p in silent.items()},
        "seconds": round(time.monotonic() - started, 1),
    }


def derangement(genes: Sequence[str], seed: int) -> list[int]:
    """For each row another one, each row once, (n,): of another gene wherever that can be, and never itself.

    Genes and rows within them are put in random order, gene after gene, and all rows move on by the largest gene's
    number of rows. A single row stays where it is.
    """
    rng = np.random.default_rng(seed)
    names, gene = np.unique(np.asarray(genes, dtype=np.str_), return_inverse=True)
    order = np.lexsort((rng.random(len(gene)), rng.permutation(len(names))[gene]))
    step = int(np.bincount(gene).max()) if len(names) > 1 else 1
    found = np.empty(len(gene), dtype=np.int64)
    found[order] = np.roll(order, -step)
    return [int(row) for row in found]


def first_half(text: str) -> str:
    """The first half of a text's words, rounded down."""
    words = text.split()
    return " ".join(words[: len(words) // 2])


def _reversed(policy: LanguageModel, questions: QuestionSet, writer: Writer) -> FloatArray | None:
    """The probability of yes after a new reasoning on reversed facts, (n,)."""
    book = questions.facts
    if not isinstance(book, FactBook) or not {"neighbours", "estimate"} & set(book.kinds):
        return None
    prompts = writer.prompts(policy, questions.with_facts(CounterfactualFacts(book)))
    completions = writer.write(policy, prompts, "reasoning on reversed facts")
    return writer.read(policy, prompts, [written_reasoning(text) for text in completions], "after reversed facts")


def _compared(frame: pl.DataFrame, own: FloatArray, other: FloatArray, seed: int) -> dict[str, Any]:
    """One reading's measures, and how it differs from the one after the policy's own reasoning.

    Returns:
        `metrics.summary`; `mean_probability`; `lead`: the per-gene AUROC after the own reasoning less this one,
        {`mean`, `low`, `high`}; `mean_change`: of |p - own p|; `flips`: share of answers (yes where p > 1/2) that
        change; `rank_correlation`: Spearman's of p and own p, None where one is constant.
    """
    return {
        **measure(frame, other, seed),
        "mean_probability": float(other.mean()),
        "lead": difference(frame, own, other, seed),
        "mean_change": float(np.abs(other - own).mean()),
        "flips": float(((other > 0.5) != (own > 0.5)).mean()),
        "rank_correlation": rank_agreement(other, own)["spearman"],
    }


def _stated(
    questions: QuestionSet, completions: Sequence[str], reward: ComposedReward | None, seed: int
) -> dict[str, Any]:
    """What the policy wrote itself, on the rows whose answer can be read.

    Returns:
        `metrics.summary` of the stated probability q; `unparsed_rate` (of all rows); `yes_share`; `mean_q`;
        `verifiers_mean`: the mean of the reward's v on the same rows, None where no verifier gives one.
    """
    parsed = [parsed_answer(text, reward) for text in completions]
    at = [row for row, item in enumerate(parsed) if item.q is not None]
    answered = questions.take(at)
    q = np.array([parsed[row].q for row in at], dtype=np.float64)
    scored = [] if reward is None else reward.score_completions(answered.claims(), [""] * len(at), answered.rates())
    v = [item.v for item in scored if item.v is not None]
    return {
        **measure(answered.frame, q, seed),
        "unparsed_rate": 1.0 - len(at) / len(parsed),
        "yes_share": float(np.mean([parsed[row].answer == "yes" for row in at])) if at else None,
        "mean_q": float(q.mean()) if at else None,
        "verifiers_mean": float(np.mean(v)) if v else None,
    }


def _statements(completions: Sequence[str], checker: StatementChecker | None) -> dict[str, Any] | None:
    """What the graph says of the reasonings' statements: how many there are, and the share of each verdict."""
    if checker is None:
        return None
    counts = Counter(item.verdict for text in completions for item in checker.check(written_reasoning(text)))
    total = counts.total()
    return {
        "completions": len(completions),
        "statements": total,
        "per_completion": total / len(completions),
        **{verdict: counts[verdict] / total if total else None for verdict in VERDICTS},
    }
