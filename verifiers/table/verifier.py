"""The table verifier: looks claims up among the calibrated predictions of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.claims import FALLS, IF_CHANGED, Claim, Evidence, Node, Relation, Status, Verdict
from rbio_kg.core.errors import VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths, rests_on_simulated_labels
from rbio_kg.verifiers.table.fit import RAW, ROWS_FILE, table_about

T = TypeVar("T")
Group = tuple[str, str | None]
"""Relation and cell line; None: predictions for any line."""
_OPPOSITE = {
    Relation.INCREASES_IF_CHANGED: Relation.DECREASES_IF_CHANGED,
    Relation.DECREASES_IF_CHANGED: Relation.INCREASES_IF_CHANGED,
}


@dataclass(frozen=True)
class _Table:
    """Predictions as arrays in ascending order of their keys.

    A key is (group * names + subject) * names + object.
    """

    about: Mapping[str, Any]
    names: dict[str, int]
    groups: dict[Group, int]
    keys: NDArray[np.int64]
    probability: FloatArray
    score: FloatArray
    row: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path) -> _Table:
        path = folder / ROWS_FILE
        try:
            frame = pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise VerifierError(f"cannot be read ({error})", where=path, hint="add the predictions again") from error
        labels = pl.concat([frame["subject"], frame["object"]]).unique().sort()
        kind = pl.Enum(labels)
        subject, target = (
            frame[name].cast(kind).to_physical().cast(pl.Int64).to_numpy() for name in ("subject", "object")
        )
        pairs = frame.select("relation", "cell_line").unique().sort("relation", "cell_line")
        numbered = pairs.with_row_index("group")
        group = frame.join(numbered, on=["relation", "cell_line"], how="left", nulls_equal=True, maintain_order="left")[
            "group"
        ].cast(pl.Int64)
        keys = (group.to_numpy() * len(labels) + subject) * len(labels) + target
        order = np.argsort(keys, kind="stable")
        columns = (frame[name].to_numpy()[order] for name in ("probability", "score", "row"))
        names = dict(zip(labels.to_list(), range(len(labels)), strict=True))
        groups = {(str(relation), line): number for number, (relation, line) in enumerate(pairs.iter_rows())}
        return cls(table_about(folder), names, groups, keys[order], *columns)

    def find(self, group: Group, subject: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position of each pair, (n,); -1 where there is none."""
        number, size = self.groups.get(group), len(self.names)
        if number is None:
            return np.full(len(subject), -1)
        wanted = (number * size + subject) * size + target
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where((subject >= 0) & (target >= 0) & (self.keys[at] == wanted), at, -1)


