"""HGNC's complete set: approved human genes and all their labels."""

from __future__ import annotations

import polars as pl

from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, read_table
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "HGNC"
LAYOUT = Layout(
    "\t",
    ("hgnc_id", "symbol", "name", "status", "alias_symbol", "prev_symbol", "entrez_id", "ensembl_gene_id"),
    optional=("uniprot_ids", "date_modified", "gene_group", "gene_group_id"),
    quoted=True,
)


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `genes`, `gene_sets` and `set_members` (gene groups), and the gene names. Withdrawn entries are left out.

    Raises:
        SourceError: the file is unreadable, lacks a column or holds no gene.
    """
    path = files.one("genes")
    rejections = Rejections(path)
    rows = read_table(path, LAYOUT, rejections).with_columns(pl.exclude("line").str.strip_chars())
    left_out: dict[str, int] = {}
    rows = rejections.drop(rows, ~pl.col("hgnc_id").str.contains(r"^HGNC:\d+$"), "hgnc_id is not HGNC:number")
    rows = rejections.drop(rows, pl.col("symbol") == "", "the symbol is empty")
    rows = leave_out(rows, pl.col("status") != "Approved", "not approved", left_out)
    rows = rejections.drop(rows, ~pl.col("symbol").is_first_distinct(), "the symbol is given twice")
    rows = rejections.drop(rows, ~pl.col("hgnc_id").is_first_distinct(), "the hgnc_id is given twice")
    rejections.require_some(rows.height, "HGNC genes")
    lists = {
        name: pl.col(name).fill_null("").str.split("|").list.eval(pl.element().str.strip_chars())
        for name in ("alias_symbol", "prev_symbol", "uniprot_ids")
    }
    rows = rows.with_columns(
        **{name: cell.list.eval(pl.element().filter(pl.element() != "")) for name, cell in lists.items()}
    )
    genes = rows.select(
        "symbol",
        "hgnc_id",
        *(
            pl.when(pl.col(column) != "").then(pl.col(column)).alias(name)
            for name, column in (("entrez", "entrez_id"), ("ensembl", "ensembl_gene_id"))
        ),
        pl.col("uniprot_ids").list.unique().list.sort().alias("uniprot"),
        pl.when(pl.col("name") != "").then(pl.col("name")).alias("name"),
        pl.col("prev_symbol").list.concat("alias_symbol").list.unique().list.sort().alias("aliases"),
    )
    sets, members, unpaired = _groups(rows)
    date = rows["date_modified"].filter(rows["date_modified"].str.contains(r"^\d{4}-\d\d-\d\d$")).max()
    return ParsedSource(
        frames={"genes": genes, "gene_sets": sets, "set_members": members},
        rejections=[rejections],
        left_out=left_out,
        date=str(date) if date is not None else None,
        names=GeneNames.of(_labels(rows)),
        notes={"genes whose groups and group numbers do not pair": unpaired} if unpaired else {},
    )


def _labels(rows: pl.DataFrame) -> pl.DataFrame:
    columns = {
        "approved": "symbol",
        "previous": "prev_symbol",
        "alias": "alias_symbol",
        "entrez": "entrez_id",
        "ensembl": "ensembl_gene_id",
        "uniprot": "uniprot_ids",
        "hgnc": "hgnc_id",
    }
    parts = []
    for kind, column in columns.items():
        part = rows.select(pl.col(column).alias("label"), "symbol", pl.lit(kind).alias("kind"))
        if part.schema["label"] == pl.List(pl.String):
            part = part.filter(pl.col("label").list.len() > 0).explode("label")
        parts.append(part.filter(pl.col("label") != ""))
    return pl.concat(parts)


def _groups(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Gene groups, their members, and the number of genes whose group names and numbers do not match."""
    names, numbers = (pl.col(column).fill_null("").str.split("|") for column in ("gene_group", "gene_group_id"))
    grouped = rows.filter(pl.col("gene_group").fill_null("") != "")
    rows = grouped.select("symbol", names.alias("name"), numbers.alias("id"))
    paired = (pl.col("name").list.len() == pl.col("id").list.len()) & (
        pl.col("id").list.eval(pl.element().str.contains(r"^\d+$")).list.all()
    )
    pairs = (
        rows.filter(paired)
        .explode("name", "id")
        .with_columns(pl.format("hgnc.genegroup:{}", "id").alias("id"), pl.lit(NAME).alias("source"))
    )
    sets = pairs.sort("id", "name").unique("id", keep="first", maintain_order=True)
    members = pairs.select(pl.col("symbol").alias("start"), pl.col("id").alias("end"), "source").unique()
    return (
        sets.select("id", "name", pl.lit("HGNC gene group").alias("kind"), "source"),
        members.sort("start", "end"),
        rows.height - rows.filter(paired).height,
    )


SOURCE = SourceEntry(
    name=NAME,
    title="human gene names and gene groups",
    folder="hgnc",
    files=(
        SourceFile(
            "genes",
            "hgnc_complete_set.txt",
            ("hgnc_complete_set*.txt", "hgnc_complete_set*.tsv"),
            "https://storage.googleapis.com/public-download-files/hgnc/tsv/tsv/hgnc_complete_set.txt",
        ),
    ),
    licence="CC0 1.0",
    commercial=True,
    url="https://www.genenames.org",
    required=True,
    read=read,
)
