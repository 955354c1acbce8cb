"""CORUM: complexes of human proteins that experiments have isolated."""

from __future__ import annotations

import polars as pl

from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, read_table
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile
from rbio_kg.graph_builders.sources.gene_sets import put_sets

NAME = "CORUM"
LAYOUT = Layout("\t", ("ComplexID", "ComplexName", "Organism", "subunits(Entrez IDs)"))


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `gene_sets` and `set_members`: the human complexes and their subunits, named by NCBI gene id.

    Raises:
        SourceError: the file is unreadable, lacks a column or holds no complex.
    """
    path = files.one("complexes")
    rejections = Rejections(path)
    parsed = ParsedSource(frames={}, rejections=[rejections])
    rows = read_table(path, LAYOUT, rejections).with_columns(pl.exclude("line").str.strip_chars())
    rows = rejections.drop(rows, ~pl.col("ComplexID").str.contains(r"^\d+$"), "the complex has no number")
    rows = rejections.drop(rows, ~pl.col("ComplexID").is_first_distinct(), "the complex is given twice")
    rows = leave_out(rows, pl.col("Organism") != "Human", "other species", parsed.left_out)
    sets = rows.select(pl.format("corum:{}", "ComplexID").alias("id"), pl.col("ComplexName").alias("name"))
    subunits = rows["subunits(Entrez IDs)"].str.split(";").alias("member")
    members = sets.select("id", subunits).explode("member").with_columns(pl.col("member").str.strip_chars())
    members = members.filter(pl.col("member") != "").unique(maintain_order=True)
    rejections.seen += members.height
    put_sets(parsed, sets, members, context, kind="complex", source=NAME, named_by=("entrez",))
    parsed.require("set_members", path)
    return parsed


SOURCE = SourceEntry(
    name=NAME,
    title="complexes of human proteins",
    folder="corum",
    files=(
        SourceFile(
            "complexes",
            "allComplexes.txt.zip",
            ("coreComplexes.txt", "humanComplexes.txt"),
            "https://mips.helmholtz-muenchen.de/corum/download/allComplexes.txt.zip",
        ),
    ),
    licence="CC BY-NC 4.0",
    commercial=False,
    url="https://mips.helmholtz-muenchen.de/corum",
    required=False,
    read=read,
    by_name=True,
)
