"""A monotone calibration: scores of any scale to probabilities, kept as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verifiers.logistic import Logistic, fit_logistic

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Isotonic:
    """Piecewise linear, never falling: `points` are (score, probability), ascending; constant beyond the ends.

    Raises:
        ValueError: no point, a falling one, or a probability outside 0 to 1.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        table = np.asarray(self.points, dtype=np.float64).reshape(-1, 2)
        if not len(table) or not np.isfinite(table).all() or (np.diff(table, axis=0) < 0).any():
            raise ValueError("an isotonic calibration needs finite points that never fall")
        if table[0, 1] < 0 or table[-1, 1] > 1:
            raise ValueError("probabilities must lie between 0 and 1")

    def __call__(self, scores: ArrayLike) -> FloatArray:
        """Probabilities, shape (n,), for scores, shape (n,)."""
        stops, values = zip(*self.points, strict=True)
        found: FloatArray = np.interp(np.asarray(scores, dtype=np.float64), stops, values)
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"points": [list(point) for point in self.points]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Isotonic:
        """What `to_json` wrote."""
        return cls(tuple((float(score), float(probability)) for score, probability in value["points"]))


def fit_isotonic(scores: ArrayLike, labels: ArrayLike) -> Isotonic:
    """The least-squares fit that never falls (pool adjacent violators), through the middle of each level.

    Joining the middles of the levels keeps the order of scores inside a level, where a step function would tie them.

    Args:
        scores: finite, shape (n,), n > 0.
        labels: 0 or 1, shape (n,).
    """
    from sklearn.isotonic import IsotonicRegression

    values = np.asarray(scores, dtype=np.float64)
    fitted = IsotonicRegression().fit_transform(values, np.asarray(labels, dtype=np.float64))
    levels, place = np.unique(fitted, return_inverse=True)
    middles = np.bincount(place, values) / np.bincount(place)
    return Isotonic(tuple(zip(middles.tolist(), levels.clip(0.0, 1.0).tolist(), strict=True)))


def fit_platt(scores: ArrayLike, labels: ArrayLike) -> Logistic:
    """Platt scaling: a logistic fit on the score alone; call it with a matrix of shape (n, 1)."""
    values = np.asarray(scores, dtype=np.float64).reshape(-1, 1)
    return fit_logistic(values, np.asarray(labels), ("score",))
