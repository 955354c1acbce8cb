"""Scoring rules: the reward of one answer, given the probability that the verifiers assign to the claim.

Notation: v is the verifiers' probability that the claim holds. q is the probability that the completion states: with
confidence c, a yes states c and a no states 1 - c; without a confidence they state 1 and 0. pi is the base rate of the
monitored gene: the fraction of training knockdowns for which the relation holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from rbio_kg.core.errors import RewardError
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.pooling import CERTAINTY
from rbio_kg.verifiers.stats.probability import clipped_logit

Scoring = Literal["linear", "brier", "log"]
Rule = Callable[[ArrayLike, ArrayLike], FloatArray]

LOG_CLIP = 0.02
"""The log rule clips q to [LOG_CLIP, 1 - LOG_CLIP]."""


def linear(v: ArrayLike, q: ArrayLike) -> FloatArray:
    """v for yes (q > 1/2), 1 - v for no (q < 1/2), 1/2 for neither. It ignores the confidence and is not proper."""
    v, q = np.asarray(v, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.where(q > 0.5, v, np.where(q < 0.5, 1.0 - v, 0.5 + 0.0 * v))


def brier(v: ArrayLike, q: ArrayLike) -> FloatArray:
    """1 - [v (1 - q)^2 + (1 - v) q^2], 0 to 1: one minus the expected Brier loss. Proper.

    Example:
        >>> float(brier(0.8, 0.8)) > float(brier(0.8, 1.0))
        True
    """
    v, q = np.asarray(v, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.asarray(1.0 - (v * (1.0 - q) ** 2 + (1.0 - v) * q**2), dtype=np.float64)


def log(v: ArrayLike, q: ArrayLike) -> FloatArray:
    """v ln q + (1 - v) ln(1 - q), with q clipped to [0.02, 0.98] and rescaled to 0..1. Proper inside the clip."""
    v = np.asarray(v, dtype=np.float64)
    q = np.clip(np.asarray(q, dtype=np.float64), LOG_CLIP, 1.0 - LOG_CLIP)
    raw = v * np.log(q) + (1.0 - v) * np.log1p(-q)
    low, high = np.log(LOG_CLIP), np.log1p(-LOG_CLIP)
    return np.asarray(np.clip((raw - low) / (high - low), 0.0, 1.0), dtype=np.float64)


RULES: dict[str, Rule] = {"linear": linear, "brier": brier, "log": log}


def scoring_rule(name: str) -> Rule:
    """The rule of this name: the reward, 0 to 1, for stating q where the verifiers state v; broadcasts.

    Raises:
        RewardError: there is no such rule.

    Example:
        >>> rule = scoring_rule("brier")
        >>> round(float(rule(0.9, 0.8)), 3)
        0.9
    """
    try:
        return RULES[name]
    except KeyError:
        raise RewardError(f"unknown scoring rule {name!r}", hint=f"known: {', '.join(RULES)}") from None


def relative(v: ArrayLike, pi: ArrayLike) -> FloatArray:
    """v* = expit(logit v - logit pi): v compared with the gene's base rate. 1/2 where v equals pi; NaN stays NaN."""
    return np.asarray(expit(clipped_logit(v, CERTAINTY) - clipped_logit(pi, CERTAINTY)), dtype=np.float64)


def rounded(values: ArrayLike, step: float) -> FloatArray:
    """Values rounded to the nearest multiple of `step` and kept within 0..1; NaN stays NaN.

    A step of 0 leaves the values as they are. Trainers divide by the spread of a group. Without rounding, a noise of
    0.002 between equally good texts would become a full advantage.
    """
    values = np.asarray(values, dtype=np.float64)
    if step <= 0:
        return values
    # The second rounding removes what the multiplication leaves in the last digits (0.15000000000000002).
    return np.clip(np.round(np.round(values / step) * step, 10), 0.0, 1.0)
