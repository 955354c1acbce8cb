"""Probabilities and rates: clipped log odds, and rates shrunk towards a base rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from rbio_kg.core.typing import FloatArray

PRIOR_ROWS = 2.0
"""Rows of the base rate that `shrunken_rate` adds to a gene's own rows."""


def clipped_logit(p: ArrayLike, clip: float = 1e-6) -> FloatArray:
    """ln(p / (1 - p)) of probabilities clipped to [clip, 1 - clip]; NaN stays NaN.

    Example:
        >>> clipped_logit([0.5, 1.0], 0.01).round(3).tolist()
        [0.0, 4.595]
    """
    return np.asarray(logit(np.clip(np.asarray(p, dtype=np.float64), clip, 1.0 - clip)), dtype=np.float64)


def shrunken_rate(ones: Any, rows: Any, base: Any) -> Any:
    """(ones + PRIOR_ROWS * base) / (rows + PRIOR_ROWS): the rate of label 1, shrunk towards the base rate.

    Args:
        ones: number of rows with label 1; a number, an array or a polars expression, as the other two.
        rows: number of rows.
        base: base rate, 0 to 1.

    Example:
        >>> shrunken_rate(3, 4, 0.5)
        0.6666666666666666
    """
    return (ones + PRIOR_ROWS * base) / (rows + PRIOR_ROWS)
