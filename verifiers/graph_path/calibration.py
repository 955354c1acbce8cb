"""Path parts -> probabilities: logistic fits on the graph's own structure and on training knockdowns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import ModelError, VerifierError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.graph_path.features import PathParts
from rbio_kg.verifiers.graph_path.pair_parts import GROUP_PARTS
from rbio_kg.verifiers.stats.fit_calibration import TASK_FITS, fit_and_measure, knockdown_pairs
from rbio_kg.verifiers.stats.logistic import Logistic
from rbio_kg.verifiers.stats.negatives import (
    Pairs,
    degree_matched,
    false_pairs,
    group_negatives,
    is_known,
    keys_of,
    pair_negatives,
    walk,
)

FILE = "graph_path.json"
VERSION = 2
BASE_RATE = 0.2
"""Share of true claims that calibrated structural probabilities assume: four false ones were drawn for a true one."""
MOST_POSITIVES = 20_000
FEWEST = 10
"""Of fewer pairs of one label than this nothing is fitted: the verifier keeps to the raw combination and says so."""

PARTS: dict[str, tuple[str, ...]] = {
    "interacts_with": ("path", "two", "three", "cascade", "term", "overlap", "pathway"),
    "regulates": (
        "direct",
        "path",
        "two",
        "three",
        "cascade",
        "term",
        "overlap",
        "pathway",
        "is_regulator",
        "regulator",
        "regulated",
    ),
    "activates": ("cascade_activation", "subject_sign", "object_sign"),
    "terms": GROUP_PARTS,
    "pathways": GROUP_PARTS,
    "changes": ("direct", "path", "two", "three", "regulation", "cascade", "term", "overlap", "pathway"),
    "rises": ("direct", "path", "two", "three", "term", "overlap", "pathway", "sign", "cascade_activation"),
}
"""Parts that each fit sees. A pair's own edge is hidden from the fit of its own relation: it is the answer there.
`activates` is the probability that a regulation activates, given that it is one and has a sign."""


@dataclass(frozen=True)
class PathCalibration:
    """The fits by name (keys of `PARTS`), and what they rest on."""

    build_id: str
    fits: Mapping[str, Logistic]
    simulated: bool = False
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, model_dir: Path, build_id: str) -> PathCalibration:
        """Read what `fit_graph_path` wrote.

        Raises:
            ModelError: missing or not readable.
            VerifierError: fitted on another build.
        """
        path = Path(model_dir) / FILE
        hint = "fit it again with rbio-kg train link-predictor, which calibrates it as well"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["version"] != VERSION:
                raise ModelError(f"version {value['version']}, not {VERSION}", where=path, hint=hint)
            fits = {name: Logistic.from_json(entry) for name, entry in value["fits"].items()}
            if any(fit.parts != PARTS[name] for name, fit in fits.items()):
                raise ValueError("its parts are not the ones this version computes")
            read = cls(str(value["build_id"]), fits, bool(value["simulated"]), value["metrics"])
        except FileNotFoundError:
            raise ModelError("no calibration here", where=path, hint=hint) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
            raise ModelError(f"cannot be read ({cause})", where=path, hint=hint) from cause
        if read.build_id != build_id:
            raise VerifierError(f"fitted on build {read.build_id}, not {build_id}", where=path, hint=hint)
        return read

    def write(self, model_dir: Path) -> None:
        """Write `graph_path.json` atomically."""
        value = {
            "version": VERSION,
            "build_id": self.build_id,
            "fits": {name: fit.to_json() for name, fit in self.fits.items()},
            "simulated": self.simulated,
            "metrics": dict(self.metrics),
        }
        write_text(Path(model_dir) / FILE, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def fit_graph_path(
    tables: Mapping[str, pl.DataFrame],
    snapshot_dir: Path,
    model_dir: Path,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit the calibration and write it into `model_dir`.

    Structural relations are fitted on the graph's own edges, each seen without itself, against four times as many pairs
    that the graph does not join: a quarter of them random or with the ends of other true pairs, a quarter likewise (of
    regulations: true pairs turned round), a quarter with an object of like degree, a quarter at the end of a short
    walk. Knockdown relations are fitted on training questions only. Half of the pairs (a fifth of the perturbations) is
    kept back for the metrics.

    Args:
        tables: of the build; only `questions` is read, and of it only rows of split `train`.
        snapshot_dir: the build's snapshot.
        model_dir: made when missing.
        seed: of the draws.
        progress: called with a message and the share done.

    Returns:
        {fit: {auroc, ece, rows, positives}}, plain JSON values, None where undefined.
    """
    snapshot = Snapshot.open(snapshot_dir)
    fitter = _Fitter(snapshot, np.random.default_rng(seed))
    tasks: list[tuple[str, Callable[[], None]]] = [
        ("interactions", fitter.interactions),
        ("regulations", fitter.regulations),
        ("signs of regulations", fitter.signs),
        ("terms", lambda: fitter.groups("terms", snapshot.annotations, snapshot.closure)),
        ("pathways", lambda: fitter.groups("pathways", snapshot.memberships, snapshot.memberships)),
        ("knockdowns", lambda: fitter.knockdowns(tables["questions"])),
    ]
    for done, (name, task) in enumerate(tasks):
        progress(f"graph path: calibrating {name}", done / len(tasks))
        task()
    PathCalibration(snapshot.build_id, fitter.fits, fitter.simulated, fitter.metrics).write(model_dir)
    progress("graph path: calibrated", 1.0)
    return dict(fitter.metrics)


