"""The fitted expression model: profiles, training labels and calibrations, in a folder of plain arrays and JSON."""

from __future__ import annotations

import json
import os
import shutil
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from rbio_kg.errors import ModelError
from verifiers.logistic import Logistic
from verifiers.similarity import Profiles
from verifiers.votes import FOLDS, Jury, Places, Rows, fold_of

VERSION = 2
HINT = "fit it again with rbio-kg train expression"
_CHUNK = 64
_KEPT_ROWS = 2000

Key = tuple[str, str]
"""A cell line and a task, `de` or `dir`."""


@dataclass
class ExpressionModel:
    """What `fit_expression` learned.

    Args:
        profiles: of all genes of the graph and the questions.
        rows: training labels by (cell line, task).
        calibrations: for each (cell line, task) one fit for perturbations without labels there (key -1) and one for
            each fold, fitted without that fold.
        seen: for each (cell line, task), bool (FOLDS + 1, genes): the perturbations whose labels each calibration saw,
            as a vote or as a target; the last row is that of key -1. Labels of other lines count under the global
            protocol, where they are as forbidden as the line's own.
        aliases: other names of genes to symbols.
        settings: seed, protocol, fitted lines, metrics and what else the card tells.
    """

    profiles: Profiles
    rows: Mapping[Key, Rows]
    calibrations: Mapping[Key, Mapping[int, Logistic]]
    seen: Mapping[Key, NDArray[np.bool_]]
    aliases: Mapping[str, str]
    settings: Mapping[str, Any]
    _juries: dict[tuple[Key, frozenset[int]], Jury] = field(default_factory=dict)
    _kept: OrderedDict[tuple[Key, int], NDArray[np.float64]] = field(default_factory=OrderedDict)
    _like: OrderedDict[tuple[Key, int], NDArray[np.float64]] = field(default_factory=OrderedDict)

    @property
    def seed(self) -> int:
        """Seed of the folds."""
        return int(self.settings["seed"])

    @property
    def lines(self) -> tuple[str, ...]:
        """Cell lines that the model answers for."""
        return tuple(sorted({line for line, _ in self.calibrations}))

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each gene among the profiles."""
        return dict(zip(self.profiles.genes, range(len(self.profiles.genes)), strict=True))

    @cached_property
    def folds(self) -> NDArray[np.int8]:
        """Fold of each gene, 0 to 9."""
        return np.array([fold_of(gene, self.seed) for gene in self.profiles.genes], dtype=np.int8)

    @cached_property
    def _columns(self) -> dict[str, Places]:
        lines = {line for line, _ in self.rows}
        return {
            line: np.unique(np.concatenate([rows.genes for (name, _), rows in self.rows.items() if name == line]))
            for line in lines
        }

    @cached_property
    def _trained(self) -> dict[Key, frozenset[int]]:
        return {key: frozenset(np.unique(rows.perts).tolist()) for key, rows in self.rows.items()}

    @cached_property
    def _by_gene(self) -> dict[Key, Rows]:
        return {
            key: Rows(rows.perts[order], rows.genes[order], rows.labels[order])
            for key, rows in self.rows.items()
            for order in (np.lexsort((rows.perts, rows.genes)),)
        }

    def outcomes(self, key: Key, gene: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Perturbations with a training label for a monitored gene, ascending, and their labels; empty where none."""
        rows = self._by_gene.get(key)
        if rows is None:
            return np.zeros(0, dtype=np.int32), np.zeros(0)
        low, high = np.searchsorted(rows.genes, (gene, gene + 1))
        return rows.perts[low:high], rows.labels[low:high]

    def likeness(self, key: Key, pert: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The knockdowns that may speak about a perturbation, ascending, and how like it they are."""
        jury = self.jury_for(key, pert)
        found = self._like.get((key, pert))
        if found is None:
            found = self._like[key, pert] = jury.similarity(np.array([pert]))[0]
            while len(self._like) > _KEPT_ROWS:
                self._like.popitem(last=False)
        return jury.panel.perts, found

    def place(self, name: str) -> int:
        """Place of a gene by symbol or other name, -1 where unknown."""
        found = self.places.get(name)
        return self.places.get(self.aliases.get(name, ""), -1) if found is None else found

    def columns(self, line: str) -> Places:
        """Sorted places of the genes monitored in a cell line's training rows."""
        return self._columns[line]

    def fold(self, key: Key, pert: int) -> int:
        """The fold of a training perturbation of this line; -1 for one without training labels there."""
        # By line, not by task: which of its genes changed (de) decides which have a direction (dir).
        trained = any(pert in self._trained.get((key[0], task), ()) for task in ("de", "dir"))
        return int(self.folds[pert]) if trained else -1

    def jury(self, key: Key, without: frozenset[int] = frozenset()) -> Jury:
        """The training knockdowns of a line and task, without those of some folds.

        The other lines keep all their rows (a perturbation held out here may have been measured there), save under
        the global protocol, where the folds leave every line.
        """
        found = self._juries.get((key, without))
        if found is None:
            elsewhere = self.settings["protocol"] != "global"
            left_out = np.isin(self.folds, list(without))
            own = self.rows[key]
            others = [rows for (line, task), rows in sorted(self.rows.items()) if task == key[1] and line != key[0]]
            if not elsewhere:
                others = [rows.where(~left_out[rows.perts]) for rows in others]
            found = Jury(
                self.profiles, own.where(~left_out[own.perts]), self.columns(key[0]), others, elsewhere=elsewhere
            )
            if len(without) < 2:  # Juries without two folds serve the fit only, once each.
                self._juries[key, without] = found
        return found

    def jury_for(self, key: Key, pert: int) -> Jury:
        """The knockdowns that may speak about a perturbation: never those of its own fold."""
        fold = self.fold(key, pert)
        return self.jury(key, frozenset() if fold < 0 else frozenset({fold}))

    @staticmethod
    def features(jury: Jury, perts: NDArray[Any], genes: NDArray[Any]) -> NDArray[np.float64]:
        """Features (n, features) of (perturbation, gene) pairs given by their places."""
        subjects, index = np.unique(perts, return_inverse=True)
        column = np.searchsorted(jury.columns, genes)
        out = np.zeros((len(perts), len(jury.names)))
        for start in range(0, len(subjects), _CHUNK):
            asked = (index >= start) & (index < start + _CHUNK)
            found = jury.features(subjects[start : start + _CHUNK])
            out[asked] = found[index[asked] - start, column[asked]]
        return out

    def probabilities(self, key: Key, perts: Sequence[int]) -> NDArray[np.float64]:
        """P(label 1) of every monitored gene, (len(perts), columns): change for `de`, increase if changed for `dir`."""
        missing: dict[int, list[int]] = {}
        for pert in dict.fromkeys(perts):
            if (key, pert) in self._kept:
                self._kept.move_to_end((key, pert))
            else:
                missing.setdefault(self.fold(key, pert), []).append(pert)
        fresh: dict[int, NDArray[np.float64]] = {}
        for fold, found in missing.items():
            jury = self.jury(key, frozenset() if fold < 0 else frozenset({fold}))
            for start in range(0, len(found), _CHUNK):
                chunk = found[start : start + _CHUNK]
                features = jury.features(np.array(chunk, dtype=np.int32))
                odds = self.calibrations[key][fold](features.reshape(-1, features.shape[2]))
                fresh |= dict(zip(chunk, odds.reshape(features.shape[:2]), strict=True))
        result = np.stack([fresh[pert] if pert in fresh else self._kept[key, pert] for pert in perts])
        for pert, row in fresh.items():
            self._kept[key, pert] = row
        while len(self._kept) > _KEPT_ROWS:
            self._kept.popitem(last=False)
        return result

    def save(self, folder: Path) -> None:
        """Write the model whole or not at all: a folder beside the target is renamed over it."""
        folder = Path(folder)
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            for part in ("data", "indices", "indptr"):
                np.save(temporary / f"profiles_{part}.npy", getattr(self.profiles.matrix, part))
            for (line, task), rows in sorted(self.rows.items()):
                table = np.stack([rows.perts, rows.genes, rows.labels.astype(np.int32)])
                np.save(temporary / f"labels_{line}_{task}.npy", table.astype(np.int32))
            for (line, task), seen in sorted(self.seen.items()):
                np.save(temporary / f"seen_{line}_{task}.npy", np.packbits(seen, axis=1))
            fits = {
                f"{line}\t{task}": {str(fold): fit.to_json() for fold, fit in sorted(found.items())}
                for (line, task), found in sorted(self.calibrations.items())
            }
            document = {
                "version": VERSION,
                "settings": dict(self.settings),
                "shape": list(self.profiles.matrix.shape),
                "labels": sorted(f"{line}\t{task}" for line, task in self.rows),
                "calibrations": fits,
            }
            _write(temporary / "genes.json", list(self.profiles.genes))
            _write(temporary / "aliases.json", dict(sorted(self.aliases.items())))
            _write(temporary / "model.json", document)
            if folder.exists():
                folder.replace(old)
            temporary.replace(folder)
        except OSError as error:
            raise ModelError(
                f"cannot be written ({error})", where=folder, hint="free some space and try again"
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> ExpressionModel:
        """Read what `save` wrote; the profiles stay on disk, mapped into memory.

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
                rows[line, task] = Rows(perts, monitored, labels.astype(np.float64))
            calibrations = {
                tuple(name.split("\t")): {int(fold): Logistic.from_json(fit) for fold, fit in found.items()}
                for name, found in document["calibrations"].items()
            }
            if any(set(found) != set(range(-1, FOLDS)) for found in calibrations.values()):
                raise ValueError("a calibration is missing")
            seen = {
                (line, task): np.unpackbits(
                    np.load(folder / f"seen_{line}_{task}.npy"), axis=1, count=len(genes)
                ).astype(np.bool_)
                for line, task in calibrations
            }
            aliases = json.loads((folder / "aliases.json").read_text(encoding="utf-8"))
            return cls(Profiles(genes, matrix), rows, calibrations, seen, aliases, document["settings"])
        except FileNotFoundError as error:
            raise ModelError(
                f"is not a fitted expression model ({error.filename} is missing)", where=folder, hint=HINT
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
            raise ModelError(f"cannot be read ({error})", where=folder, hint=HINT) from error


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, sort_keys=True, allow_nan=False), encoding="utf-8")
