"""IntAct: pairs of human proteins that curated publications report as interacting."""

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

NAME = "IntAct"
_COLUMNS = {
    "ID(s) interactor A": "id_a",
    "ID(s) interactor B": "id_b",
    "Alias(es) interactor A": "alias_a",
    "Alias(es) interactor B": "alias_b",
    "Taxid interactor A": "taxon_a",
    "Taxid interactor B": "taxon_b",
    "Interaction detection method(s)": "method",
    "Publication Identifier(s)": "reference",
}
MITAB = Layout("\t", tuple(_COLUMNS), optional=("Negative",))
_HUMAN = r"^taxid:9606(\(|\||$)"
_ACCESSION = r"^uniprotkb:([A-Z0-9]+)"  # An isoform or chain of it follows after a hyphen.
_GENE_NAME = r'uniprotkb:"?([^|"()]+)"?\(gene name\)'


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Table `reported_interactions`, from PSI-MI TAB 2.5 or 2.7, or from a table of symbols `gene_a`, `gene_b`.

    Of PSI-MI TAB only rows of two human molecules are kept, with method and reference; negative results (2.7) are
    left out. A table of symbols names some genes by NCBI gene id.

    Raises:
        SourceError: the file is unreadable, lacks a column or holds no pair.
    """
    path = files.one("pairs")
    rejections = Rejections(path)
    release = re.search(r"(\d{4}-\d\d)", path.name)
    parsed = ParsedSource(frames={}, rejections=[rejections], version=release[1] if release else None)
    if "gene_a" in next(line for _, line in numbered_lines(path)):
        kinds = (*SYMBOL_KINDS, "entrez")
        blocks, ends = symbol_blocks(path, rejections), Ends({"gene_a": kinds}, {"gene_b": kinds})
    else:
        blocks = _human(path, rejections, parsed)
        ends = Ends(
            {"accession_a": ("uniprot",), "name_a": SYMBOL_KINDS, "id_a": ()},
            {"accession_b": ("uniprot",), "name_b": SYMBOL_KINDS, "id_b": ()},
        )
    parsed.frames["reported_interactions"] = reported(blocks, ends, NAME, context, parsed)
    parsed.require("reported_interactions", path)
    return parsed


def _human(path: Path, rejections: Rejections, parsed: ParsedSource) -> Iterator[pl.DataFrame]:
    for block in table_blocks(path, MITAB, rejections):
        rows = block.rename(_COLUMNS)
        taxa = pl.all_horizontal(pl.col("taxon_a", "taxon_b").str.contains(r"^(taxid:|-$)"))
        rows = rejections.drop(rows, ~taxa, "the taxon is malformed")
        human = pl.all_horizontal(pl.col("taxon_a", "taxon_b").str.contains(_HUMAN))
        rows = leave_out(rows, ~human, "other species", parsed.left_out)
        negative = (pl.col("Negative") == "true").fill_null(False)
        rows = leave_out(rows, negative, "negative results", parsed.left_out)
        yield rows.with_columns(
            *(pl.col(f"id_{end}").str.extract(_ACCESSION).alias(f"accession_{end}") for end in "ab"),
            *(pl.col(f"alias_{end}").str.extract(_GENE_NAME).alias(f"name_{end}") for end in "ab"),
            pl.col("method").str.extract_all(r"\(([^)]+)\)").list.eval(pl.element().str.strip_chars("()")),
            pl.col("reference").str.extract_all(r"pubmed:\d+").list.eval(pl.element().str.replace("pubmed", "PMID")),
        )


SOURCE = SourceEntry(
    name=NAME,
    title="curated interactions of molecules that publications report",
    folder="extra",
    files=(
        SourceFile(
            "pairs",
            "human.txt.zip",
            ("intact*_human_symbols.tsv", "intact*.txt"),
            "https://ftp.ebi.ac.uk/pub/databases/intact/current/psimitab/species/human.zip",
        ),
    ),
    licence="CC BY 4.0",
    commercial=True,
    url="https://www.ebi.ac.uk/intact",
    required=False,
    read=read,
    by_name=True,
)
