"""Similarity votes: what the training knockdowns of one cell line and task say about another knockdown.

For a knockdown p and a monitored gene g, each training knockdown p' with a label for g votes with (label - base rate of
g), weighted by similarity(p, p') to some power. A vote therefore says what similar knockdowns do compared with all
knockdowns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from rbio_kg.core.typing import BoolArray, FloatArray, Indices
from rbio_kg.graph.snapshot.kernels import compiled
from rbio_kg.verifiers.expression.pair_kernel import (
    CscParts,
    PairRegression,
    PerturbationKernel,
    column_sums,
    csc_parts,
)
from rbio_kg.verifiers.expression.similarity import Profiles
from rbio_kg.verifiers.stats.probability import clipped_logit, shrunken_rate

POWER_NARROW, SHRINK_NARROW = 4, 0.1
POWER_WIDE, SHRINK_WIDE = 2, 1.0
"""Powers of the similarity, and the weight added to the divisor. A knockdown similar to itself weighs about
2.5 ** power, so votes of few or distant knockdowns count little. Chosen by cross-validation on train rows."""
MIN_CHANGES = 3
"""Genes with at least this number of changes take part in the co-response."""
CO_RESPONSE_PRIOR = 5.0
_CHUNK = 64


@dataclass(frozen=True)
class LabelledPairs:
    """Labelled pairs of one cell line and task, (n,) each.

    Args:
        perts: index of the knocked down gene among the profiles.
        genes: index of the monitored gene among the profiles.
        labels: 0.0 or 1.0.
    """

    perts: Indices
    genes: Indices
    labels: FloatArray

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, kept: BoolArray) -> LabelledPairs:
        """The pairs that a mask keeps."""
        return LabelledPairs(self.perts[kept], self.genes[kept], self.labels[kept])

    @classmethod
    def concatenate(cls, parts: Sequence[LabelledPairs]) -> LabelledPairs:
        """The pairs of all parts, in order."""
        return cls(
            np.concatenate([part.perts for part in parts]),
            np.concatenate([part.genes for part in parts]),
            np.concatenate([part.labels for part in parts]),
        )


class Panel:
    """Labels as sparse matrices (perturbations, columns): which are known, and their excess over the base rate."""

    def __init__(self, rows: LabelledPairs, columns: Indices) -> None:
        self.base = float((rows.labels.sum() + 1.0) / (len(rows) + 2.0))
        column = np.minimum(np.searchsorted(columns, rows.genes), len(columns) - 1)
        kept = columns[column] == rows.genes if len(columns) else np.zeros(len(rows), dtype=np.bool_)
        column, rows = column[kept], rows.where(kept)
        self.perts, index = np.unique(rows.perts, return_inverse=True)
        shape = (len(self.perts), len(columns))
        count = np.bincount(column, minlength=len(columns))
        self.changes = np.bincount(column, rows.labels, minlength=len(columns))
        self.base_rate: FloatArray = shrunken_rate(self.changes, count, self.base)
        self.known = sp.csr_matrix((np.ones(len(rows)), (index, column)), shape=shape)
        self.excess = sp.csr_matrix((rows.labels - self.base_rate[column], (index, column)), shape=shape)


@compiled
def _co_response_sums(
    correlation: NDArray[np.float64], first: FloatArray, second: FloatArray, rows: NDArray[Any]
) -> tuple[FloatArray, FloatArray]:
    """Products of the given rows of a matrix with two vectors."""
    one, two = np.zeros(len(rows)), np.zeros(len(rows))
    for number in range(len(rows)):
        one[number] = np.dot(correlation[rows[number]], first)
        two[number] = np.dot(correlation[rows[number]], second)
    return one, two


def pooled(panels: Sequence[Panel], profiles: Profiles) -> tuple[Any, Any]:
    """Sums of the excess and of the known labels of several panels, csr (all genes, columns) each."""
    excess, known = (sp.csr_matrix((len(profiles.genes), panels[0].known.shape[1])) for _ in range(2))
    for panel in panels:
        lift = sp.csr_matrix(
            (np.ones(len(panel.perts)), (panel.perts, np.arange(len(panel.perts)))),
            shape=(len(profiles.genes), len(panel.perts)),
        )
        excess, known = excess + lift @ panel.excess, known + lift @ panel.known
    return excess.tocsr(), known.tocsr()


class NeighbourVoter:
    """The training knockdowns of one cell line and task, as voters about other knockdowns.

    Args:
        profiles: of all genes.
        rows: labels of this cell line.
        columns: sorted indices of the monitored genes that can be queried.
        others: labels of other cell lines (same task), one entry per line.
        use_same_perturbation: whether what *the same* perturbation did in other lines may be used.
        regression: solved on the same labels; None to leave it out.
    """

    def __init__(
        self,
        profiles: Profiles,
        rows: LabelledPairs,
        columns: Indices,
        others: Sequence[LabelledPairs] = (),
        *,
        use_same_perturbation: bool = False,
        regression: PairRegression | None = None,
    ) -> None:
        self.profiles = profiles
        self.regression = regression
        self.columns = columns
        self.panel = Panel(rows, columns)
        panels = [Panel(other, columns) for other in others if len(other)]
        self.use_other_lines = bool(others)
        self.use_same_perturbation = use_same_perturbation and self.use_other_lines
        if self.use_other_lines:
            self._other_excess, self._other_known = (
                pooled(panels, profiles) if panels else (sp.csr_matrix((len(profiles.genes), len(columns))),) * 2
            )
            self._other_perts = np.flatnonzero(np.diff(self._other_known.indptr))
        self._fit_co_response()
        self._prepare()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of `features`."""
        found: tuple[str, ...] = ("base_rate", "vote", "wide_vote", "strength", "direct", "co_response")
        found += ("other_lines",) if self.use_other_lines else ()
        found += ("same_perturbation",) if self.use_same_perturbation else ()
        return (*found, "same_gene", "similar_genes") if self.regression else found

    @property
    def voting_perts(self) -> Indices:
        """Perturbations whose labels vote.

        Those of other lines count only where a held-out perturbation is held out in every line.
        """
        held_out_everywhere = self.use_other_lines and not self.use_same_perturbation
        if held_out_everywhere:
            return np.union1d(self.panel.perts, self._other_perts).astype(np.int32)
        return self.panel.perts

    def _fit_co_response(self) -> None:
        """Shrunken correlation of the monitored genes over the training knockdowns, negative values set to 0."""
        active = np.flatnonzero(self.panel.changes >= MIN_CHANGES)
        excess, known = self.panel.excess[:, active], self.panel.known[:, active]
        spread = np.sqrt(self.panel.base_rate[active] * (1.0 - self.panel.base_rate[active]))
        shared = (known.T @ known).toarray() + CO_RESPONSE_PRIOR
        correlation = (excess.T @ excess).toarray() / shared / np.outer(spread, spread)
        np.fill_diagonal(correlation, 1.0)
        self._active, self._correlation = active, np.ascontiguousarray(np.maximum(correlation, 0.0))

    def _prepare(self) -> None:
        """Precompute what every prediction needs."""
        panel, others = self.panel, self._other_perts if self.use_other_lines else self.panel.perts[:0]
        perts = np.union1d(panel.perts, others).astype(np.int32)
        self._kernel = (
            self.regression.kernel
            if self.regression
            else PerturbationKernel(self.profiles, perts, np.zeros((0, 0), np.float32))
        )
        self._own, self._others = (np.searchsorted(self._kernel.perts, genes) for genes in (panel.perts, others))
        self._base_rate = clipped_logit(panel.base_rate)
        self._excess, self._known = csc_parts(panel.excess), csc_parts(panel.known)
        self._total_excess = np.asarray(panel.excess.sum(axis=1)).ravel()
        self._total_known = np.asarray(panel.known.sum(axis=1)).ravel()
        self._active_index = np.full(len(self.columns), -1)
        self._active_index[self._active] = np.arange(len(self._active))
        if self.use_other_lines:
            self._excess_elsewhere = csc_parts(self._other_excess[self._other_perts])
            self._known_elsewhere = csc_parts(self._other_known[self._other_perts])

    def similarity(self, subject: int) -> FloatArray:
        """Similarities of a subject to the perturbations of the panel, (perts,)."""
        found: FloatArray = self._kernel.similarity([subject])[0, self._own]
        return found

    def features(self, perts: NDArray[Any], genes: NDArray[Any]) -> FloatArray:
        """Features (n, len(names)) of pairs of a knockdown and one of the columns, given by their indices."""
        out = np.zeros((len(perts), len(self.names)))
        column, order = np.searchsorted(self.columns, genes), np.argsort(perts, kind="stable")
        subjects, starts = np.unique(perts[order], return_index=True)
        rows = np.split(order, starts[1:])
        for start in range(0, len(subjects), _CHUNK):
            chunk = subjects[start : start + _CHUNK].tolist()
            for number, similarity in enumerate(self._kernel.similarity(chunk), start):
                mine = rows[number]
                out[mine] = self._subject_features(int(subjects[number]), similarity, column[mine])
        return out

    def _subject_features(self, subject: int, similarity: FloatArray, columns: NDArray[Any]) -> FloatArray:
        """Features (len(columns), len(names)) of one knockdown and some columns, given by position."""
        # A perturbation never votes for itself, whatever its fold.
        own = np.where(self.panel.perts == subject, 0.0, similarity[self._own])
        narrow, wide = own**POWER_NARROW, own**POWER_WIDE
        strength = float((wide * self._total_excess).sum()) / (float((wide * self._total_known).sum()) + 1.0)
        found = [
            self._base_rate[columns],
            _vote(self._excess, self._known, narrow, columns, SHRINK_NARROW),
            _vote(self._excess, self._known, wide, columns, SHRINK_WIDE),
            np.full(len(columns), strength),
            self.profiles.pairs(np.full(len(columns), subject), self.columns[columns]),
            self._co_response(narrow, columns),
        ]
        if self.use_other_lines:
            identical = self._other_perts == subject
            other = np.where(identical, 0.0, similarity[self._others]) ** POWER_NARROW
            found.append(_vote(self._excess_elsewhere, self._known_elsewhere, other, columns, SHRINK_NARROW))
            if self.use_same_perturbation:
                found.append(self._same_perturbation(identical, columns))
        if self.regression:
            found.extend(self.regression.predict(subject, similarity, columns))
        return np.stack(found, axis=1)

    def _co_response(self, weights: FloatArray, columns: NDArray[Any]) -> FloatArray:
        """Votes of the co-responding genes, (len(columns),); 0 for a gene that changes too rarely."""
        out = np.zeros(len(columns))
        index = self._active_index[columns]
        active = index >= 0
        if active.any():
            votes, counts = (column_sums(*part, weights, self._active) for part in (self._excess, self._known))
            excess, known = _co_response_sums(self._correlation, votes, counts, index[active])
            out[active] = excess / (known + SHRINK_NARROW)
        return out

    def _same_perturbation(self, identical: BoolArray, columns: NDArray[Any]) -> FloatArray:
        """Mean excess of the same perturbation in other lines, (len(columns),); 0 where it has no label."""
        if not identical.any():
            return np.zeros(len(columns))
        weights = identical.astype(np.float64)
        excess = column_sums(*self._excess_elsewhere, weights, columns)
        mean: FloatArray = excess / np.maximum(column_sums(*self._known_elsewhere, weights, columns), 1.0)
        return mean


def _vote(excess: CscParts, known: CscParts, weights: FloatArray, columns: NDArray[Any], shrink: float) -> FloatArray:
    """Weighted mean excess of each column, shrunk towards 0; the matrices as `csc_parts`."""
    vote: FloatArray = column_sums(*excess, weights, columns) / (column_sums(*known, weights, columns) + shrink)
    return vote


def row_base_rates(rows: LabelledPairs) -> FloatArray:
    """The shrunken base rate of each row's gene, 0 to 1, shape (n,)."""
    if not len(rows):
        return np.zeros(0)
    columns = np.unique(rows.genes)
    return Panel(rows, columns).base_rate[np.searchsorted(columns, rows.genes)]
