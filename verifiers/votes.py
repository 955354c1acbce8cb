"""What known knockdowns say about another one: similarity votes over the training labels of one cell line and task.

For a knockdown p and a monitored gene g, training knockdowns p' with a label for g vote with (label - habit of g)
weighted by similarity(p, p') to some power. The habit is the gene's own rate, so a vote says what the neighbours of p
do beyond what every knockdown does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from verifiers.logistic import log_odds
from verifiers.regression import PairRegression
from verifiers.similarity import Profiles

FloatArray = NDArray[np.float64]
Places = NDArray[np.int32]

FOLDS = 10
PRIOR_ROWS = 2.0
"""A gene's habit is shrunk towards the line's base rate as if so many rows more had that rate."""
SHARP, SHARP_SHRINK = 4, 0.1
BROAD, BROAD_SHRINK = 2, 1.0
"""Powers of the similarity, and weight (of a knockdown like itself: about 2.5 ** power) added to the divisor, so that
votes of few or distant knockdowns count little. Chosen by cross-validation on train rows of three cell lines."""
LEAST_CHANGES = 3
"""Genes with at least so many changes take part in the co-response."""
CO_RESPONSE_PRIOR = 5.0


def fold_of(symbol: str, seed: int) -> int:
    """The fold of a perturbation, 0 to 9: the same in every cell line, task and file."""
    return int(hashlib.sha256(f"{seed}\t{symbol}".encode()).hexdigest()[:12], 16) % FOLDS


@dataclass(frozen=True)
class Rows:
    """Labelled knockdowns: places of perturbation and monitored gene among the profiles, and 0 or 1."""

    perts: Places
    genes: Places
    labels: FloatArray

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, kept: NDArray[np.bool_]) -> Rows:
        """The rows that are kept."""
        return Rows(self.perts[kept], self.genes[kept], self.labels[kept])


class _Panel:
    """Labels as sparse matrices (perturbations, columns): which are known, how far each is from its gene's habit."""

    def __init__(self, rows: Rows, columns: Places) -> None:
        self.base = float((rows.labels.sum() + 1.0) / (len(rows) + 2.0))
        place = np.minimum(np.searchsorted(columns, rows.genes), len(columns) - 1)
        kept = columns[place] == rows.genes if len(columns) else np.zeros(len(rows), dtype=np.bool_)
        place, rows = place[kept], rows.where(kept)
        self.perts, index = np.unique(rows.perts, return_inverse=True)
        shape = (len(self.perts), len(columns))
        count = np.bincount(place, minlength=len(columns))
        self.changes = np.bincount(place, rows.labels, minlength=len(columns))
        self.habit: FloatArray = (self.changes + PRIOR_ROWS * self.base) / (count + PRIOR_ROWS)
        self.known = sp.csr_matrix((np.ones(len(rows)), (index, place)), shape=shape)
        self.excess = sp.csr_matrix((rows.labels - self.habit[place], (index, place)), shape=shape)

    def sums(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weighted sums of excess and of known labels, both (subjects, columns), for weights (subjects, perts)."""
        across = np.ascontiguousarray(weights.T)
        return (self.excess.T @ across).T, (self.known.T @ across).T


def pooled(panels: Sequence[_Panel], profiles: Profiles) -> tuple[Any, Any]:
    """Excess and known labels of several panels added up, csr (all genes, columns)."""
    total = [sp.csr_matrix((len(profiles.genes), panels[0].known.shape[1])) for _ in range(2)]
    for panel in panels:
        lift = sp.csr_matrix(
            (np.ones(len(panel.perts)), (panel.perts, np.arange(len(panel.perts)))),
            shape=(len(profiles.genes), len(panel.perts)),
        )
        total = [total[0] + lift @ panel.excess, total[1] + lift @ panel.known]
    return total[0].tocsr(), total[1].tocsr()


class Jury:
    """The training knockdowns of one cell line and task, ready to vote.

    Args:
        profiles: of all genes.
        rows: labels of this cell line.
        columns: sorted places of the monitored genes that can be asked about.
        others: labels of other cell lines (same task), one `Rows` a line.
        elsewhere: whether what *the same* perturbation did in other lines may be used.
        regression: of the same labels; None to leave it out.
    """

    def __init__(
        self,
        profiles: Profiles,
        rows: Rows,
        columns: Places,
        others: Sequence[Rows] = (),
        *,
        elsewhere: bool = False,
        regression: PairRegression | None = None,
    ) -> None:
        self.profiles = profiles
        self.regression = regression
        self.columns = columns
        self.panel = _Panel(rows, columns)
        panels = [_Panel(other, columns) for other in others if len(other)]
        self.transfer = bool(others)
        self.elsewhere = elsewhere and self.transfer
        if self.transfer:
            self._other_excess, self._other_known = (
                pooled(panels, profiles) if panels else (sp.csr_matrix((len(profiles.genes), len(columns))),) * 2
            )
            self._other_perts = np.flatnonzero(np.diff(self._other_known.indptr))
        self._co_response()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of `features`."""
        found: tuple[str, ...] = ("habit", "vote", "broad_vote", "strength", "direct", "co_response")
        found += ("transfer",) if self.transfer else ()
        found += ("elsewhere",) if self.elsewhere else ()
        return (*found, "same_gene", "like_genes") if self.regression else found

    @property
    def heard(self) -> Places:
        """Perturbations whose labels vote: of this line, and of other lines unless what they say of one is allowed."""
        forbidden = self.transfer and not self.elsewhere
        return np.union1d(self.panel.perts, self._other_perts).astype(np.int32) if forbidden else self.panel.perts

    def _co_response(self) -> None:
        """How alike the monitored genes answer to the training knockdowns: shrunk correlation, negatives cut."""
        active = np.flatnonzero(self.panel.changes >= LEAST_CHANGES)
        excess, known = self.panel.excess[:, active], self.panel.known[:, active]
        spread = np.sqrt(self.panel.habit[active] * (1.0 - self.panel.habit[active]))
        shared = (known.T @ known).toarray() + CO_RESPONSE_PRIOR
        together = (excess.T @ excess).toarray() / shared / np.outer(spread, spread)
        np.fill_diagonal(together, 1.0)
        self._active, self._together = active, np.maximum(together, 0.0)

    @cached_property
    def _pert_columns(self) -> Any:
        return self.profiles.rows(self.panel.perts).T.tocsr()

    def similarity(self, subjects: NDArray[Any]) -> FloatArray:
        """Similarities (subjects, perturbations of the panel)."""
        return self.profiles.against(subjects, self._pert_columns)

    def _similarities(self, subjects: NDArray[Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Similarities of subjects to the knockdowns of this line, of other lines and of the regression."""
        others = self._other_perts if self.transfer else self.panel.perts[:0]
        perts = np.union1d(self.panel.perts, others) if self.regression is None else self.regression.perts
        found = self.profiles.similarity(subjects, perts)
        own, other = (found[:, np.searchsorted(perts, places)] for places in (self.panel.perts, others))
        return own, other, found

    def features(self, subjects: Places) -> FloatArray:
        """Features (subjects, columns, len(names)) of knockdowns given by their places."""
        panel, out = self.panel, np.zeros((len(subjects), len(self.columns), len(self.names)))
        like, elsewhere, everywhere = self._similarities(subjects)
        # A perturbation never votes for itself, whatever its fold.
        like[subjects[:, None] == panel.perts[None, :]] = 0.0
        sharp, broad = like**SHARP, like**BROAD
        excess, known = panel.sums(sharp)
        out[:, :, 0] = log_odds(panel.habit)
        out[:, :, 1] = excess / (known + SHARP_SHRINK)
        wide, wide_known = panel.sums(broad)
        out[:, :, 2] = wide / (wide_known + BROAD_SHRINK)
        out[:, :, 3] = (wide.sum(axis=1) / (wide_known.sum(axis=1) + 1.0))[:, None]
        out[:, :, 4] = self.profiles.similarity(subjects, self.columns)
        spread, spread_known = excess[:, self._active] @ self._together, known[:, self._active] @ self._together
        out[:, self._active, 5] = spread / (spread_known + SHARP_SHRINK)
        if self.transfer:
            like = elsewhere**SHARP
            like[subjects[:, None] == self._other_perts[None, :]] = 0.0
            across = np.ascontiguousarray(like.T)
            voted = (self._other_excess[self._other_perts].T @ across).T
            counted = (self._other_known[self._other_perts].T @ across).T
            out[:, :, 6] = voted / (counted + SHARP_SHRINK)
        if self.elsewhere:
            seen = self._other_known[subjects].toarray()
            out[:, :, 7] = self._other_excess[subjects].toarray() / np.maximum(seen, 1.0)
        if self.regression:
            out[:, :, -2], out[:, :, -1] = self.regression.answers(subjects, everywhere)
        return out


def row_habits(rows: Rows) -> FloatArray:
    """The habit of each row's gene, 0 to 1, shape (n,)."""
    if not len(rows):
        return np.zeros(0)
    return _Panel(rows, columns := np.unique(rows.genes)).habit[np.searchsorted(columns, rows.genes)]