class _Fitter:
    def __init__(self, snapshot: Snapshot, rng: np.random.Generator) -> None:
        self.snapshot = snapshot
        self.parts = PathParts(snapshot)
        self.rng = rng
        self.fits: dict[str, Logistic] = {}
        self.metrics: dict[str, Any] = {}
        self.simulated = False

    def interactions(self) -> None:
        csr = self.snapshot.interactions
        once = np.flatnonzero(csr.rows() < csr.indices)
        pool = np.flatnonzero(csr.degrees).astype(np.int32)
        self._pairs("interacts_with", csr, self._some(once), pool, (csr, csr), csr.degrees)

    def regulations(self) -> None:
        out, into = self.snapshot.regulates, self.snapshot.regulated_by
        once = np.flatnonzero(out.rows() != out.indices)
        known = np.flatnonzero(~self.parts.isolated).astype(np.int32)
        self._pairs("regulates", out, self._some(once), known, (out, into, out), into.degrees)

    def signs(self) -> None:
        csr = self.snapshot.regulates
        chosen = self._some(np.flatnonzero((csr.weights != 0) & (csr.rows() != csr.indices)))
        pairs = self.parts.genes(csr.rows()[chosen], csr.indices[chosen])
        labels = (csr.weights[chosen] > 0).astype(np.int64)
        self._fit("activates", pairs.matrix(PARTS["activates"]), labels, self.rng.random(len(labels)) < 0.5)

    def groups(self, kind: str, direct: Csr, closure: Csr) -> None:
        chosen = self._some(np.arange(len(direct.indices)))
        gene, group = direct.rows()[chosen], direct.indices[chosen]
        annotated = np.flatnonzero(direct.degrees).astype(np.int32)
        per_positive = round(1 / BASE_RATE) - 1
        negative = group_negatives(self.rng, np.tile(group, per_positive), annotated, keys_of(closure))
        a = np.concatenate((gene, negative[0]))
        b = np.concatenate((group, negative[1]))
        labels = np.repeat([1, 0], (len(gene), len(negative[0])))
        self._fit(kind, self.parts.groups(a, b, kind).matrix(PARTS[kind]), labels, self.rng.random(len(a)) < 0.5)

    def knockdowns(self, questions: pl.DataFrame) -> None:
        train = questions.filter(pl.col("split") == "train")
        self.simulated = bool(train.get_column("simulated").fill_null(value=False).any())
        for task, name in TASK_FITS.items():
            pairs = knockdown_pairs(self.snapshot, train, task, self.parts.isolated, self.rng)
            matrix = self.parts.genes(pairs.a, pairs.b, counts=True).matrix(PARTS[name])
            self._fit(name, matrix, pairs.labels, pairs.held, pairs.lines)

    def _pairs(  # noqa: PLR0917
        self,
        name: str,
        csr: Csr,
        chosen: NDArray[np.int64],
        pool: Indices,
        way: tuple[Csr, ...],
        degrees: NDArray[np.int64],
    ) -> None:
        """Fit a relation of gene pairs: `way` is the walk, `degrees` those matched, of hard false pairs."""
        a, b = csr.rows()[chosen], csr.indices[chosen]
        half = (round(1 / BASE_RATE) - 1) // 2
        directed, known = csr is self.snapshot.regulates, keys_of(csr)

        def hard(where: NDArray[np.int64]) -> Pairs:
            kept = a[where % len(a)]
            like, walked = degree_matched(self.rng, b[where % len(b)], degrees, pool), walk(self.rng, kept, way)
            return kept, np.where((where % 2 == 0) | (walked < 0), like, walked).astype(np.int32)

        easy = 1 if directed else half
        sets = [(a, b), pair_negatives(self.rng, np.tile(a, easy), np.tile(b, easy), pool, known)]
        if directed:
            # A regulates B is not B regulates A: without these the fit never sees a subject that regulates nothing.
            one_way = ~is_known(known, b, a)
            sets.append((b[one_way], a[one_way]))
        if len(a):
            sets.append(false_pairs(hard, half * len(a), known))
        subject, other = (np.concatenate([pairs[end] for pairs in sets]) for end in (0, 1))
        labels = np.repeat([1, 0], (len(a), len(subject) - len(a)))
        matrix = self.parts.genes(subject, other, counts=True).matrix(PARTS[name])
        self._fit(name, matrix, labels, self.rng.random(len(labels)) < 0.5)

    def _fit(
        self,
        name: str,
        matrix: FloatArray,
        labels: NDArray[Any],
        held: NDArray[np.bool_],
        groups: list[str] | None = None,
    ) -> None:
        found = fit_and_measure(matrix, labels, held, parts=PARTS[name], fewest=FEWEST, groups=groups)
        if found is not None:
            self.fits[name], self.metrics[name] = found

    def _some(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.sort(self.rng.permutation(entries)[:MOST_POSITIVES])
