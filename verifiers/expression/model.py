"""The fitted expression model: profiles, training labels and calibrations, and who may speak about whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import Indices
from rbio_kg.verifiers.expression.neighbour_votes import NeighbourVoter, Rows, row_base_rates
from rbio_kg.verifiers.expression.pair_kernel import PairRegression, PerturbationKernel, solve
from rbio_kg.verifiers.expression.similarity import Profiles
from rbio_kg.verifiers.splits import fold_of
from rbio_kg.verifiers.stats.logistic import Logistic

Key = tuple[str, str]
"""A cell line and a task, `de` or `dir`."""


@dataclass
class ExpressionModel:
    """What `fit_expression` learned.

    Args:
        profiles: of all genes of the graph and the questions.
        rows: training labels by (cell line, task).
        calibrations: for each (cell line, task) one fit for perturbations without labels there (key -1) and one for
            each fold, fitted without that fold. A line without labels has the first only, fitted on lines playing it.
        seen: for each (cell line, task), bool (FOLDS + 1, genes): the perturbations whose labels each calibration saw,
            as a vote or as a target; the last row is that of key -1. Labels of other lines count under the global
            split scheme, where they are as forbidden as the line's own; a line without labels has none to see.
        monitored: for each cell line the sorted places of the genes that can be asked about.
        factors: float32 (genes, factors), see `rbio_kg.verifiers.expression.pair_kernel.gene_factors`.
        weights: for each (cell line, task) and fold (-1 for none left out) the solved regression, float32 (labels of
            the task in all lines, by line).
        aliases: other names of genes to symbols.
        settings: seed, split scheme, fitted lines, metrics and what else the card tells.
    """

    profiles: Profiles
    rows: Mapping[Key, Rows]
    calibrations: Mapping[Key, Mapping[int, Logistic]]
    seen: Mapping[Key, NDArray[np.bool_]]
    monitored: Mapping[str, Indices]
    factors: NDArray[np.float32]
    weights: dict[Key, dict[int, NDArray[np.float32]]]
    aliases: Mapping[str, str]
    settings: Mapping[str, Any]
    _juries: dict[tuple[Key, frozenset[int]], NeighbourVoter] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """Seed of the folds."""
        return int(self.settings["seed"])

    @property
    def lines(self) -> tuple[str, ...]:
        """Cell lines with labels of their own that the model answers for."""
        return tuple(sorted({line for line, _ in self.calibrations} - set(self.unseen)))

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each gene among the profiles."""
        return dict(zip(self.profiles.genes, range(len(self.profiles.genes)), strict=True))

    @cached_property
    def folds(self) -> NDArray[np.int8]:
        """Fold of each gene, 0 to 9."""
        return np.array([fold_of(gene, self.seed) for gene in self.profiles.genes], dtype=np.int8)

    @property
    def unseen(self) -> tuple[str, ...]:
        """Cell lines without labels of their own, answered for by the labels of the others."""
        return tuple(self.settings.get("unseen", ()))

    @cached_property
    def kin(self) -> PerturbationKernel:
        """How alike the training knockdowns of all lines are."""
        perts = np.unique(np.concatenate([rows.perts for rows in self.rows.values()]))
        return PerturbationKernel(self.profiles, perts, self.factors)

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

    def similarity(self, key: Key, pert: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The knockdowns that may speak about a perturbation, ascending, and how like it they are."""
        voter = self.voter_for(key, pert)
        return voter.panel.perts, voter.similarity(pert)

    def place(self, name: str) -> int:
        """Place of a gene by symbol or other name, -1 where unknown."""
        found = self.places.get(name)
        return self.places.get(self.aliases.get(name, ""), -1) if found is None else found

    def columns(self, line: str) -> Indices:
        """Sorted places of the genes that can be asked about in a cell line."""
        return self.monitored[line]

    def fold(self, key: Key, pert: int) -> int:
        """The fold of a training perturbation of this line; -1 for one without training labels there."""
        # By line, not by task: which of its genes changed (de) decides which have a direction (dir).
        trained = any(pert in self._trained.get((key[0], task), ()) for task in ("de", "dir"))
        return int(self.folds[pert]) if trained else -1

    def voter(self, key: Key, without: frozenset[int] = frozenset()) -> NeighbourVoter:
        """The training knockdowns of a line and task, without those of some folds.

        The other lines keep all their rows (a perturbation held out here may have been measured there), save under
        the global split scheme, where the folds leave every line.
        """
        found = self._juries.get((key, without))
        if found is None and key not in self.rows:
            source_lines = [line for line, task in sorted(self.rows) if task == key[1]]
            stored = self.weights.setdefault(key, {})
            found, stored[-1] = self.held_out_line(key, source_lines, stored.get(-1))
            self._juries[key, without] = found
        if found is None:
            elsewhere = self.settings["protocol"] != "global"
            left_out = np.isin(self.folds, list(without))
            # All labels of the task by line, and which of them may speak.
            lines = [line for line, task in sorted(self.rows) if task == key[1]]
            told = [self.rows[line, key[1]] for line in lines]
            spoken = [
                ~left_out[rows.perts] if line == key[0] or not elsewhere else np.ones(len(rows), dtype=np.bool_)
                for line, rows in zip(lines, told, strict=True)
            ]
            kept = [rows.where(may) for rows, may in zip(told, spoken, strict=True)]
            weights = self.weights.setdefault(key, {})
            fold = {0: -1, 1: next(iter(without), -1)}.get(len(without))
            solved = None if fold is None else weights.get(fold)
            if solved is None:
                solved = np.zeros(sum(map(len, told)), dtype=np.float32)
                solved[np.concatenate(spoken)] = self._solve(kept)
                if fold is not None:  # Juries without two folds serve the fit only, once each.
                    weights[fold] = solved
            own = lines.index(key[0])
            found = NeighbourVoter(
                self.profiles,
                kept[own],
                self.columns(key[0]),
                [rows for number, rows in enumerate(kept) if number != own],
                elsewhere=elsewhere,
                regression=self._regression(key[0], told, solved, own),
            )
            if fold is not None:
                self._juries[key, without] = found
        return found

    def held_out_line(
        self, key: Key, source_lines: Sequence[str], solved: NDArray[np.float32] | None = None
    ) -> tuple[NeighbourVoter, NDArray[np.float32]]:
        """Labels of other lines as a jury on a line that has none or plays so, and the solved regression.

        Args:
            key: the line that is asked about, and the task.
            tellers: lines whose labels speak.
            solved: the regression's weights; None to solve it.
        """
        told = [self.rows[line, key[1]] for line in source_lines]
        solved = self._solve(told) if solved is None else solved
        regression = self._regression(key[0], told, solved, own=-1)
        voter = NeighbourVoter(
            self.profiles, Rows.joined(told), self.columns(key[0]), told, elsewhere=True, regression=regression
        )
        return voter, solved

    def _solve(self, kept: Sequence[Rows]) -> NDArray[np.float32]:
        """The regression on labels of one task, one entry a line."""
        rows = Rows.joined(kept)
        number = np.repeat(np.arange(len(kept)), [len(part) for part in kept])
        base_rate = np.concatenate([row_base_rates(part) for part in kept])
        return solve(self.kin, (rows.perts, rows.genes, number), rows.labels - base_rate, base_rate)

    def _regression(self, line: str, told: Sequence[Rows], solved: NDArray[np.float32], own: int) -> PairRegression:
        """What the solved weights of the lines' labels say of a line; `own` is its number among them, or -1."""
        weights = np.split(solved, np.cumsum([len(rows) for rows in told])[:-1])
        return PairRegression(self.kin, self.columns(line), [(rows.perts, rows.genes) for rows in told], weights, own)

    def voter_for(self, key: Key, pert: int) -> NeighbourVoter:
        """The knockdowns that may speak about a perturbation: never those of its own fold."""
        fold = self.fold(key, pert)
        return self.voter(key, frozenset() if fold < 0 else frozenset({fold}))

    def probabilities(self, key: Key, perts: NDArray[Any], genes: NDArray[Any]) -> NDArray[np.float64]:
        """P(label 1) of monitored genes, (n,): change for `de`, increase if changed for `dir`.

        Args:
            key: cell line and task.
            perts: places of the knocked down genes, (n,).
            genes: places of genes among the line's columns, (n,).
        """
        out = np.zeros(len(perts))
        subjects, index = np.unique(perts, return_inverse=True)
        folds = np.array([self.fold(key, pert) for pert in subjects.tolist()], dtype=np.int64)[index]
        for fold in np.unique(folds).tolist():
            mine = folds == fold
            voter = self.voter(key, frozenset() if fold < 0 else frozenset({fold}))
            out[mine] = self.calibrations[key][fold](voter.features(perts[mine], genes[mine]))
        return out
