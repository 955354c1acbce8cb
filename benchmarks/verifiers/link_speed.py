"""How fast a fitted link predictor scores: arrays in, and claims in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rbio_kg.core.claims import Claim
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.link_predictor.model import LinkModel
from rbio_kg.verifiers.link_predictor.split import LinkSplit
from rbio_kg.verifiers.link_predictor.verifier import LinkPredictorVerifier
from rbio_kg.verifiers.stats.logistic import Logistic

PAIRS = 100_000


def rates(model: LinkModel, split: LinkSplit, snapshot: Snapshot, folder: Path) -> dict[str, Any]:
    """Pairs and claims per second by relation, of processor time and by the clock on all cores, from a model read back
    from its files; true, random and hard pairs as in validation.
    """
    names = list(model.decoders)
    plain = {name: Logistic(("log_odds",), (1.0,), 0.0) for name in names}
    replace(model, calibrations=plain).save(folder / "model")
    read, verifier = LinkModel.read(folder / "model"), LinkPredictorVerifier(folder / "model", snapshot.directory)
    genes, keys = snapshot.genes.keys, {"terms": snapshot.terms.keys, "pathways": snapshot.pathways.keys}
    out = {}
    for name in names:
        pairs = split.validation[name]
        drawn = np.random.default_rng(0).integers(0, len(pairs), PAIRS)
        a, b = pairs.a[drawn], pairs.b[drawn]
        objects = keys.get(name, genes)
        relation = name if name not in keys else "takes_part_in"
        claims = [Claim(genes[x], relation, objects[y]) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        read.probabilities(name, a[:9], b[:9])
        verifier.score(claims[:9])
        out[name] = {
            "arrays": _rate(lambda name=name, a=a, b=b: read.probabilities(name, a, b)),
            "claims": _rate(lambda claims=claims: verifier.score(claims)),
        }
    return out


def _rate(work: Callable[[], Any]) -> dict[str, float]:
    clock, spent = time.perf_counter(), time.process_time()
    work()
    clock, spent = time.perf_counter() - clock, time.process_time() - spent
    return {"processor": round(PAIRS / spent), "clock": round(PAIRS / clock)}
