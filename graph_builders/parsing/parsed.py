"""The input of a source's reader, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph.identity.unrecognised import Unrecognised
from rbio_kg.graph_builders.parsing.names import Unmapped
from rbio_kg.graph_builders.parsing.ontology_terms import OntologyTerms
from rbio_kg.graph_builders.parsing.rejections import Rejections


@dataclass(frozen=True)
class FoundFiles:
    """The files of one source in a sources directory: role -> paths, sorted."""

    paths: Mapping[str, tuple[Path, ...]]

    def one(self, role: str) -> Path:
        """The file of a role that has exactly one."""
        return self.paths[role][0]

    def maybe(self, role: str) -> Path | None:
        """The file of an optional role."""
        found = self.paths.get(role, ())
        return found[0] if found else None

    def all(self, role: str) -> tuple[Path, ...]:
        """Every file of a role."""
        return self.paths.get(role, ())


@dataclass(frozen=True)
class BuildContext:
    """Facts from the sources parsed before (gene names, terms, cell lines), and the build's options.

    Args:
        names: gene names; available after HGNC.
        terms: live GO terms and the targets of other ids; available after GO.
        cell_lines: cell lines of the questions; available after PerturbQA.
        min_score: lowest STRING score to keep, 0 to 1000.
        textmining: False takes text mining out of STRING's combined score, which is then joined from the other channels
            (`min_score` holds for that score). It needs STRING's full links file.
        accept_suggestions: True takes the suggested gene for a name in a questions file that is no gene.
    """

    names: GeneNames | None = None
    terms: OntologyTerms | None = None
    cell_lines: tuple[str, ...] = ()
    min_score: int = 400
    textmining: bool = True
    accept_suggestions: bool = False

    def settled(
        self, part: Literal["names", "terms", "cell_lines"], value: GeneNames | OntologyTerms | tuple[str, ...]
    ) -> BuildContext:
        """This context with one part from a source."""
        return replace(self, **cast("dict[str, Any]", {part: value}))

    def gene_names(self) -> GeneNames:
        """The gene names. Raises SourceError before HGNC has been parsed."""
        if self.names is None:
            raise SourceError("gene names are needed before this source", hint="give the HGNC complete set")
        return self.names

    def go_terms(self) -> OntologyTerms:
        """The GO terms. Raises SourceError before the ontology has been parsed."""
        if self.terms is None:
            raise SourceError("the ontology is needed before its annotations", hint="give go-basic.obo")
        return self.terms


@dataclass
class ParsedSource:
    """The content of one source, in the graph's tables and gene symbols.

    Every row of the files is accounted for: rows_read = rows + rejected + left_out + unmapped.rows.

    Args:
        frames: table name -> rows, with that table's columns; keys are unique within a frame.
        rejections: one per file.
        left_out: rows left out on purpose, by kind.
        unmapped: gene labels that name no gene, and the rows lost to them.
        unrecognised: names that are no gene in tables whose rows stay, one report per file.
        version: the provider's version, if the files state it.
        date: date of the release, ISO 8601, if the files state it.
        simulated: True if the rows come from a model.
        name: the source's name, if it differs from the register's.
        licence: the data's licence, if it differs from the register's.
        url: the data's address, if it differs from the register's.
        names: gene names, if this source defines them.
        terms: GO terms, if this source defines them.
        notes: further counts (duplicates merged, ids replaced, ...); no rows are lost to them.
    """

    frames: dict[str, pl.DataFrame]
    rejections: list[Rejections]
    left_out: dict[str, int] = field(default_factory=dict)
    unmapped: Unmapped = field(default_factory=Unmapped)
    unrecognised: list[Unrecognised] = field(default_factory=list)
    version: str | None = None
    date: str | None = None
    simulated: bool = False
    name: str | None = None
    licence: str | None = None
    url: str | None = None
    names: GeneNames | None = None
    terms: OntologyTerms | None = None
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def cell_lines(self) -> tuple[str, ...] | None:
        """The cell lines of this source, None if it has none."""
        frame = self.frames.get("cell_lines")
        return None if frame is None else tuple(frame["name"])

    @property
    def rows_read(self) -> int:
        """Rows of the provider's files, without blank lines and comments."""
        return sum(part.seen for part in self.rejections)

    @property
    def rejected(self) -> int:
        """Rows rejected in all files."""
        return sum(part.count for part in self.rejections)

    @property
    def rows(self) -> int:
        """Rows kept: those that are not rejected, left out or unmapped."""
        return self.rows_read - self.rejected - sum(self.left_out.values()) - self.unmapped.rows

    def require(self, table: str, path: Path, hint: str = "is it the right file?") -> None:
        """Raise if a table is empty: nothing of the file would reach the graph.

        Raises:
            SourceError: `table` has no row; the message says where the rows went.
        """
        if not self.frames[table].is_empty():
            return
        lost = {"rejected": self.rejected, **self.left_out, "of genes that HGNC does not know": self.unmapped.rows}
        ways = "; ".join(f"{count:,} {kind}" for kind, count in lost.items() if count)
        raise SourceError(f"nothing of the file reaches the graph ({ways})", where=path, hint=hint)


def leave_out(frame: pl.DataFrame, out: pl.Expr, kind: str, counts: dict[str, int]) -> pl.DataFrame:
    """The rows that are not `out`; the others are counted under `kind`."""
    kept = frame.filter(~out)
    if kept.height < frame.height:
        counts[kind] = counts.get(kind, 0) + frame.height - kept.height
    return kept


def collected(rows: pl.DataFrame, keys: list[str], column: str) -> pl.DataFrame:
    """The different values of a column for each of the keys, as a sorted list."""
    # Sorting once and grouping in order is much faster than sorting within each of some hundred thousand groups.
    return rows.select(*keys, column).unique().sort(*keys, column).group_by(keys, maintain_order=True).agg(column)
