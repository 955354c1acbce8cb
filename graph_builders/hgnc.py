"""HGNC's complete set: approved human genes and every label they have had."""

from __future__ import annotations

import polars as pl

from graph_builders.names import GeneNames
from graph_builders.readers import Layout, read_table
from graph_builders.reading import BuildContext, FoundFiles, Reading, leave_out
from graph_builders.rejections import Rejections

LAYOUT = Layout(
    "\t",
    ("hgnc_id", "symbol", "name", "status", "alias_symbol", "prev_symbol", "entrez_id", "ensembl_gene_id"),
    optional=("uniprot_ids", "date_modified"),
    quoted=True,
)


def read(files: FoundFiles, context: BuildContext) -> Reading:
    """Tables `genes` and the gene names. Withdrawn entries are left out.

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
    date = rows["date_modified"].filter(rows["date_modified"].str.contains(r"^\d{4}-\d\d-\d\d$")).max()
    return Reading(
        frames={"genes": genes},
        rejections=[rejections],
        left_out=left_out,
        date=str(date) if date is not None else None,
        names=GeneNames.of(_labels(rows)),
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
