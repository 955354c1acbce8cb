"""The Human Protein Atlas: the genes whose RNA is detected in each cell line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.errors import SourceError
from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, table_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "HPA"
LAYOUT = Layout("\t", ("Gene", "Gene name", "Cell line"), optional=("NX", "nTPM"))
DETECTED = 1.0
"""The lowest NX (releases 19 and 20) or nTPM (from 21 on) that the Atlas calls detected."""
MOST_VALUES = 50_000_000
"""Largest number of cells in a Parquet table; the Atlas' has 2.6 million."""
_VALUE = pl.col("nx").is_finite() & (pl.col("nx") >= 0)


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Table `expression`: every gene detected in the cell lines of the questions.

    A row is one gene in one cell line. If several Ensembl genes are one gene, the highest value stays.

    Raises:
        SourceError: the file is unreadable, lacks a column or holds no value.
    """
    path = files.one("expression")
    rejections = Rejections(path)
    parsed = ParsedSource(frames={}, rejections=[rejections])
    lines = pl.DataFrame(
        [(canonical_line(line), line) for line in context.cell_lines],
        schema={"plain": pl.String, "end": pl.String},
        orient="row",
    )
    others = ~pl.col("plain").is_in(lines["plain"].implode())
    blocks = []
    usable = 0
    for rows in _wide(path, rejections, parsed.left_out) if _is_parquet(path) else _long(path, rejections):
        usable += rows.height
        plain = pl.col("Cell line").replace_strict({name: canonical_line(name) for name in rows["Cell line"].unique()})
        rows = rows.with_columns(plain.alias("plain"))
        rows = leave_out(rows, others, "cell lines and tissues that no question is about", parsed.left_out)
        rows = leave_out(rows, pl.col("nx") < DETECTED, "not detected", parsed.left_out)
        rows = context.gene_names().resolve(rows, {"Gene": ("ensembl",), "Gene name": SYMBOL_KINDS}, "start")
        blocks.append(parsed.unmapped.drop(rows, {"start": "Gene name"}).join(lines, on="plain"))
    rejections.require_some(usable, "expression")
    rows = pl.concat(blocks)
    # The Atlas states one decimal, which single precision had changed.
    table = rows.group_by("start", "end").agg(pl.col("nx").max().round(1)).sort("start", "end")
    parsed.notes["rows of one gene merged"] = rows.height - table.height
    parsed.frames["expression"] = table.with_columns(pl.lit(NAME).alias("source"))
    return parsed


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PAR1"
    except OSError:
        return False  # Parsing it as text gives a clear error.


def _long(path: Path, rejections: Rejections) -> Iterator[pl.DataFrame]:
    """The Atlas' own table: one row per gene and cell line."""
    for block in table_blocks(path, LAYOUT, rejections):
        value = pl.coalesce("NX", "nTPM").cast(pl.Float64, strict=False)
        rows = block.select("line", "Gene", "Gene name", "Cell line", value.alias("nx"))
        yield rejections.drop(rows, ~_VALUE, "there is no NX or nTPM")


def _wide(path: Path, rejections: Rejections, left_out: dict[str, int]) -> Iterator[pl.DataFrame]:
    """Parquet with one row per gene and one column per cell line or tissue."""
    try:
        _check_size(path)
        table = pl.read_parquet(path).with_columns(pl.col("GeneID", "symbol").cast(pl.String))
        rows = (
            table.with_row_index("line", 1)
            .unpivot(index=["line", "GeneID", "symbol"], variable_name="Cell line", value_name="nx")
            .select(
                "line",
                pl.col("GeneID").alias("Gene"),
                pl.coalesce("symbol", "GeneID").alias("Gene name"),
                "Cell line",
                pl.col("nx").cast(pl.Float64),
            )
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"the Parquet file cannot be read ({error})", where=path, hint="download it again") from error
    rejections.seen += rows.height
    rows = leave_out(rows, pl.col("nx").is_null() | pl.col("nx").is_nan(), "not measured", left_out)
    yield rejections.drop(rows, ~_VALUE, "the value is not 0 or more")


def _check_size(path: Path) -> None:
    scan = pl.scan_parquet(path)
    rows, columns = scan.select(pl.len()).collect().item(), len(scan.collect_schema())
    if rows * columns > MOST_VALUES:
        raise SourceError(
            f"the table has {rows:,} rows and {columns:,} columns", where=path, hint="is it the right file?"
        )


SOURCE = SourceEntry(
    name=NAME,
    title="RNA of genes in cell lines",
    folder="hpa",
    files=(
        SourceFile(
            "expression",
            "rna_celline.tsv.zip",
            ("rna_celline_tissue_nx.parquet",),
            "https://www.proteinatlas.org/download/tsv/rna_celline.tsv.zip",
        ),
    ),
    licence="CC BY-SA (3.0 or 4.0, by release)",
    commercial=True,
    url="https://www.proteinatlas.org",
    required=False,
    read=read,
    by_name=True,
)
