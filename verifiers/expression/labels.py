"""Training labels of all cell lines, with the regression solved on them and the voters built from them.

Nothing here is fitted. `solve` returns weights and `voter` takes them, so the fit and the fitted model share one
definition of which labels may be used for which question.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.typing import BoolArray, Indices
from rbio_kg.verifiers.expression.neighbour_votes import LabelledPairs, NeighbourVoter, row_base_rates
from rbio_kg.verifiers.expression.pair_kernel import PairRegression, Pairs, PerturbationKernel, solve
from rbio_kg.verifiers.expression.similarity import Profiles
from rbio_kg.verifiers.splits import fold_of

Key = tuple[str, str]
"""A cell line and a task, `de` or `dir`."""


@dataclass(frozen=True)
class Sources:
    """Labels of one task that are used for one cell line.

    Args:
        rows: all labels of the task, one entry per cell line.
        used: for each line, bool (rows,): which of them may be used.
        own: number of the cell line among them; -1 for a line without labels.
    """

    rows: Sequence[LabelledPairs]
    used: Sequence[BoolArray]
    own: int

    @property
    def kept(self) -> list[LabelledPairs]:
        """The labels that may be used, one entry per cell line."""
        return [rows.where(used) for rows, used in zip(self.rows, self.used, strict=True)]


@dataclass(frozen=True)
class TrainingLabels:
    """Training labels, and what similarities are computed from.

    Args:
        profiles: of all genes of the graph and the questions.
        rows: training labels by (cell line, task).
        monitored: for each cell line the sorted indices of the genes that can be queried.
        factors: float32 (genes, factors), see `rbio_kg.verifiers.expression.pair_kernel.gene_factors`.
        seed: of the folds.
        folds_in_every_line: whether a fold leaves the labels of every cell line (split scheme `global`). Otherwise it
            leaves those of its own line only: the same perturbation may have been measured in another line.
    """

    profiles: Profiles
    rows: Mapping[Key, LabelledPairs]
    monitored: Mapping[str, Indices]
    factors: NDArray[np.float32]
    seed: int
    folds_in_every_line: bool

    @cached_property
    def folds(self) -> NDArray[np.int8]:
        """Fold of each gene, 0 to 9."""
        return np.array([fold_of(gene, self.seed) for gene in self.profiles.genes], dtype=np.int8)

    @cached_property
    def kernel(self) -> PerturbationKernel:
        """Similarities of the training knockdowns of all lines."""
        perts = np.unique(np.concatenate([rows.perts for rows in self.rows.values()]))
        return PerturbationKernel(self.profiles, perts, self.factors)

    def lines(self, task: str) -> list[str]:
        """Cell lines with labels of a task, sorted."""
        return [line for line, known in sorted(self.rows) if known == task]

    def outside(self, rows: LabelledPairs, folds: Collection[int]) -> BoolArray:
        """Which rows, bool (n,), have a perturbation outside some folds."""
        return ~np.isin(self.folds, list(folds))[rows.perts]

    def sources(self, key: Key, without: Collection[int] = ()) -> Sources:
        """The labels that are used for a line and task, without those of some folds.

        A line without labels of the task uses all labels of the other lines.
        """
        if key not in self.rows:
            return self.other_lines(key)
        lines = self.lines(key[1])
        rows = [self.rows[line, key[1]] for line in lines]
        used = [
            self.outside(found, without)
            if line == key[0] or self.folds_in_every_line
            else np.ones(len(found), dtype=np.bool_)
            for line, found in zip(lines, rows, strict=True)
        ]
        return Sources(rows, used, lines.index(key[0]))

    def other_lines(self, key: Key) -> Sources:
        """All labels of the other lines, as for a line that has none of its own."""
        rows = [self.rows[line, key[1]] for line in self.lines(key[1]) if line != key[0]]
        return Sources(rows, [np.ones(len(found), dtype=np.bool_) for found in rows], -1)

    def solve(self, sources: Sources) -> NDArray[np.float32]:
        """Weights of the kernel regression, float32 (all rows of the sources,), line by line; 0 where unused.

        Warns:
            ConvergenceWarning: the solver stopped before it reached its tolerance.
        """
        kept = sources.kept
        rows = LabelledPairs.concatenate(kept)
        line = np.repeat(np.arange(len(kept)), [len(part) for part in kept])
        base_rate = np.concatenate([row_base_rates(part) for part in kept])
        weights = np.zeros(sum(map(len, sources.rows)), dtype=np.float32)
        pairs = Pairs(rows.perts, rows.genes, line)
        weights[np.concatenate(sources.used)] = solve(self.kernel, pairs, rows.labels - base_rate, base_rate)
        return weights

    def voter(self, line: str, sources: Sources, weights: NDArray[np.float32]) -> NeighbourVoter:
        """The voters about a cell line, with the regression of solved weights (see `solve`)."""
        parts = np.split(weights, np.cumsum([len(rows) for rows in sources.rows])[:-1])
        pairs = [(rows.perts, rows.genes) for rows in sources.rows]
        regression = PairRegression(self.kernel, self.monitored[line], pairs, parts, sources.own)
        kept, own = sources.kept, sources.own
        return NeighbourVoter(
            self.profiles,
            kept[own] if own >= 0 else LabelledPairs.concatenate(kept),
            self.monitored[line],
            [rows for number, rows in enumerate(kept) if number != own],
            use_same_perturbation=own < 0 or not self.folds_in_every_line,
            regression=regression,
        )