class TableVerifier(Verifier):
    """Scores the claims that a file of predictions has, and abstains on others.

    A prediction without a cell line holds for any line that has none of its own. A claim without a cell line gets the
    mean over the lines. Where the file has changes and directions given a change, increases and decreases are their
    product; the two directions given a change add up to 1.

    Args:
        model_dir: where `fit_table` wrote the model; opened at first use.
        snapshot_dir: of the graph, for other names of genes; None: names count as they are.
    """

    def __init__(self, model_dir: Path | str, snapshot_dir: Path | str | None = None) -> None:
        self.model_dir = Path(model_dir)
        self.snapshot_dir = None if snapshot_dir is None else Path(snapshot_dir)
        self.name = self.model_dir.name
        self._table: _Table | None = None
        self._snapshot: Snapshot | None = None
        self._known: dict[tuple[str, bool], int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return TableVerifier, (self.model_dir, self.snapshot_dir)

    def _open(self) -> _Table:
        if self._table is None:
            self._table = _Table.read(self.model_dir)
        return self._table

    @property
    def card(self) -> Card:
        """What it knows, and how it was calibrated."""
        about = self._open().about
        lines = ", ".join(about["lines"]) or "any cell line"
        genes = f"{about['genes']:,} perturbed genes in {lines}"
        return Card(
            knows=f"{about['rows']:,} predictions of {about['model']} about {genes}",
            relations=self._relations,
            abstains="on pairs, cell lines and relations that the file does not have, and on a gene and itself",
            sources=(about["file"],),
            licence=about["licence"],
            reference=about["reference"],
            limits="; ".join(_calibration_text(relation, made) for relation, made in about["calibration"].items())
            + ". What the model was trained on is not known: test labels among it would not be noticed.",
            simulated=bool(about["simulated"]),
            settings={"seed": about["seed"], "model": about["model"], "calibration": dict(about["calibration"])},
        )

    @property
    def _relations(self) -> frozenset[Relation]:
        found = {Relation(relation) for relation, _ in self._open().groups}
        found |= {_OPPOSITE[relation] for relation in found & IF_CHANGED}
        if Relation.CHANGES_EXPRESSION_OF in found and found & IF_CHANGED:
            found |= {Relation.INCREASES, Relation.DECREASES}
        return frozenset(found)

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """Probabilities (n,), NaN where it abstains; `texts` are ignored."""
        check_lengths(claims, texts)
        out = np.full(len(claims), np.nan)
        relations, relation_of = _numbered([claim.relation for claim in claims])
        lines, line_of = _numbered([claim.cell_line for claim in claims])
        kind = relation_of * max(len(lines), 1) + line_of
        for number in np.unique(kind).tolist():
            relation, line = relations[number // len(lines)], lines[number % len(lines)]
            rows = np.flatnonzero(kind == number)
            chosen = claims if len(rows) == len(claims) else [claims[row] for row in rows.tolist()]
            member = relation is Relation.TAKES_PART_IN
            subject = self._places([claim.subject for claim in chosen], member=False)
            target = self._places([claim.object for claim in chosen], member=member)
            out[rows] = self._probabilities(relation, line, subject, target)
        return out

    def _places(self, names: Sequence[str], *, member: bool) -> NDArray[np.int64]:
        """Number of each gene (or term or pathway) in the table, (n,); -1 for one that it does not have."""
        known = self._open().names
        found = np.fromiter((known.get(name, -1) for name in names), dtype=np.int64, count=len(names))
        for row in np.flatnonzero(found < 0).tolist():
            found[row] = self._place(names[row], member)
        return found

    def _place(self, name: str, member: bool) -> int:
        key = (name, member)
        if key not in self._known:
            self._known[key] = self._open().names.get(self._own_name(name, member) or "", -1)
        return self._known[key]

    def _own_name(self, name: str, member: bool) -> str | None:
        if self.snapshot_dir is None:
            return None
        if self._snapshot is None:
            self._snapshot = Snapshot.open(self.snapshot_dir)
        return self._snapshot.identity.object(name) if member else self._snapshot.resolve(name)

    def _probabilities(
        self, relation: Relation, line: str | None, subject: NDArray[np.int64], target: NDArray[np.int64]
    ) -> FloatArray:
        total, count = np.zeros(len(subject)), np.zeros(len(subject))
        for one in self._lines(line):
            values = np.full(len(subject), np.nan)
            for number, (at, complement) in enumerate(self._parts(relation, one, subject, target)):
                chance = np.where(at >= 0, self._open().probability[at], np.nan)
                chance = 1.0 - chance if complement else chance
                values = values * chance if number else chance
            if line is None and one is None:
                single = values
                continue
            scored = ~np.isnan(values)
            total[scored] += values[scored]
            count[scored] += 1.0
        mean: FloatArray = np.divide(total, count, out=np.full(len(subject), np.nan), where=count > 0)
        return mean if line is not None else np.where(np.isnan(single), mean, single)

    def _lines(self, line: str | None) -> list[str | None]:
        """The lines whose predictions a claim of a line gets: for a claim without one that for any line, then all."""
        return [line] if line is not None else [None, *self._open().about["lines"]]

    def _parts(
        self, relation: Relation, line: str | None, subject: NDArray[np.int64], target: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.int64], bool]]:
        """Positions whose probabilities, or 1 minus them, make up those of claims of one line, as a product."""
        table = self._open()
        if relation is Relation.INTERACTS_WITH:
            subject, target = np.minimum(subject, target), np.maximum(subject, target)
        parts = []
        for part, complement in _made_of(relation, {known for known, _ in table.groups}):
            at = table.find((part, line), subject, target)
            if line is not None:
                at = np.where(at >= 0, at, table.find((part, None), subject, target))
            parts.append((at, complement))
        return parts

    def _cited(self, claim: Claim, subject: NDArray[np.int64], target: NDArray[np.int64]) -> list[int]:
        """Positions of the rows that an answer rests on."""
        found: list[int] = []
        for line in self._lines(claim.cell_line):
            parts = [int(at[0]) for at, _ in self._parts(claim.relation, line, subject, target)]
            if parts and min(parts) >= 0:
                found += parts
                if line is None:
                    break
        return list(dict.fromkeys(found))

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The same answer as `score`, citing the rows of the file."""
        score = float(self.score([claim])[0])
        table, about = self._open(), self._open().about
        subject = self._places([claim.subject], member=False)
        target = self._places([claim.object], member=claim.relation is Relation.TAKES_PART_IN)
        if np.isnan(score):
            return Verdict(None, Status.ABSTAIN, (), self._why_not(claim, subject[0], target[0]), self.name)
        labels, groups = list(table.names), {number: group for group, number in table.groups.items()}
        size = len(labels)
        evidence: list[Evidence] = []
        shown: list[str] = []
        for at in self._cited(claim, subject, target):
            relation, line = groups[int(table.keys[at]) // (size * size)]
            start, end = (labels[number] for number in divmod(int(table.keys[at]) % (size * size), size))
            detail = {
                "source": f"predictions of {about['model']}",
                "file": about["file"],
                "row": int(table.row[at]),
                "model": about["model"],
                "relation": relation,
                "cell_line": line,
                "raw_score": float(table.score[at]),
                "probability": float(table.probability[at]),
                "calibration": about["calibration"][relation]["method"],
                # A prediction is no relationship of the graph.
                "in_graph": False,
            }
            kind = _label_of(end, claim.relation)
            evidence.append(Evidence(Node("Gene", start), "PREDICTED", Node(kind, end), 1.0, len(evidence), detail))
            shown.append(f"row {detail['row']} has {detail['raw_score']:.3g}")
        made = "raw" if all(item.detail["calibration"] == RAW for item in evidence) else "calibrated out of fold"
        reason = f"predicted by {about['model']} in {about['file']}: {', '.join(shown)}; {made}"
        simulated = rests_on_simulated_labels(self.card, claim.relation)
        return Verdict(score, Status.OK, tuple(evidence), " ".join(reason.split()), self.name, simulated)

    def _why_not(self, claim: Claim, subject: int, target: int) -> str:
        if claim.relation not in self._relations:
            return f"the file has no predictions of {claim.relation}"
        if subject >= 0 and subject == target:
            return "a gene's relation to itself is not scored"
        lost = [name for name, place in ((claim.subject, subject), (claim.object, target)) if place < 0]
        if lost:
            return f"the file has no predictions about {', '.join(dict.fromkeys(lost))}"
        return f"the file has no prediction of {claim}"


def _numbered(values: Sequence[T]) -> tuple[list[T], NDArray[np.int64]]:
    """The different values, and the number of each value among them, (n,)."""
    # Two passes over plain lists: pairs of a million claims would be a million tuples.
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return list(numbers), np.fromiter(map(numbers.__getitem__, values), dtype=np.int64, count=len(values))


def _made_of(relation: Relation, present: set[str]) -> list[tuple[str, bool]]:
    """The relations of a table that make up another, each with whether 1 minus its probability counts."""
    if relation in present:
        return [(str(relation), False)]
    if relation in IF_CHANGED:
        opposite = str(_OPPOSITE[relation])
        return [(opposite, True)] if opposite in present else []
    if relation in (Relation.INCREASES, Relation.DECREASES):
        direction = Relation.DECREASES_IF_CHANGED if relation in FALLS else Relation.INCREASES_IF_CHANGED
        change, given = (_made_of(part, present) for part in (Relation.CHANGES_EXPRESSION_OF, direction))
        return [*change, *given] if change and given else []
    return []


def _label_of(key: str, relation: Relation) -> str:
    if relation is not Relation.TAKES_PART_IN:
        return "Gene"
    return "GoTerm" if key.startswith("GO:") else "Pathway"


def _calibration_text(relation: str, made: Mapping[str, Any]) -> str:
    if made["method"] == RAW:
        return f"{relation}: raw scores of the file, not calibrated"
    return f"{relation}: calibrated out of fold on {made['labelled']:,} train rows (ECE {made['ece']:.3f})"
