"""The fitted expression model on disk: a folder of plain arrays and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from rbio_kg.core.atomic_io import atomic_folder
from rbio_kg.core.errors import ModelError
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.verifiers.expression.labels import TrainingLabels
from rbio_kg.verifiers.expression.model import HINT, ExpressionModel
from rbio_kg.verifiers.expression.neighbour_votes import LabelledPairs
from rbio_kg.verifiers.expression.similarity import Profiles
from rbio_kg.verifiers.splits import FOLDS
from rbio_kg.verifiers.stats.logistic import Logistic

VERSION = 5
_FOLDS = range(-1, FOLDS)


def save_model(model: ExpressionModel, folder: Path) -> None:
    """Write the model atomically: a temporary folder next to the target is renamed over it."""
    folder = Path(folder)
    try:
        with atomic_folder(folder) as temporary:
            for part in ("data", "indices", "indptr"):
                np.save(temporary / f"profiles_{part}.npy", getattr(model.profiles.matrix, part))
            for (line, task), rows in sorted(model.rows.items()):
                table = np.stack([rows.perts, rows.genes, rows.labels.astype(np.int32)])
                np.save(temporary / f"labels_{line}_{task}.npy", table.astype(np.int32))
            for (line, task), seen in sorted(model.seen.items()):
                np.save(temporary / f"seen_{line}_{task}.npy", np.packbits(seen, axis=1))
                weights = model.weights[line, task]
                np.save(temporary / f"weights_{line}_{task}.npy", np.stack([weights[fold] for fold in sorted(weights)]))
            for line, genes in sorted(model.labels.monitored.items()):
                np.save(temporary / f"monitored_{line}.npy", genes)
            np.save(temporary / "factors.npy", model.labels.factors)
            fits = {
                f"{line}\t{task}": {str(fold): fit.to_json() for fold, fit in sorted(found.items())}
                for (line, task), found in sorted(model.calibrations.items())
            }
            document = {
                "version": VERSION,
                "settings": dict(model.settings),
                "shape": list(model.profiles.matrix.shape),
                "labels": sorted(f"{line}\t{task}" for line, task in model.rows),
                "monitored": sorted(model.labels.monitored),
                "calibrations": fits,
            }
            _write(temporary / "genes.json", list(model.profiles.genes))
            model.names.frame.write_parquet(temporary / "names.parquet")
            _write(temporary / "model.json", document)
    except OSError as error:
        raise ModelError(f"cannot be written ({error})", where=folder, hint="free some space and try again") from error


def load_model(folder: Path) -> ExpressionModel:
    """Read what `save_model` wrote; the profiles stay on disk, mapped into memory.

    Raises:
        ModelError: missing, unreadable or of another version.
    """
    folder = Path(folder)
    try:
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            raise ModelError(f"version {document['version']}, not {VERSION}", where=folder, hint=HINT)
        parts = [np.load(folder / f"profiles_{part}.npy", mmap_mode="r") for part in ("data", "indices", "indptr")]
        matrix = sp.csr_matrix(tuple(parts), shape=tuple(document["shape"]), copy=False)
        genes = tuple(json.loads((folder / "genes.json").read_text(encoding="utf-8")))
        if len(genes) != matrix.shape[0]:
            raise ValueError(f"{len(genes)} genes for {matrix.shape[0]} profiles")
        rows = {}
        for name in document["labels"]:
            line, task = name.split("\t")
            perts, monitored, labels = np.load(folder / f"labels_{line}_{task}.npy")
            rows[line, task] = LabelledPairs(perts, monitored, labels.astype(np.float64))
        calibrations = {
            tuple(name.split("\t")): {int(fold): Logistic.from_json(fit) for fold, fit in found.items()}
            for name, found in document["calibrations"].items()
        }
        unseen = document["settings"].get("unseen", ())
        if any(set(found) != ({-1} if line in unseen else set(_FOLDS)) for (line, _), found in calibrations.items()):
            raise ValueError("a calibration is missing")
        seen = {
            (line, task): np.unpackbits(np.load(folder / f"seen_{line}_{task}.npy"), axis=1, count=len(genes)).astype(
                np.bool_
            )
            for line, task in calibrations
        }
        weights = {
            key: dict(
                zip(sorted(found), np.load(folder / f"weights_{key[0]}_{key[1]}.npy", mmap_mode="r"), strict=True)
            )
            for key, found in calibrations.items()
        }
        monitored = {line: np.load(folder / f"monitored_{line}.npy") for line in document["monitored"]}
        factors = np.load(folder / "factors.npy", mmap_mode="r")
        names = GeneNames.of_frame(pl.read_parquet(folder / "names.parquet"))
        settings = document["settings"]
        for (line, task), solved in weights.items():
            wanted = sum(len(found) for (_, other), found in rows.items() if other == task)
            if any(len(one) != wanted for one in solved.values()):
                raise ValueError(f"the regression of {line} {task} does not have {wanted} weights")
        labels = TrainingLabels(
            Profiles(genes, matrix),
            rows,
            monitored,
            factors,
            int(settings["seed"]),
            settings["protocol"] == "global",
        )
        return ExpressionModel(labels, calibrations, seen, weights, names, settings)
    except FileNotFoundError as error:
        raise ModelError(
            f"is not a fitted expression model ({error.filename} is missing)", where=folder, hint=HINT
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, pl.exceptions.PolarsError) as error:
        raise ModelError(f"cannot be read ({error})", where=folder, hint=HINT) from error


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, sort_keys=True, allow_nan=False), encoding="utf-8")
