"""What known knockdowns say about another one: similarity votes over the training labels of one cell line and task.

For a knockdown p and a monitored gene g, training knockdowns p' with a label for g vote with (label - habit of g)
weighted by similarity(p, p') to some power. The habit is the gene's own rate, so a vote says what the neighbours of p
do beyond what every knockdown does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from rbio_kg.core.typing import FloatArray, Indices
from rbio_kg.graph.snapshot.kernels import compiled
from rbio_kg.verifiers.expression.pair_kernel import PairRegression, PerturbationKernel, column_sums, csc_parts
from rbio_kg.verifiers.expression.similarity import Profiles
from rbio_kg.verifiers.stats.probability import clipped_logit, shrunken_rate

POWER_NARROW, SHRINK_NARROW = 4, 0.1
POWER_WIDE, SHRINK_WIDE = 2, 1.0
"""Powers of the similarity, and weight (of a knockdown like itself: about 2.5 ** power) added to the divisor, so that
votes of few or distant knockdowns count little. Chosen by cross-validation on train rows of three cell lines."""
LEAST_CHANGES = 3
"""Genes with at least so many changes take part in the co-response."""
CO_RESPONSE_PRIOR = 5.0
_CHUNK = 64


@dataclass(frozen=True)
class Rows:
    """Labelled knockdowns: places of perturbation and monitored gene among the profiles, and 0 or 1."""

    perts: Indices
    genes: Indices
    labels: FloatArray

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, kept: NDArray[np.bool_]) -> Rows:
        """The rows that are kept."""
        return Rows(self.perts[kept], self.genes[kept], self.labels[kept])

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of all parts, one after another."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("perts", "genes", "labels")))


class _Panel:
    """Labels as sparse matrices (perturbations, columns): which are known, how far each is from its gene's habit."""

    def __init__(self, rows: Rows, columns: Indices) -> None:
        self.base = float((rows.labels.sum() + 1.0) / (len(rows) + 2.0))
        place = np.minimum(np.searchsorted(columns, rows.genes), len(columns) - 1)
        kept = columns[place] == rows.genes if len(columns) else np.zeros(len(rows), dtype=np.bool_)
        place, rows = place[kept], rows.where(kept)
        self.perts, index = np.unique(rows.perts, return_inverse=True)
        shape = (len(self.perts), len(columns))
        count = np.bincount(place, minlength=len(columns))
        self.changes = np.bincount(place, rows.labels, minlength=len(columns))
        self.base_rate: FloatArray = shrunken_rate(self.changes, count, self.base)
        self.known = sp.csr_matrix((np.ones(len(rows)), (index, place)), shape=shape)
        self.excess = sp.csr_matrix((rows.labels - self.base_rate[place], (index, place)), shape=shape)


@compiled
def _co_response(
    together: NDArray[np.float64], first: FloatArray, second: FloatArray, rows: NDArray[Any]
) -> tuple[FloatArray, FloatArray]:
    """Products of some rows of a matrix with two vectors."""
    one, two = np.zeros(len(rows)), np.zeros(len(rows))
    for number in range(len(rows)):
        one[number] = np.dot(together[rows[number]], first)
        two[number] = np.dot(together[rows[number]], second)
    return one, two


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


