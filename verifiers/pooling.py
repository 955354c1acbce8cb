"""Pooling: from the probabilities of several verifiers to one, with one default for weights and method."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from rbio_kg.core.errors import RewardError
from rbio_kg.core.typing import BoolArray, FloatArray
from rbio_kg.verifiers.stats.probability import clipped_logit

Pooling = Literal["mean", "log_odds"]

CERTAINTY = 1e-3
"""Probabilities are clipped to [CERTAINTY, 1 - CERTAINTY] before a logit is taken. One certain verifier then cannot
decide alone, and nothing becomes infinite."""

DEFAULT_WEIGHTS = {"graph_path": 0.05, "link_predictor": 0.05, "expression": 0.9}
"""Weights of the claim verifiers where no others are given. Paths and links do not know how often a gene changes: with
more weight they spoil the calibration on knockdowns (`benchmarks/verifiers/pooling.py`). Where the expression verifier
abstains, they share all of the weight."""
DEFAULT_POOLING: Pooling = "log_odds"
"""How `explain`, `ComposedReward`, `Workspace.reward` and recipes pool them (docs/results/appendix.md)."""


def pool(scores: ArrayLike, weights: ArrayLike, how: Pooling = DEFAULT_POOLING) -> tuple[FloatArray, BoolArray]:
    """Pool the verifiers that scored a claim, with their weights renormalised over those.

    Args:
        scores: probabilities of shape (verifiers, n), NaN where a verifier abstains.
        weights: shape (verifiers,), not negative, at least one positive. A verifier of weight 0 has no influence.
        how: `mean`, the weighted mean, or `log_odds`, expit of the weighted mean of the logits.

    Returns:
        v of shape (n,), NaN where no verifier with a positive weight scored, and a mask of shape (verifiers, n): which
        verifiers scored.

    Raises:
        RewardError: the arrays do not fit together, weights are not usable, or `how` is unknown.

    Example:
        >>> v, scored = pool([[0.9, float("nan")], [0.5, 0.2]], weights=[3.0, 1.0], how="mean")
        >>> v.round(3).tolist()
        [0.8, 0.2]
        >>> scored.tolist()
        [[True, False], [True, True]]
    """
    table = np.asarray(scores, dtype=np.float64)
    shares = np.asarray(weights, dtype=np.float64)
    if table.ndim != 2 or shares.shape != table.shape[:1]:
        raise RewardError(f"scores of shape {table.shape} cannot be pooled with weights of shape {shares.shape}")
    if not np.isfinite(shares).all() or (shares < 0).any() or not (shares > 0).any():
        raise RewardError(f"weights must be numbers >= 0, one of them positive, not {shares.tolist()}")
    if how not in ("mean", "log_odds"):
        raise RewardError(f"unknown pooling {how!r}", hint="known: mean, log_odds")
    scored = ~np.isnan(table)
    used = np.where(scored, shares[:, None], 0.0)
    values = clipped_logit(table, CERTAINTY) if how == "log_odds" else table
    total = used.sum(axis=0)
    summed = (used * np.where(scored, values, 0.0)).sum(axis=0)
    mean = np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)
    # Rounding errors of the weighted mean must not leave the range of probabilities.
    return np.clip(expit(mean) if how == "log_odds" else mean, 0.0, 1.0), scored
