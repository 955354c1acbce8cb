"""Own verifiers with one fault each in what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rbio_kg.core.claims import Claim, Relation, Status, Verdict
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Card, Verifier


def _raises(n: int) -> Any:
    raise ZeroDivisionError("no weights")


def _one_too_low(n: int) -> Any:
    scores = np.linspace(0.0, 1.0, n)
    scores[-1:] = -0.001
    return scores


WRONG_ANSWERS: dict[str, Callable[[int], Any]] = {
    "column": lambda n: np.full((n, 1), 0.5),
    "row": lambda n: np.full((1, n), 0.5),
    "square": lambda n: np.full((n, n), 0.5),
    "longer": lambda n: np.full(n + 1, 0.5),
    "shorter": lambda n: np.full(n - 1, 0.5),
    "one": lambda n: np.array([0.5]),
    "nothing": lambda n: np.zeros(0),
    "scalar_array": lambda n: np.array(0.5),
    "number": lambda n: 0.5,
    "none": lambda n: None,
    "list_of_none": lambda n: [None] * n,
    "list_of_numbers": lambda n: [0.5] * n,
    "tuple_of_numbers": lambda n: (0.5,) * n,
    "list_of_strings": lambda n: ["0.5"] * n,
    "array_of_strings": lambda n: np.array(["0.5"] * n),
    "array_of_objects": lambda n: np.array([0.5] * n, dtype=object),
    "generator": lambda n: (0.5 for _ in range(n)),
    "dictionary": lambda n: {"scores": [0.5] * n},
    "text": lambda n: "0.5",
    "single": lambda n: np.full(n, 0.5, dtype=np.float32),
    "integers": lambda n: np.ones(n, dtype=np.int64),
    "booleans": lambda n: np.ones(n, dtype=np.bool_),
    "complex": lambda n: np.full(n, 0.5 + 0j),
    "high": lambda n: np.full(n, 1.2),
    "percent": lambda n: np.full(n, 73.0),
    "low": lambda n: np.full(n, -0.2),
    "one_too_low": _one_too_low,
    "infinite": lambda n: np.full(n, np.inf),
    "minus_infinite": lambda n: np.full(n, -np.inf),
    "raises": _raises,
}
"""Functions of the number of claims; each breaks the interface in one way for three claims and more."""


class WrongVerifier(Verifier):
    """Answers `score` as one of `WRONG_ANSWERS` does."""

    name = "wrong"
    card = Card("nothing", frozenset(Relation), "never", ("none",), "none", "none")

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        answer: FloatArray = WRONG_ANSWERS[self.fault](len(claims))
        return answer

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        return Verdict(0.5, Status.OK, (), "one half", self.name)


def opened(fault: str) -> Callable[[Any], WrongVerifier]:
    """A callable that takes the workspace, as the registry wants it."""
    return lambda workspace: WrongVerifier(fault)


for _fault in WRONG_ANSWERS:
    globals()[_fault] = opened(_fault)
