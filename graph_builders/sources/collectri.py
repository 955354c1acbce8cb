"""CollecTRI: transcription factors and the targets that they activate or repress."""

from __future__ import annotations

import polars as pl

from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource
from rbio_kg.graph_builders.parsing.readers import Layout, read_table
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "CollecTRI"
LAYOUT = Layout(",", ("source", "target", "weight"), optional=("PMID", "references"), quoted=True)
_MOST_REFERENCES = 20


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Table `regulations`: one row per factor and target, with the sign of its weight.

    Rows of one pair whose signs contradict each other become sign 0. Complexes (AP1, NFKB) and other names that are
    not a gene are unmapped. A factor that regulates itself is kept.

    Raises:
        SourceError: the file is unreadable, lacks a column or holds no row.
    """
    path = files.one("regulation")
    rejections = Rejections(path)
    parsed = ParsedSource(frames={}, rejections=[rejections])
    rows = read_table(path, LAYOUT, rejections).with_columns(pl.exclude("line").str.strip_chars())
    weight = pl.col("weight").cast(pl.Float64, strict=False)
    rows = rejections.drop(rows, ~weight.is_finite(), "the weight is not a number")
    rows = rows.with_columns(weight.sign().alias("sign"))
    rows = rejections.drop(rows, (pl.col("source") == "") | (pl.col("target") == ""), "a gene is not named")
    rejections.require_some(rows.height, "signed regulation")
    names = context.gene_names()
    rows = names.resolve(rows, {"source": SYMBOL_KINDS}, "start")
    rows = names.resolve(rows, {"target": SYMBOL_KINDS}, "end")
    rows = parsed.unmapped.drop(rows, {"start": "source", "end": "target"})
    reference = pl.coalesce("PMID", "references").fill_null("").str.extract_all(r"\d{4,9}")
    pairs = (
        rows.with_columns(reference.alias("references"))
        .group_by("start", "end")
        .agg(
            pl.col("sign").min().alias("low"),
            pl.col("sign").max().alias("high"),
            pl.len().alias("rows"),
            pl.col("references")
            .list.explode(keep_nulls=False, empty_as_null=False)
            .unique()
            .sort()
            .head(_MOST_REFERENCES),
        )
        .sort("start", "end")
    )
    sign = (
        pl.when(pl.col("low") == pl.col("high"))
        .then(pl.col("low"))
        .when(pl.col("low") == 0)
        .then(pl.col("high"))
        .when(pl.col("high") == 0)
        .then(pl.col("low"))
        .otherwise(0.0)
    )
    parsed.notes["contradicting signs"] = pairs.filter(pl.col("low") * pl.col("high") < 0).height
    parsed.notes["duplicate rows merged"] = rows.height - pairs.height
    parsed.frames["regulations"] = pairs.select(
        "start", "end", sign.cast(pl.Int64).alias("sign"), "references", pl.lit(NAME).alias("source")
    )
    parsed.require("regulations", path)
    return parsed


SOURCE = SourceEntry(
    name=NAME,
    title="signed regulation of targets by transcription factors",
    folder="collectri",
    files=(
        SourceFile(
            "regulation",
            "CollecTRI_regulons.csv",
            ("collectri.csv", "[cC]ollec[tT][rR][iI]*.csv"),
            "https://zenodo.org/records/8192729/files/CollecTRI_regulons.csv",
        ),
    ),
    licence="each compiled resource keeps its own licence; academic use",
    commercial=False,
    url="https://github.com/saezlab/CollecTRI",
    required=False,
    read=read,
)
