"""SFT examples of questions: soft targets from the verifiers, and which examples write reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from rbio_kg.core.claims import Claim
from rbio_kg.core.typing import BoolArray, FloatArray
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.prompts.facts import FactKind, Facts
from rbio_kg.training.prompts.messages import prompt_text, rationale
from rbio_kg.training.prompts.templates import family_of
from rbio_kg.training.sft.examples import SftExample
from rbio_kg.verifiers.stats.probability import clipped_logit

if TYPE_CHECKING:
    from rbio_kg.training.rewards.composed import ComposedReward

MIN_FIT = 100
"""Scored rows from which the linear model of `visible_targets` is fitted."""
_FEATURES: tuple[FactKind, ...] = ("neighbours", "rate", "link", "two_step", "terms", "estimate")
"""Facts of the prompt that are features of that model."""


def make_examples(rows: QuestionSet, config: PolicyConfig, reward: ComposedReward, tokenizer: Any) -> list[SftExample]:
    """The SFT examples of questions, in their order.

    The target is the verifiers' pooled probability, as far as the prompt explains it (see `visible_targets`). Each
    family of questions has its own fit.

    Args:
        rows: the questions; two neighbouring rows are a pair.
        config: the recipe.
        reward: its verifiers give the probabilities.
        tokenizer: makes the prompts' text.
    """
    claims = rows.claims()
    scored = reward.score_completions(claims, [""] * len(claims), rows.rates())
    known = np.array([np.nan if item.target is None else item.target for item in scored])
    facts = None if rows.facts is None else [rows.facts.facts(claim) for claim in claims]
    families = np.array([family_of(claim.relation) for claim in claims])
    targets = np.full(len(claims), 0.5)
    for family in dict.fromkeys(families.tolist()):
        at = np.flatnonzero(families == family)
        targets[at] = visible_targets(None if facts is None else [facts[row] for row in at], known[at])
    settings = config.warmup
    pairs = -(-len(claims) // 2)
    reasons = reasoning_pairs(pairs, settings.think_share, block=settings.batch_size // 2, seed=config.seed)
    prompts = rows.prompts(config.questions.prompt, config.questions.system)
    return [
        SftExample(
            prompt_text(tokenizer, messages), _reasoning(rows, row, claim) if reasons[row // 2] else "", float(q)
        )
        for row, (claim, messages, q) in enumerate(zip(claims, prompts, targets, strict=True))
    ]


def reasoning_pairs(pairs: int, share: float, *, block: int, seed: int) -> BoolArray:
    """Which pairs write reasoning, (pairs,): exactly `round(share * pairs)` of them, drawn with the seed.

    They are drawn block by block, so that every batch has its share: both formats must appear in every batch.

    Args:
        pairs: how many there are.
        share: 0 to 1.
        block: pairs of one batch.
        seed: of the draw.

    Example:
        >>> reasoning_pairs(10, 0.4, block=5, seed=0).reshape(2, 5).sum(axis=1).tolist()
        [2, 2]
    """
    rng = np.random.default_rng(seed)
    chosen = np.zeros(pairs, dtype=bool)
    for start in range(0, pairs, block):
        end = min(start + block, pairs)
        wanted = round(share * end) - round(share * start)
        chosen[start + rng.permutation(end - start)[:wanted]] = True
    return chosen


def visible_targets(facts: Sequence[Facts] | None, known: FloatArray) -> FloatArray:
    """The verifiers' probabilities as far as the prompt explains them, (n,), 0.02 to 0.98.

    A ridge regression of their log-odds on the facts in the prompt: what the prompt does not show would be noise to the
    model. It also predicts the rows on which the verifiers abstain. Without facts, or with fewer than `MIN_FIT` scored
    rows, nothing is fitted: the targets are the probabilities themselves, and 1/2 where the verifiers abstain.

    Args:
        facts: of the prompts, (n,); None for closed-book prompts.
        known: the verifiers' probabilities, (n,); NaN where they abstain.
    """
    logits = clipped_logit(known, 0.02)
    scored = ~np.isnan(logits)
    if facts is not None and scored.sum() >= MIN_FIT:
        from sklearn.linear_model import Ridge

        features = np.array([[value for kind in _FEATURES for value in item.numbers()[kind]] for item in facts])
        logits = Ridge(alpha=3.0).fit(features[scored], logits[scored]).predict(features)
    return np.asarray(np.clip(expit(np.nan_to_num(logits)), 0.02, 0.98), dtype=np.float64)


def _reasoning(rows: QuestionSet, row: int, claim: Claim) -> str:
    if rows.facts is None:
        return "From the names alone."
    name = rows.frame["object_name"][row] if "object_name" in rows.frame.columns else None
    text = rationale(claim, rows.facts.facts(claim), name)
    return text if rows.names is None else rows.names.in_text(text, claim, rows.facts)
