"""Pairs of genes from collections of published experiments, without direction and without duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource, collected, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, table_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections

SYMBOLS_ONLY = Layout("\t", ("gene_a", "gene_b"))
_ENDS = ["start", "end"]
_MOST = 20
_NONE = pl.lit([], dtype=pl.List(pl.String))


@dataclass(frozen=True)
class Ends:
    """How a table names the two genes of a pair: for each, column -> kinds of label to look up there.

    The last column of each names the gene in reports of unmapped labels. `any_case` is False for a table that also
    names genes of other species (see `GeneNames.resolve`).
    """

    first: Mapping[str, tuple[str, ...]]
    second: Mapping[str, tuple[str, ...]]
    any_case: bool = True


def symbol_blocks(path: Path, rejections: Rejections) -> Iterator[pl.DataFrame]:
    """A table of upper-case symbols, `gene_a` and `gene_b`; the lower case of C1orf52, TGIF2-C20orf24 is restored."""
    for block in table_blocks(path, SYMBOLS_ONLY, rejections):
        yield block.with_columns(pl.col("gene_a", "gene_b").str.replace_all(r"\b(C[\dXY]+)ORF(\d+)", "${1}orf${2}"))


def reported(
    blocks: Iterable[pl.DataFrame], ends: Ends, source: str, context: BuildContext, parsed: ParsedSource
) -> pl.DataFrame:
    """Table `reported_interactions`: one row per pair, the lower symbol first; lost rows are counted in `parsed`.

    Isoforms and chains of one gene are that gene; a gene with itself is left out.

    Args:
        blocks: rows with the columns of `ends`, and `method` and `reference` (lists) where the file has them.
        ends: how the genes are named.
        source: name of the source.
        context: gene names.
        parsed: the parsed source of the rows.
    """
    names = context.gene_names()
    parts = []
    for rows in blocks:
        for columns, into in ((ends.first, "a"), (ends.second, "b")):
            rows = names.resolve(rows, columns, into, any_case=ends.any_case)
        rows = parsed.unmapped.drop(rows, {"a": list(ends.first)[-1], "b": list(ends.second)[-1]})
        rows = leave_out(rows, pl.col("a") == pl.col("b"), "a gene with itself", parsed.left_out)
        low, high = pl.min_horizontal("a", "b"), pl.max_horizontal("a", "b")
        kept = [name for name in ("method", "reference") if name in rows.columns]
        parts.append(rows.select(low.alias("start"), high.alias("end"), *kept))
    table = pl.concat(parts)
    pairs = table.select(_ENDS).unique().sort(_ENDS)
    parsed.notes["duplicate rows merged"] = table.height - pairs.height
    for column, into in (("method", "methods"), ("reference", "references")):
        if column in table.columns:
            listed = collected(table.explode(column, empty_as_null=False, keep_nulls=False), _ENDS, column)
            pairs = pairs.join(listed, on=_ENDS, how="left", maintain_order="left").with_columns(
                pl.col(column).fill_null(_NONE).list.head(_MOST).alias(into)
            )
        else:
            pairs = pairs.with_columns(_NONE.alias(into))
    return pairs.select(*_ENDS, "methods", "references", pl.lit(source).alias("source"))
