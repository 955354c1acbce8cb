"""A logistic calibration that is fitted once and evaluated with numpy alone; kept as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rbio_kg.core.typing import FloatArray


@dataclass(frozen=True)
class Logistic:
    """P = expit(intercept + offset of the group + coefficients . parts).

    Args:
        parts: names of the columns.
        coefficients: one per part.
        intercept: log odds where all parts are 0.
        offsets: log odds added for a named group (a cell line); an unknown group adds the mean offset.
    """

    parts: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float
    offsets: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, matrix: FloatArray, groups: Sequence[str | None] | None = None) -> FloatArray:
        """Probabilities (n,) for parts (n, parts)."""
        return np.asarray(expit(self.log_odds(matrix, groups)), dtype=np.float64)

    def log_odds(self, matrix: FloatArray, groups: Sequence[str | None] | None = None) -> FloatArray:
        """Log odds (n,) for parts (n, parts)."""
        # A sum by columns, not a matrix product: BLAS sums in another order for another number of rows.
        odds = np.full(len(matrix), self.intercept)
        for column, coefficient in enumerate(self.coefficients):
            odds += coefficient * matrix[:, column]
        if self.offsets:
            mean = float(np.mean(list(self.offsets.values())))
            wanted = groups if groups is not None else [None] * len(matrix)
            odds += np.array([mean if name is None else self.offsets.get(name, mean) for name in wanted])
        return odds

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "parts": list(self.parts),
            "coefficients": list(self.coefficients),
            "intercept": self.intercept,
            "offsets": dict(self.offsets),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Logistic:
        """What `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is not.
        """
        parts, coefficients = tuple(map(str, value["parts"])), tuple(map(float, value["coefficients"]))
        if len(parts) != len(coefficients):
            raise ValueError(f"{len(coefficients)} coefficients for {len(parts)} parts")
        offsets = {str(name): float(offset) for name, offset in value["offsets"].items()}
        numbers = (*coefficients, float(value["intercept"]), *offsets.values())
        if not np.isfinite(numbers).all():
            raise ValueError("a coefficient is not a finite number")
        return cls(parts, coefficients, float(value["intercept"]), offsets)


def fit_logistic(
    matrix: FloatArray, labels: NDArray[Any], parts: tuple[str, ...], groups: Sequence[str] | None = None
) -> Logistic:
    """The maximum-likelihood fit with a slight ridge (C = 10 on standardised parts).

    Args:
        matrix: (n, parts).
        labels: (n,), 0 or 1; both must occur.
        parts: names of the columns.
        groups: each row's group, for an offset of its own; None for none.
    """
    from sklearn.linear_model import LogisticRegression

    names = sorted(set(groups)) if groups is not None else []
    indicator = np.array([[group == name for name in names] for group in groups or ()], dtype=np.float64)
    scale = np.where(matrix.std(axis=0) > 0, matrix.std(axis=0), 1.0)
    columns = np.hstack((matrix / scale, indicator)) if names else matrix / scale
    model = LogisticRegression(C=10.0, max_iter=2000).fit(columns, np.asarray(labels, dtype=np.int64))
    weights = model.coef_[0]
    coefficients = weights[: matrix.shape[1]] / scale
    offsets = dict(zip(names, map(float, weights[matrix.shape[1] :]), strict=True))
    return Logistic(parts, tuple(map(float, coefficients)), float(model.intercept_[0]), offsets)
