"""BioGRID: pairs of human proteins that published experiments report as interacting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, numbered_lines, table_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile
from rbio_kg.graph_builders.sources.gene_pairs import Ends, reported, symbol_blocks

NAME = "BioGRID"
_COLUMNS = {
    "Entrez Gene Interactor A": "entrez_a",
    "Entrez Gene Interactor B": "entrez_b",
    "Official Symbol Interactor A": "gene_a",
    "Official Symbol Interactor B": "gene_b",
    "Organism ID Interactor A": "taxon_a",
    "Organism ID Interactor B": "taxon_b",
    "Experimental System": "method",
    "Experimental System Type": "kind",
    "Publication Source": "reference",
}
TAB3 = Layout("\t", tuple(_COLUMNS))
_HUMAN = "9606"


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Table `reported_interactions`, from BioGRID's TAB 3.0 or from a table of symbols `gene_a`, `gene_b`.

    Of TAB 3.0 only physical interactions of two human genes are kept, with method and reference. A table of symbols
    has neither species nor method; labels that are not a human gene are unmapped. Their case counts there: US3 is a
    gene of herpes viruses, and uS3 a human one.

    Raises:
        SourceError: the file is unreadable, lacks a column or holds no pair.
    """
    path = files.one("pairs")
    rejections = Rejections(path)
    version = re.search(r"(\d+\.\d+\.\d+)", path.name)
    parsed = ParsedSource(frames={}, rejections=[rejections], version=version[1] if version else None)
    if "gene_a" in next(line for _, line in numbered_lines(path)):
        blocks = symbol_blocks(path, rejections)
        ends = Ends({"gene_a": SYMBOL_KINDS}, {"gene_b": SYMBOL_KINDS}, any_case=False)
    else:
        blocks = _physical(path, rejections, parsed)
        ends = Ends(
            {"entrez_a": ("entrez",), "gene_a": SYMBOL_KINDS}, {"entrez_b": ("entrez",), "gene_b": SYMBOL_KINDS}
        )
    parsed.frames["reported_interactions"] = reported(blocks, ends, NAME, context, parsed)
    parsed.require("reported_interactions", path)
    return parsed


def _physical(path: Path, rejections: Rejections, parsed: ParsedSource) -> Iterator[pl.DataFrame]:
    for block in table_blocks(path, TAB3, rejections):
        rows = block.rename(_COLUMNS)
        known = pl.col("kind").is_in(["physical", "genetic"])
        rows = rejections.drop(rows, ~known, "the experiment is neither physical nor genetic")
        human = (pl.col("taxon_a") == _HUMAN) & (pl.col("taxon_b") == _HUMAN)
        rows = leave_out(rows, ~human, "other species", parsed.left_out)
        rows = leave_out(rows, pl.col("kind") == "genetic", "genetic interactions", parsed.left_out)
        yield rows.with_columns(
            pl.concat_list("method"), pl.concat_list(pl.col("reference").str.replace("^PUBMED:", "PMID:"))
        )


SOURCE = SourceEntry(
    name=NAME,
    title="interactions of proteins that experiments report",
    folder="extra",
    files=(
        SourceFile(
            "pairs",
            "BIOGRID-ALL-4.4.232.tab3.zip",
            ("BIOGRID-ALL-*.tab3", "BIOGRID-*.tab3.txt", "biogrid*_human_symbols.tsv"),
            "https://downloads.thebiogrid.org/Download/BioGRID/Release-Archive/BIOGRID-4.4.232/BIOGRID-ALL-4.4.232.tab3.zip",
        ),
    ),
    licence="MIT",
    commercial=True,
    url="https://thebiogrid.org",
    required=False,
    read=read,
    by_name=True,
)
