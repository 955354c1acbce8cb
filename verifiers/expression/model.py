"""The fitted expression model: training labels, solved weights and calibrations. It predicts and never fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.errors import ModelError
from rbio_kg.core.typing import BoolArray, FloatArray, Indices
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.verifiers.expression.labels import Key, TrainingLabels
from rbio_kg.verifiers.expression.neighbour_votes import LabelledPairs, NeighbourVoter, Panel
from rbio_kg.verifiers.expression.similarity import Profiles
from rbio_kg.verifiers.stats.logistic import Logistic

HINT = "fit it again with rbio-kg train expression"


@dataclass(frozen=True)
class ExpressionModel:
    """What `fit_expression` learned.

    Args:
        labels: training labels and profiles.
        calibrations: for each (cell line, task) one fit for perturbations without labels there (key -1) and one for
            each fold, fitted without that fold. A line without labels has the first only; it was fitted on the other
            lines, each held out in turn.
        seen: for each (cell line, task), bool (FOLDS + 1, genes): the perturbations whose labels each calibration saw,
            as a vote or as a target; the last row is that of key -1. Labels of other lines count under the global
            split scheme, where they are as forbidden as the line's own. A line without labels has none to see.
        weights: for each (cell line, task) and fold (-1: none left out) the solved regression, float32 (labels of the
            task in all lines, line by line).
        names: names of the graph's genes.
        settings: seed, split scheme (`protocol`), fitted lines, metrics and what else the card reports.
    """

    labels: TrainingLabels
    calibrations: Mapping[Key, Mapping[int, Logistic]]
    seen: Mapping[Key, BoolArray]
    weights: Mapping[Key, Mapping[int, NDArray[np.float32]]]
    names: GeneNames
    settings: Mapping[str, Any]
    # Caches of what the fields determine.
    _voters: dict[tuple[Key, int], NeighbourVoter] = field(default_factory=dict, init=False, repr=False, compare=False)
    _panels: dict[tuple[Key, int], Panel] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def profiles(self) -> Profiles:
        """Profiles of all genes."""
        return self.labels.profiles

    @property
    def rows(self) -> Mapping[Key, LabelledPairs]:
        """Training labels by (cell line, task)."""
        return self.labels.rows

    @property
    def folds(self) -> NDArray[np.int8]:
        """Fold of each gene, 0 to 9."""
        return self.labels.folds

    @property
    def lines(self) -> tuple[str, ...]:
        """Cell lines with labels of their own that the model was fitted for."""
        return tuple(sorted({line for line, _ in self.calibrations} - set(self.unseen)))

    @property
    def unseen(self) -> tuple[str, ...]:
        """Cell lines without labels of their own, for which the labels of the others are used."""
        return tuple(self.settings.get("unseen", ()))

    @cached_property
    def gene_index(self) -> dict[str, int]:
        """Index of each gene among the profiles."""
        return dict(zip(self.profiles.genes, range(len(self.profiles.genes)), strict=True))

    @cached_property
    def _trained(self) -> dict[Key, frozenset[int]]:
        return {key: frozenset(np.unique(rows.perts).tolist()) for key, rows in self.rows.items()}

    @cached_property
    def _by_gene(self) -> dict[Key, LabelledPairs]:
        return {
            key: LabelledPairs(rows.perts[order], rows.genes[order], rows.labels[order])
            for key, rows in self.rows.items()
            for order in (np.lexsort((rows.perts, rows.genes)),)
        }

    def outcomes(self, key: Key, gene: int) -> tuple[Indices, FloatArray]:
        """Perturbations with a training label for a monitored gene, ascending, and their labels; empty where none."""
        rows = self._by_gene.get(key)
        if rows is None:
            return np.zeros(0, dtype=np.int32), np.zeros(0)
        low, high = np.searchsorted(rows.genes, (gene, gene + 1))
        return rows.perts[low:high], rows.labels[low:high]

    def similarity(self, key: Key, pert: int) -> tuple[Indices, FloatArray]:
        """The knockdowns that may vote about a perturbation, ascending, and their similarities to it."""
        voter = self.voter(key, self.fold(key, pert))
        return voter.panel.perts, voter.similarity(pert)

    def place(self, name: str) -> int:
        """Index of a gene by symbol or any other name, -1 where unknown."""
        found = self.gene_index.get(name)
        return self.gene_index.get(self.names.symbol(name) or "", -1) if found is None else found

    def columns(self, line: str) -> Indices:
        """Sorted indices of the genes that can be queried in a cell line."""
        return self.labels.monitored[line]

    def fold(self, key: Key, pert: int) -> int:
        """The fold of a training perturbation of this line; -1 for one without training labels there."""
        # By line, not by task: which of its genes changed (de) decides which have a direction (dir).
        trained = any(pert in self._trained.get((key[0], task), ()) for task in ("de", "dir"))
        return int(self.folds[pert]) if trained else -1

    def voter(self, key: Key, fold: int = -1) -> NeighbourVoter:
        """The training knockdowns that vote about the perturbations of a fold (-1: those without labels in the line).

        Raises:
            ModelError: the model holds no solved regression for them.
        """
        found = self._voters.get((key, fold))
        if found is None:
            weights = self.weights.get(key, {}).get(fold)
            if weights is None:
                what = "all training labels" if fold < 0 else f"the labels outside fold {fold}"
                raise ModelError(f"was not solved on {what} of {' '.join(key)}", hint=HINT)
            sources = self.labels.sources(key, () if fold < 0 else (fold,))
            found = self._voters[key, fold] = self.labels.voter(key[0], sources, weights)
        return found

    def base_rate(self, key: Key, pert: int, gene: int) -> float:
        """Rate of label 1 of a monitored gene in a line with labels, 0 to 1, shrunk to that of the line.

        The fold of a training perturbation is left out. A gene that was never monitored gets the rate of the line.

        Args:
            key: cell line and task.
            pert: index of the knocked down gene, -1 for an unknown one.
            gene: index of the monitored gene, -1 for an unknown one.
        """
        fold = self.fold(key, pert) if pert >= 0 else -1
        panel = self._panels.get((key, fold))
        if panel is None:
            rows = self.rows[key]
            kept = rows if fold < 0 else rows.where(self.labels.outside(rows, (fold,)))
            panel = self._panels[key, fold] = Panel(kept, self.columns(key[0]))
        columns = self.columns(key[0])
        column = int(np.searchsorted(columns, gene))
        known = gene >= 0 and column < len(columns) and columns[column] == gene
        return float(panel.base_rate[column]) if known else panel.base

    def probabilities(self, key: Key, perts: NDArray[Any], genes: NDArray[Any]) -> FloatArray:
        """P(label 1) of monitored genes, (n,): change for `de`, increase if changed for `dir`.

        Args:
            key: cell line and task.
            perts: indices of the knocked down genes, (n,).
            genes: indices of genes among the line's columns, (n,).
        """
        out = np.zeros(len(perts))
        subjects, index = np.unique(perts, return_inverse=True)
        folds = np.array([self.fold(key, pert) for pert in subjects.tolist()], dtype=np.int64)[index]
        for fold in np.unique(folds).tolist():
            mine = folds == fold
            out[mine] = self.calibrations[key][fold](self.voter(key, fold).features(perts[mine], genes[mine]))
        return out
