"""Scores of verifiers: each claim and each text is scored once, however many rewards read the score."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import RbioKGError, VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Verifier

CACHE_SIZE = 65_536
"""Scores kept of one verifier, the latest used ones. Texts are kept as digests to save memory."""

_Key = tuple[Claim, bytes]


class AttributedErrors:
    """A context in which every exception of a verifier becomes a VerifierError that names the verifier."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise VerifierError(
                f"verifier {self.name} failed: {type(error).__name__}: {error}",
                hint="" if isinstance(error, RbioKGError) else "this is a fault in the verifier, not in the completion",
            ) from error


class ScoreCache:
    """Scores of one verifier. All rewards that hold the same verifier share one cache (see `cache_of`)."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self._known: OrderedDict[_Key, float] = OrderedDict()

    def scores(self, name: str, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """The verifier's scores, (n,), NaN where it abstains; it is called with unknown pairs of claim and text only.

        Args:
            name: the verifier's name in the reward, for errors.
            claims: (n,).
            texts: (n,), for text verifiers.

        Raises:
            VerifierError: the verifier raised, or returned something that is not a probability.
        """
        digests = [b""] * len(claims) if texts is None else [_digest(text) for text in texts]
        keys = list(zip(claims, digests, strict=True))
        missing = {key: i for i, key in enumerate(keys) if key not in self._known}
        found: dict[_Key, float] = {}
        if missing:
            rows = list(missing.values())
            missing_texts = None if texts is None else [texts[i] for i in rows]
            values = _call(name, self.verifier, [claims[i] for i in rows], missing_texts)
            found = dict(zip(missing, values.tolist(), strict=True))
        scores = np.array([found[key] if key in found else self._known[key] for key in keys], dtype=np.float64)
        for key, score in zip(keys, scores.tolist(), strict=True):
            self._known[key] = score
            self._known.move_to_end(key)
        while len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return scores

    def clear(self) -> None:
        """Drop all scores, for a verifier that has been changed."""
        self._known.clear()


_CACHES: WeakValueDictionary[int, ScoreCache] = WeakValueDictionary()


def cache_of(verifier: Verifier) -> ScoreCache:
    """The cache of this very object; it lives as long as something refers to it."""
    # By identity: a verifier need not be hashable. A cache refers to its verifier, so that the id is not reused.
    cache = _CACHES.get(id(verifier))
    if cache is None:
        cache = _CACHES[id(verifier)] = ScoreCache(verifier)
    return cache


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _call(name: str, verifier: Verifier, claims: list[Claim], texts: list[str] | None) -> FloatArray:
    with AttributedErrors(name):
        values: NDArray[np.float64] = np.asarray(verifier.score(claims, texts), dtype=np.float64)
    if values.shape != (len(claims),):
        raise VerifierError(f"verifier {name} gave scores of shape {values.shape} for {len(claims)} claims")
    wrong = ~np.isnan(values) & ~((values >= 0.0) & (values <= 1.0))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise VerifierError(f"verifier {name} scored {values[i]} for {claims[i]}: not a probability")
    return values