class NeighbourVoter:
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
        columns: Indices,
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
        self._ready()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of `features`."""
        found: tuple[str, ...] = ("habit", "vote", "broad_vote", "strength", "direct", "co_response")
        found += ("transfer",) if self.transfer else ()
        found += ("elsewhere",) if self.elsewhere else ()
        return (*found, "same_gene", "like_genes") if self.regression else found

    @property
    def heard(self) -> Indices:
        """Perturbations whose labels vote: of this line, and of other lines unless what they say of one is allowed."""
        forbidden = self.transfer and not self.elsewhere
        return np.union1d(self.panel.perts, self._other_perts).astype(np.int32) if forbidden else self.panel.perts

    def _co_response(self) -> None:
        """How alike the monitored genes answer to the training knockdowns: shrunk correlation, negatives cut."""
        active = np.flatnonzero(self.panel.changes >= LEAST_CHANGES)
        excess, known = self.panel.excess[:, active], self.panel.known[:, active]
        spread = np.sqrt(self.panel.base_rate[active] * (1.0 - self.panel.base_rate[active]))
        shared = (known.T @ known).toarray() + CO_RESPONSE_PRIOR
        together = (excess.T @ excess).toarray() / shared / np.outer(spread, spread)
        np.fill_diagonal(together, 1.0)
        self._active, self._together = active, np.ascontiguousarray(np.maximum(together, 0.0))

    def _ready(self) -> None:
        """What answers need again and again."""
        panel, others = self.panel, self._other_perts if self.transfer else self.panel.perts[:0]
        perts = np.union1d(panel.perts, others).astype(np.int32)
        self._kin = (
            self.regression.known
            if self.regression
            else PerturbationKernel(self.profiles, perts, np.zeros((0, 0), np.float32))
        )
        self._own, self._others = (np.searchsorted(self._kin.perts, places) for places in (panel.perts, others))
        self._base_rate = clipped_logit(panel.base_rate)
        self._excess, self._known = csc_parts(panel.excess), csc_parts(panel.known)
        self._totals = [np.asarray(one.sum(axis=1)).ravel() for one in (panel.excess, panel.known)]
        self._echoes = np.full(len(self.columns), -1)
        self._echoes[self._active] = np.arange(len(self._active))
        if self.transfer:
            votes = (self._other_excess, self._other_known)
            self._across = [csc_parts(one[self._other_perts]) for one in votes]

    def similarity(self, subject: int) -> FloatArray:
        """Similarities of a subject to the perturbations of the panel, (perts,)."""
        found: FloatArray = self._kin.similarity([subject])[0, self._own]
        return found

    def features(self, perts: NDArray[Any], genes: NDArray[Any]) -> FloatArray:
        """Features (n, len(names)) of pairs of a knockdown and one of the columns, given by their places."""
        out = np.zeros((len(perts), len(self.names)))
        column, order = np.searchsorted(self.columns, genes), np.argsort(perts, kind="stable")
        subjects, starts = np.unique(perts[order], return_index=True)
        rows = np.split(order, starts[1:])
        for start in range(0, len(subjects), _CHUNK):
            chunk = subjects[start : start + _CHUNK].tolist()
            for number, similarity in enumerate(self._kin.similarity(chunk), start):
                asked = rows[number]
                out[asked] = self._about(int(subjects[number]), similarity, column[asked])
        return out

    def _about(self, subject: int, similarity: FloatArray, asked: NDArray[Any]) -> FloatArray:
        """Features (asked, len(names)) of one knockdown and some columns, given by index."""
        out, panel = np.zeros((len(asked), len(self.names))), self.panel
        # A perturbation never votes for itself, whatever its fold.
        like = np.where(panel.perts == subject, 0.0, similarity[self._own])
        sharp, broad = like**POWER_NARROW, like**POWER_WIDE
        out[:, 0] = self._base_rate[asked]
        out[:, 1] = column_sums(*self._excess, sharp, asked) / (column_sums(*self._known, sharp, asked) + SHRINK_NARROW)
        out[:, 2] = column_sums(*self._excess, broad, asked) / (column_sums(*self._known, broad, asked) + SHRINK_WIDE)
        excess, known = (float((broad * total).sum()) for total in self._totals)
        out[:, 3] = excess / (known + 1.0)
        out[:, 4] = self.profiles.pairs(np.full(len(asked), subject), self.columns[asked])
        echoes = self._echoes[asked]
        active = echoes >= 0
        if active.any():
            votes, counts = (column_sums(*one, sharp, self._active) for one in (self._excess, self._known))
            spread, spread_known = _co_response(self._together, votes, counts, echoes[active])
            out[active, 5] = spread / (spread_known + SHRINK_NARROW)
        if self.transfer:
            itself = self._other_perts == subject
            like = np.where(itself, 0.0, similarity[self._others]) ** POWER_NARROW
            voted, counted = (column_sums(*one, like, asked) for one in self._across)
            out[:, 6] = voted / (counted + SHRINK_NARROW)
            if self.elsewhere and itself.any():
                voted, counted = (column_sums(*one, itself.astype(np.float64), asked) for one in self._across)
                out[:, 7] = voted / np.maximum(counted, 1.0)
        if self.regression:
            out[:, -2], out[:, -1] = self.regression.answers(subject, similarity, asked)
        return out


def row_base_rates(rows: Rows) -> FloatArray:
    """The habit of each row's gene, 0 to 1, shape (n,)."""
    if not len(rows):
        return np.zeros(0)
    return _Panel(rows, columns := np.unique(rows.genes)).base_rate[np.searchsorted(columns, rows.genes)]
