"""From several verifiers' probabilities to pay for one answer: pooling, scoring rules, and a gene's habit taken out.

Notation: v is the verifiers' probability that the claim holds, q the probability that the completion states (answer yes
with confidence c: q = c; no: q = 1 - c; without a confidence: 1 or 0), pi how often the like is true of
the monitored gene among training knockdowns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rbio_kg.core.errors import RewardError
from rbio_kg.core.typing import BoolArray, FloatArray

Pooling = Literal["mean", "log_odds"]
Scoring = Literal["linear", "brier", "log"]
Rule = Callable[[ArrayLike, ArrayLike], FloatArray]

CERTAINTY = 1e-3
"""Probabilities are kept this far from 0 and 1 before a logit is taken, so that one certain verifier cannot silence the
others and nothing becomes infinite."""
LOG_CLIP = 0.02
"""The log rule clips q to [LOG_CLIP, 1 - LOG_CLIP]."""


DEFAULT_WEIGHTS = {"graph_path": 0.05, "link_predictor": 0.05, "expression": 0.9}
"""Weights of the claim verifiers where nobody gives others. Paths and links do not know how often a gene changes: with
more weight they spoil the calibration of knockdowns (`benchmarks/verifiers/pooling.py`). Where expression is silent
they share all."""
DEFAULT_POOLING: Pooling = "log_odds"
"""How the default reward pools them."""


def logit(p: ArrayLike) -> FloatArray:
    """ln(p / (1 - p)) of probabilities kept within [CERTAINTY, 1 - CERTAINTY]; NaN stays NaN."""
    kept = np.clip(np.asarray(p, dtype=np.float64), CERTAINTY, 1.0 - CERTAINTY)
    return np.asarray(np.log(kept) - np.log1p(-kept), dtype=np.float64)


def sigmoid(x: ArrayLike) -> FloatArray:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, dtype=np.float64))), dtype=np.float64)


def pool(scores: ArrayLike, weights: ArrayLike, how: Pooling = "mean") -> tuple[FloatArray, BoolArray]:
    """Pool the verifiers that spoke, with their weights renormalised over those.

    Args:
        scores: probabilities of shape (verifiers, n), NaN where a verifier abstains.
        weights: shape (verifiers,), not negative, at least one positive. A verifier of weight 0 is never heard.
        how: `mean`, the weighted mean, or `log_odds`, the sigmoid of the weighted mean of the logits.

    Returns:
        v of shape (n,), NaN where nobody with a positive weight spoke, and `spoke` of shape (verifiers, n).

    Raises:
        RewardError: shapes do not fit, weights are not usable, or `how` is unknown.
    """
    table = np.asarray(scores, dtype=np.float64)
    shares = np.asarray(weights, dtype=np.float64)
    if table.ndim != 2 or shares.shape != table.shape[:1]:
        raise RewardError(f"scores of shape {table.shape} cannot be pooled with weights of shape {shares.shape}")
    if not np.isfinite(shares).all() or (shares < 0).any() or not (shares > 0).any():
        raise RewardError(f"weights must be numbers >= 0, one of them positive, not {shares.tolist()}")
    if how not in ("mean", "log_odds"):
        raise RewardError(f"unknown pooling {how!r}", hint="known: mean, log_odds")
    spoke = ~np.isnan(table)
    heard = np.where(spoke, shares[:, None], 0.0)
    values = logit(table) if how == "log_odds" else table
    total = heard.sum(axis=0)
    summed = (heard * np.where(spoke, values, 0.0)).sum(axis=0)
    mean = np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)
    # Rounding errors of the weighted mean must not leave the range of probabilities.
    return np.clip(sigmoid(mean) if how == "log_odds" else mean, 0.0, 1.0), spoke


def linear(v: ArrayLike, q: ArrayLike) -> FloatArray:
    """v for yes (q > 1/2), 1 - v for no (q < 1/2), 1/2 for neither: the confidence is ignored. Not proper."""
    v, q = np.asarray(v, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.where(q > 0.5, v, np.where(q < 0.5, 1.0 - v, 0.5 + 0.0 * v))


def brier(v: ArrayLike, q: ArrayLike) -> FloatArray:
    """1 - [v (1 - q)^2 + (1 - v) q^2], 0 to 1: the expected pay where the claim holds with probability v. Proper."""
    v, q = np.asarray(v, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.asarray(1.0 - (v * (1.0 - q) ** 2 + (1.0 - v) * q**2), dtype=np.float64)


def log(v: ArrayLike, q: ArrayLike) -> FloatArray:
    """v ln q + (1 - v) ln(1 - q), q clipped to [.02, .98], rescaled to 0..1. Proper inside the clip."""
    v = np.asarray(v, dtype=np.float64)
    q = np.clip(np.asarray(q, dtype=np.float64), LOG_CLIP, 1.0 - LOG_CLIP)
    raw = v * np.log(q) + (1.0 - v) * np.log1p(-q)
    low, high = np.log(LOG_CLIP), np.log1p(-LOG_CLIP)
    return np.asarray(np.clip((raw - low) / (high - low), 0.0, 1.0), dtype=np.float64)


RULES: dict[str, Rule] = {"linear": linear, "brier": brier, "log": log}


def scoring_rule(name: str) -> Rule:
    """The rule of this name: pay in 0..1 for stating q where the verifiers say v; broadcasts.

    Raises:
        RewardError: there is no such rule.
    """
    try:
        return RULES[name]
    except KeyError:
        raise RewardError(f"unknown scoring rule {name!r}", hint=f"known: {', '.join(RULES)}") from None


def relative(v: ArrayLike, pi: ArrayLike) -> FloatArray:
    """v* = sigmoid(logit v - logit pi): what is said beyond the gene's habit; 1/2 where v equals pi, NaN stays NaN."""
    return sigmoid(logit(v) - logit(pi))


def rounded(values: ArrayLike, step: float) -> FloatArray:
    """Values rounded to the nearest multiple of `step` (0: left as they are), kept within 0..1; NaN stays NaN.

    Trainers divide by a group's spread, so a noise of 0.002 between equally good texts would become a full advantage.
    """
    values = np.asarray(values, dtype=np.float64)
    if step <= 0:
        return values
    # The second rounding removes what the multiplication leaves in the last digits (0.15000000000000002).
    return np.clip(np.round(np.round(values / step) * step, 10), 0.0, 1.0)
