"""Scores of verifiers: each claim and each text is scored once, however many rewards read the score."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from weakref import WeakValueDictionary

import numpy as np

from rbio_kg.core.claims import Claim
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.answers import scores_of
from rbio_kg.verifiers.base.verifier import Verifier

CACHE_SIZE = 65_536
"""Scores kept of one verifier, the latest used ones. Texts are kept as digests to save memory."""

_Key = tuple[Claim, bytes]


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
            values = scores_of(name, self.verifier, [claims[i] for i in rows], missing_texts)
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
