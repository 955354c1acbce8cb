"""The one check of what a verifier answers. A verifier may be foreign code, so that every caller asks through here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from rbio_kg.core.claims import Claim, Status, Verdict
from rbio_kg.core.errors import AnswerError, RbioKGError, VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Card, Verifier, rests_on_simulated_labels

CHECK_HINT = "rbio-kg verifiers check shows every fault of a verifier"


def scores_of(name: str, verifier: Verifier, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
    """The verifier's scores, checked: float64 (n,), 0 to 1, NaN where it abstains.

    Args:
        name: of the verifier in messages.
        verifier: to ask.
        claims: (n,).
        texts: (n,), for text verifiers.

    Raises:
        VerifierError: the verifier raised.
        AnswerError: it returned something else than n probabilities.
    """
    with _attributed(name):
        answer = verifier.score(claims, texts)
    return checked_scores(name, answer, claims)


def checked_scores(name: str, answer: Any, claims: Sequence[Claim]) -> FloatArray:
    """What `Verifier.score` returned for these claims, if it is an array of probabilities.

    Raises:
        AnswerError: its type, shape or dtype differs, or a value is neither NaN nor between 0 and 1.

    Example:
        >>> claims = [Claim("TP53", "regulates", "MDM2")]
        >>> checked_scores("mine", np.array([[0.5]]), claims)
        Traceback (most recent call last):
        ...
        rbio_kg.core.errors.AnswerError: verifier mine gave float64 of shape (1, 1) for 1 claims, ...
    """
    count = len(claims)
    if not isinstance(answer, np.ndarray) or answer.shape != (count,) or answer.dtype != np.float64:
        raise AnswerError(
            f"verifier {name} gave {_kind(answer)} for {count} claims, not a float64 array of shape ({count},)",
            hint=CHECK_HINT,
        )
    wrong = np.flatnonzero(~np.isnan(answer) & ~((answer >= 0.0) & (answer <= 1.0)))
    if len(wrong):
        i = int(wrong[0])
        raise AnswerError(
            f"verifier {name} scored {answer[i]:g} for {claims[i]}: not a probability, which is 0 to 1, "
            "or NaN where it abstains",
            hint=CHECK_HINT,
        )
    return answer


def verdict_of(name: str, verifier: Verifier, claim: Claim, text: str | None = None) -> Verdict:
    """The verifier's verdict on one claim.

    Raises:
        VerifierError: the verifier raised.
        AnswerError: it returned something else than a verdict.
    """
    with _attributed(name):
        verdict, card = verifier.explain(claim, text), verifier.card
    return checked_verdict(name, verdict, claim, card)


def checked_verdict(name: str, verdict: Any, claim: Claim, card: Card) -> Verdict:
    """What `Verifier.explain` returned for this claim, if it is a verdict; a verdict checks its score itself.

    It is marked as simulated where the card says so.

    Raises:
        AnswerError: it is something else.
    """
    if not isinstance(verdict, Verdict):
        raise AnswerError(f"verifier {name} explained {claim} by {_kind(verdict)}, not a Verdict", hint=CHECK_HINT)
    if verdict.status is Status.OK and not verdict.simulated and rests_on_simulated_labels(card, claim.relation):
        return replace(verdict, simulated=True)
    return verdict


@contextmanager
def _attributed(name: str) -> Iterator[None]:
    """Every exception of a verifier becomes a VerifierError that names the verifier."""
    try:
        yield
    except Exception as error:
        raise VerifierError(
            f"verifier {name} failed: {type(error).__name__}: {error}",
            hint="" if isinstance(error, RbioKGError) else "this is a fault in the verifier, not in rbio-kg",
        ) from error


def _kind(answer: Any) -> str:
    """What an answer is, in a few words."""
    if isinstance(answer, np.ndarray):
        return f"{answer.dtype} of shape {answer.shape}"
    if isinstance(answer, (list, tuple)):
        inside = sorted({type(item).__name__ for item in answer})
        return f"a {type(answer).__name__} of {len(answer)} ({', '.join(inside[:3])})"
    return "None" if answer is None else f"a {type(answer).__name__}"
