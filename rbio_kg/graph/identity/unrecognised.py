"""The names of a table that mean no gene, counted by kind, with their positions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.errors import SelectionError
from rbio_kg.graph.identity import forms
from rbio_kg.graph.identity.gene_names import UNRECOGNISED, GeneNames
from rbio_kg.graph.identity.rules import MOST, WARN

SET_ASIDE = {"control": "controls", "missing": "rows without a gene"}
"""Kinds of label that are no gene at all, so that their rows are no questions, and what these rows are called."""
_SHOWN = 3


@dataclass(frozen=True)
class UnrecognisedName:
    """A label of a table that means no gene, or several.

    Args:
        label: as it stands in the table.
        column: where it stands.
        kind: one of `gene_names.UNRECOGNISED`.
        rows: number of rows with it.
        line: the first of them: line of the file, or number of the row.
        candidates: symbols that it may mean.
    """

    label: str
    column: str
    kind: str
    rows: int
    line: int
    candidates: tuple[str, ...]

    def __str__(self) -> str:
        meant = self.candidates or (forms.dated_genes(self.label.strip()) if self.kind == "date" else ())
        means = f": {' or '.join(meant)}?" if meant else ""
        return f"{self.label!r} (line {self.line}{means})"


@dataclass(frozen=True)
class Unrecognised:
    """What was not recognised in one table.

    Args:
        where: the file or table.
        total: number of rows.
        rows: number of rows with a name that was not recognised.
        names: each name once by column, the most frequent first.
        by_kind: kind -> number of rows with such a name; kinds without rows are left out.
        applied: number of rows in which a suggestion was applied.
    """

    where: str
    total: int
    rows: int
    names: tuple[UnrecognisedName, ...]
    by_kind: dict[str, int]
    applied: int = 0

    @property
    def share(self) -> float:
        """Share of the rows with a name that was not recognised, 0 to 1."""
        return self.rows / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{self.where}: {self.counts}"

    @property
    def counts(self) -> str:
        """The number of rows, by kind with examples, for people."""
        return f"{self.rows:,} of {self.total:,} rows name no gene of this graph ({self._kinds})"

    @property
    def _kinds(self) -> str:
        return "; ".join(
            f"{self.by_kind[kind]:,} {_CALLED[kind]}, such as " + ", ".join(map(str, self._of(kind)[:_SHOWN]))
            for kind in UNRECOGNISED
            if kind in self.by_kind
        )

    def labels(self, column: str, kind: str | None = None) -> list[str]:
        """The names that were not recognised in a column, of one kind or of all."""
        return [name.label for name in self.names if name.column == column and kind in (None, name.kind)]

    def stands(self, columns: Sequence[str], kinds: Collection[str]) -> pl.Expr:
        """Whether a row has, in one of some columns, a name of one of some kinds."""
        found = {column: [label for kind in kinds for label in self.labels(column, kind)] for column in columns}
        return pl.any_horizontal(pl.col(column).fill_null("").is_in(labels) for column, labels in found.items())

    def _of(self, kind: str) -> list[UnrecognisedName]:
        return [name for name in self.names if name.kind == kind]

    def remarks(self, warn: float = WARN) -> list[str]:
        """Messages for people: a line where names were not recognised, and one where suggestions were applied."""
        found = [f"{'warning: ' if self.share > warn else ''}{self}"] if self.rows else []
        if self.applied:
            found.append(f"{self.where}: suggested genes were taken in {self.applied:,} of {self.total:,} rows")
        return found

    def check(self, most: float = MOST) -> None:
        """Refuse a table with too many names that were not recognised.

        Raises:
            SelectionError: more than the share `most` of the rows; the message counts them by kind.
        """
        if self.share > most:
            suggested = any(len(name.candidates) == 1 for name in self.names)
            accept = ", accept the suggestions (--accept-suggestions)" if suggested else ""
            rows = f"{self.rows:,} of {self.total:,} rows"
            raise SelectionError(
                f"{rows} name no gene of this graph, more than {most:.0%} ({self._kinds})",
                where=self.where,
                hint=f"correct the names{accept} or allow more (--max-unrecognised)",
            )

    def to_json(self) -> dict[str, Any]:
        """Kind -> number of rows, as the key `unrecognised` of JSON documents."""
        return dict(self.by_kind)


_CALLED = {
    "missing": "without a name",
    "control": "controls",
    "combination": "combined perturbations",
    "guide": "guides or treatments",
    "date": "dates made by a spreadsheet",
    "mangled": "names changed by a program",
    "ambiguous": "ambiguous names",
    "identifier": "identifiers that the graph lacks",
    "unknown": "unknown names",
}


def recognise(
    frame: pl.DataFrame,
    names: GeneNames,
    columns: Sequence[str],
    where: str | Path,
    *,
    accept: bool = False,
) -> tuple[pl.DataFrame, Unrecognised]:
    """The approved symbols in columns of gene names; a name that is not recognised stays as it is.

    Args:
        frame: any rows; a column `line` has their lines in the file, else they are numbered from 1.
        names: of the graph's genes.
        columns: that hold gene names.
        where: the table's name, for messages.
        accept: take the suggested gene where there is exactly one.

    Returns:
        The frame in its order, and what was not recognised.
    """
    line = frame["line"] if "line" in frame.columns else pl.int_range(1, frame.height + 1, eager=True)
    lost: list[pl.DataFrame] = []
    found: list[UnrecognisedName] = []
    applied = pl.Series("applied", [False] * frame.height, dtype=pl.Boolean)
    result = frame
    for column in columns:
        matches = names.matches(frame[column].unique())
        symbols = {label: match.symbol for label, match in matches.items() if match.symbol is not None}
        if accept:
            taken = {label: match.suggestion for label, match in matches.items() if match.suggestion is not None}
            applied |= frame[column].is_in(list(taken)).fill_null(False)
            symbols |= taken
        unknown = {label: match for label, match in matches.items() if label not in symbols}
        kinds = pl.DataFrame(
            [(label, match.kind) for label, match in unknown.items()],
            schema={column: pl.String, "kind": pl.String},
            orient="row",
        )
        rows = (
            frame.select(column)
            .with_columns(line.alias("_line"))
            .with_row_index("_row")
            .join(kinds, on=column, how="inner", nulls_equal=True, maintain_order="left")
        )
        lost.append(rows.select("_row", "kind"))
        for label, kind, count, first in (
            rows.group_by(column, "kind", maintain_order=True)
            .agg(pl.len(), pl.col("_line").first().alias("first"))
            .iter_rows()
        ):
            found.append(UnrecognisedName(label or "", column, kind, count, first, unknown[label].candidates))
        renamed = {label: symbol for label, symbol in symbols.items() if label != symbol}
        result = result.with_columns(pl.col(column).replace(renamed))
    rows = pl.concat(lost)
    by_kind = dict(rows.unique().group_by("kind").len().iter_rows())
    report = Unrecognised(
        str(where),
        frame.height,
        rows["_row"].n_unique(),
        tuple(sorted(found, key=lambda name: (-name.rows, name.column, name.label))),
        {kind: by_kind[kind] for kind in UNRECOGNISED if kind in by_kind},
        int(applied.sum()),
    )
    return result, report
