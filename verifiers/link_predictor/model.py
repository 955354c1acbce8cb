"""The fitted link predictor as arrays: scored with numpy, saved as a folder of `.npy`, without pickle or torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.atomic_io import atomic_folder
from rbio_kg.core.errors import ModelError
from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot import kernels
from rbio_kg.graph.snapshot.arrays import read_folder, write_folder
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.verifiers.link_predictor.features import FEATURES, LinkParts, features
from rbio_kg.verifiers.link_predictor.negatives import RELATIONS
from rbio_kg.verifiers.link_predictor.split import MessageGraph
from rbio_kg.verifiers.link_predictor.svd import Latent
from rbio_kg.verifiers.stats.logistic import Logistic

KIND = "rbio-kg link predictor"
HINT = "fit it again with rbio-kg train link-predictor"
KNOCKDOWN_PARTS = (
    "link",
    "regulation_link",
    "path",
    "term",
    "overlap",
    "pathway",
    "resource_allocation",
    "direct",
    "cascade",
    "regulated",
)
"""Parts of the knockdown calibrations: log odds of the two predicted links, and structural features."""


_MATRICES = (
    "interactions",
    "regulates",
    "regulated_by",
    "annotations",
    "closure",
    "term_genes",
    "memberships",
    "pathway_genes",
    "term_parents",
)
_DECODER = ("subject", "object", "mix", "mix_bias", "inner", "inner_bias", "out", "out_bias", "skip")
_BLOCK = 8_192
NATURAL_SUFFIX = ".natural"


@dataclass(frozen=True)
class LinkModel:
    """Everything that scoring needs.

    Args:
        build_id: the build it was fitted on.
        snapshot: where that build's snapshot lay, relative to the model's folder.
        graph: the known graph (message and supervision edges); features are computed from it.
        latent: low-rank tables of it.
        embeddings: float32 (nodes, width) for `gene`, `term` and `pathway`.
        decoders: weights by relation, see `rbio_kg.verifiers.link_predictor.decoder.Decoder`.
        scaling: mean and spread (2, k) of each relation's features.
        calibrations: log odds -> probability by relation at one true pair in five, half of the false ones hard; the
            same at the natural base rate under the relation's name and `NATURAL_SUFFIX`; and `changes`, `rises` where
            training questions were given.
        metrics: what was measured on validation edges.
        simulated: whether the knockdown calibrations rest on simulated labels.
    """

    build_id: str
    snapshot: str
    graph: MessageGraph
    latent: Latent
    embeddings: Mapping[str, NDArray[np.float32]]
    decoders: Mapping[str, Mapping[str, FloatArray]]
    scaling: Mapping[str, FloatArray]
    calibrations: Mapping[str, Logistic]
    metrics: Mapping[str, Any]
    simulated: bool = False

    @cached_property
    def parts(self) -> LinkParts:
        """Structural parts over the known graph."""
        return LinkParts(self.graph, self.latent)

    def log_odds(self, relation: str, a: Indices, b: Indices, columns: FloatArray | None = None) -> FloatArray:
        """Uncalibrated log odds (n,) of pairs; `columns` are their features where the caller has them.

        Blocks of pairs, small enough for the cache, are shared among the processor's cores: kernels and matrix products
        release the interpreter lock.
        """
        odds = np.empty(len(a))

        def fill(start: int) -> None:
            part = slice(start, start + _BLOCK)
            raw = features(self.parts, relation, a[part], b[part]) if columns is None else columns[part]
            odds[part] = self._decode(relation, a[part], b[part], raw)

        starts = range(0, len(a), _BLOCK)
        if starts:
            fill(0)  # Alone: it computes what is computed at first use.
        if len(starts) > 1:
            with ThreadPoolExecutor(min(len(starts) - 1, os.cpu_count() or 1)) as pool:
                list(pool.map(fill, starts[1:]))
        # Matrix products differ in the last digits with the number of rows; equal claims must get equal scores.
        return np.round(odds, 9)

    def _decode(self, relation: str, a: Indices, b: Indices, columns: FloatArray) -> FloatArray:
        x = (columns - self.scaling[relation][0]) / self.scaling[relation][1]
        w = self.decoders[relation]
        kind = {"terms": "term", "pathways": "pathway"}.get(relation, "gene")
        u = self.embeddings["gene"][a].astype(np.float64) @ w["subject"]
        v = self.embeddings[kind][b].astype(np.float64) @ w["object"]
        hidden = np.maximum(np.hstack((u * v, x)) @ w["mix"] + w["mix_bias"], 0.0)
        hidden = np.maximum(hidden @ w["inner"] + w["inner_bias"], 0.0)
        odds: FloatArray = hidden @ w["out"] + w["out_bias"][0] + x @ w["skip"]
        return odds

    def probabilities(self, relation: str, a: Indices, b: Indices, *, natural: bool = False) -> FloatArray:
        """Calibrated probabilities (n,) of pairs of one of the structural relations; see `calibrations`."""
        name = relation + NATURAL_SUFFIX if natural else relation
        return self.calibrations[name](self.log_odds(relation, a, b)[:, None])

    def knockdown_matrix(self, a: Indices, b: Indices) -> FloatArray:
        """The columns of `KNOCKDOWN_PARTS`, (n, parts)."""
        pairs = self.parts.paths.genes(a, b)
        own = ("path", "term", "overlap", "pathway", "direct", "cascade", "regulated")
        named = {part: getattr(pairs, part) for part in own}
        interactions = self.graph.interactions
        named["resource_allocation"] = np.sqrt(
            kernels.shared_neighbours(interactions.indptr, interactions.indices, a, b)[2]
        )
        for part, relation in (("link", "interacts_with"), ("regulation_link", "regulates")):
            named[part] = self.log_odds(relation, a, b) if relation in self.decoders else np.zeros(len(a))
        return np.stack([named[part] for part in KNOCKDOWN_PARTS], axis=1)

    def save(self, model_dir: Path) -> None:
        """Write the model's folder atomically."""
        arrays: dict[str, NDArray[Any]] = {}
        for name in _MATRICES:
            csr: Csr = getattr(self.graph, name)
            arrays |= {f"{name}.indptr": csr.indptr, f"{name}.indices": csr.indices, f"{name}.weights": csr.weights}
        arrays["pathway_sizes"] = self.graph.pathway_sizes
        arrays["information_content"] = self.graph.information_content
        arrays |= self.latent.arrays()
        arrays |= {f"embedding.{kind}": table for kind, table in self.embeddings.items()}
        for relation, weights in self.decoders.items():
            arrays |= {f"decoder.{relation}.{name}": value for name, value in weights.items()}
            arrays[f"scaling.{relation}"] = self.scaling[relation]
        meta = {
            "build_id": self.build_id,
            "snapshot": self.snapshot,
            "relations": sorted(self.decoders),
            "features": {name: list(FEATURES[name]) for name in sorted(self.decoders)},
            "calibrations": {name: fit.to_json() for name, fit in self.calibrations.items()},
            "metrics": dict(self.metrics),
            "simulated": self.simulated,
        }
        with atomic_folder(Path(model_dir)) as temporary:
            write_folder(temporary, kind=KIND, arrays=arrays, meta=meta)

    @classmethod
    def read(cls, model_dir: Path, *, verify: bool = True) -> LinkModel:
        """Open what `save` wrote, memory-mapped.

        Raises:
            ModelError: missing, cut short, changed, or of another version.
        """
        model_dir = Path(model_dir)
        arrays, meta = read_folder(model_dir, kind=KIND, error=ModelError, hint=HINT, verify=verify)
        try:
            matrices = {
                name: Csr(*(arrays[f"{name}.{part}"] for part in ("indptr", "indices", "weights")))
                for name in _MATRICES
            }
            graph = MessageGraph(
                **matrices, pathway_sizes=arrays["pathway_sizes"], information_content=arrays["information_content"]
            )
            relations = [name for name in RELATIONS if name in meta["relations"]]
            if any(tuple(meta["features"][name]) != FEATURES[name] for name in relations):
                raise ValueError("its features are not the ones this version computes")
            return cls(
                build_id=meta["build_id"],
                snapshot=meta["snapshot"],
                graph=graph,
                latent=Latent.of_arrays(arrays),
                embeddings={kind: arrays[f"embedding.{kind}"] for kind in ("gene", "term", "pathway")},
                decoders={
                    relation: {name: arrays[f"decoder.{relation}.{name}"] for name in _DECODER}
                    for relation in relations
                },
                scaling={relation: arrays[f"scaling.{relation}"] for relation in relations},
                calibrations={name: Logistic.from_json(value) for name, value in meta["calibrations"].items()},
                metrics=meta["metrics"],
                simulated=bool(meta["simulated"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            raise ModelError(f"the model is incomplete ({cause})", where=model_dir, hint=HINT) from cause
