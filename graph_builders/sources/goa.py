"""GO annotations of human genes, from GAF 2.1 and 2.2."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, collected, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, read_table, text_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "GOA"
LAYOUT = Layout(
    "\t",
    (
        "db", "id", "symbol", "qualifier", "term", "reference", "evidence", "with", "aspect",
        "name", "synonym", "type", "taxon", "date", "assigned_by",
    ),
    header=False,
    fields=(15, 17),
    comment="!",
)  # fmt: skip
# GAF 2.1 leaves the column empty for the plain relation of each aspect, which GAF 2.2 writes out.
PLAIN_RELATION = {"P": "involved_in", "F": "enables", "C": "located_in"}
NEWEST_ROW = "rows of the newest date, taken as the release date: the header states none"
_HUMAN = r"^taxon:9606(\||$)"  # A second taxon is the organism that the gene's product acts on.
_NOT = r"(?i)(^|\|)NOT(\||$)"
_NO_REFERENCE = ("", "GO_REF:0000000")
_MOST_REFERENCES = 20


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Table `annotations`: one row per gene, term and relation, with all evidence codes, references and assigners.

    NOT rows and other species are left out and counted. Alternative and replaced term ids are followed; rows of
    obsolete terms without a single replacement are rejected. Genes are found by symbol, then by UniProt or NCBI id.

    Raises:
        SourceError: the file is unreadable or no row is GAF.
    """
    path = files.one("annotations")
    rejections = Rejections(path)
    rows = read_table(path, LAYOUT, rejections)
    left_out: dict[str, int] = {}
    rows = rejections.drop(rows, ~pl.col("aspect").is_in(list(PLAIN_RELATION)), "the aspect is not P, F or C")
    rows = rejections.drop(rows, ~pl.col("term").str.contains(r"^GO:\d{7}$"), "the term is not GO: and seven digits")
    rows = rejections.drop(rows, ~pl.col("evidence").str.contains("^[A-Z]{2,3}$"), "the evidence is not a GO code")
    rows = rejections.drop(rows, ~pl.col("taxon").str.contains(r"^taxon:\d+(\|taxon:\d+)?$"), "the taxon is malformed")
    rejections.require_some(rows.height, "GAF annotations")
    rows = leave_out(rows, ~pl.col("taxon").str.contains(_HUMAN), "other species", left_out)
    rows = leave_out(rows, pl.col("qualifier").str.contains(_NOT), "NOT annotations", left_out)
    rows, replaced = _live_terms(rows, context, rejections)
    parsed = ParsedSource(
        frames={}, rejections=[rejections], left_out=left_out, notes={"rows with a term id replaced": replaced}
    )
    rows = parsed.unmapped.drop(_genes(rows, context), {"start": "symbol"})
    parsed.frames["annotations"] = _merged(rows)
    parsed.require("annotations", path)
    parsed.version, parsed.date = _release(path)
    if parsed.date is None:
        last = rows["date"].filter(rows["date"].str.contains(r"^\d{8}$")).max()
        if last is not None:
            parsed.date = re.sub(r"(\d{4})(\d\d)(\d\d)", r"\1-\2-\3", str(last))
            parsed.notes[NEWEST_ROW] = rows.filter(pl.col("date") == last).height
    return parsed


def _live_terms(rows: pl.DataFrame, context: BuildContext, rejections: Rejections) -> tuple[pl.DataFrame, int]:
    terms = context.go_terms()
    rows = rows.join(terms.redirects, left_on="term", right_on="label", how="left", maintain_order="left")
    obsolete = pl.col("term").is_in(list(terms.obsolete))
    missing = pl.col("id_right").is_null()
    rows = rejections.drop(rows, missing & obsolete, "the term is obsolete without a single replacement")
    rows = rejections.drop(rows, missing, "the term is not in the ontology")
    replaced = rows.filter(pl.col("term") != pl.col("id_right")).height
    return rows.with_columns(pl.col("id_right").alias("end")), replaced


def _genes(rows: pl.DataFrame, context: BuildContext) -> pl.DataFrame:
    rows = rows.with_columns(
        pl.when(pl.col("db") == "UniProtKB").then(pl.col("id").str.split(":").list.first()).alias("_uniprot"),
        pl.when(pl.col("db").is_in(["NCBIGene", "NCBI_Gene"])).then(pl.col("id")).alias("_entrez"),
    )
    steps = {"_uniprot": ("uniprot",), "_entrez": ("entrez",), "symbol": ("approved", "previous", "alias")}
    return context.gene_names().resolve(rows, steps, "start")


def _merged(rows: pl.DataFrame) -> pl.DataFrame:
    plain = pl.col("aspect").replace_strict(PLAIN_RELATION, return_dtype=pl.String)
    stated = pl.col("qualifier").str.split("|").list.sort().list.join("|")
    rows = rows.with_columns(
        pl.when(pl.col("qualifier") == "").then(plain).otherwise(stated).alias("qualifier"),
        pl.col("reference").str.split("|"),
    )
    keys = ["start", "end", "qualifier"]
    evidence, assigned = (
        collected(rows.filter(pl.col(name) != ""), keys, name) for name in ("evidence", "assigned_by")
    )
    references = collected(
        rows.select(*keys, "reference")
        .explode("reference", empty_as_null=False, keep_nulls=False)
        .filter(~pl.col("reference").is_in(_NO_REFERENCE)),
        keys,
        "reference",
    ).select(*keys, pl.col("reference").list.head(_MOST_REFERENCES).alias("references"))
    none = pl.lit([], dtype=pl.List(pl.String))
    return (
        evidence.join(references, on=keys, how="left")
        .join(assigned, on=keys, how="left")
        .with_columns(pl.col("references", "assigned_by").fill_null(none), pl.lit(NAME).alias("source"))
        .select("start", "end", "evidence", "qualifier", "references", "assigned_by", "source")
        .sort(keys)
    )


def _release(path: Path) -> tuple[str | None, str | None]:
    """The header's GAF version and date."""
    text = next(text_blocks(path, 1 << 16))[1]
    version = re.search(r"^!\s*gaf-version:\s*(\S+)", text, re.MULTILINE)
    date = re.search(r"^!\s*(?:date-generated|Generated|generated):\s*(\d{4}-\d\d-\d\d)", text, re.MULTILINE)
    return (f"GAF {version[1]}" if version else None), (date[1] if date else None)


SOURCE = SourceEntry(
    name=NAME,
    title="GO annotations of human genes",
    folder="go",
    files=(
        SourceFile(
            "annotations",
            "goa_human.gaf.gz",
            ("goa_human.gaf", "goa_human*.gaf"),
            "http://current.geneontology.org/annotations/goa_human.gaf.gz",
        ),
    ),
    licence="CC BY 4.0",
    commercial=True,
    url="https://geneontology.org",
    required=True,
    read=read,
)
