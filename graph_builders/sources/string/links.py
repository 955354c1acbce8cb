"""STRING: functional associations between human proteins, from the plain, detailed or full links file."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.schema.schema import STRING_CHANNELS, SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, read_table, table_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile
from rbio_kg.graph_builders.sources.string.pairs import best_pairs
from rbio_kg.graph_builders.sources.string.scores import TRANSFERRED, both, combined

INFO = Layout("\t", ("string_protein_id", "preferred_name"))
_FULL = (*STRING_CHANNELS, *(f"{name}_transferred" for name in TRANSFERRED), "homology")
# The detailed file says `experimental` where the full one says `experiments`.
_SCORES = (*_FULL, "experimental", "combined_score")
LINKS = Layout(" ", ("protein1", "protein2", "combined_score"), optional=(*_FULL, "experimental"), scores=_SCORES)
FULL_LINKS = Layout(
    " ",
    ("protein1", "protein2", "combined_score", *_FULL),
    optional=("experimental",),
    scores=_SCORES,
    hint="leaving text mining out needs all channels: give 9606.protein.links.full.v*.txt.gz",
)
_OTHERS = tuple(name for name in STRING_CHANNELS if name != "textmining")
_UNEXPLAINED = "combined score not that of the channels"


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Table `interactions`: one row per pair of genes, the lower symbol first, scores 0 to 1000.

    Both orientations of a pair are one row. If several proteins of a gene (or several rows) give one pair, the row
    with the highest combined score stays, with its channels. Pairs below `context.min_score` and of a gene with
    itself are left out. Without `context.textmining` the score is that of the other channels, and `textmining` is null.

    Raises:
        SourceError: a file is unreadable, lacks a column, or info and links are of different versions.
    """
    info_path, links_path = files.one("info"), files.one("links")
    version = _version(info_path, links_path)
    info, links = Rejections(info_path), Rejections(links_path)
    proteins = _proteins(info_path, info, context)
    parsed = ParsedSource(frames={}, rejections=[info, links], version=version)
    textmining, min_score = context.textmining, context.min_score
    codes = pl.Enum(proteins["string_protein_id"])
    blocks = []
    usable = 0
    for block in table_blocks(links_path, LINKS if textmining else FULL_LINKS, links):
        usable += block.height
        rows = block if textmining else _without_textmining(block, parsed)
        rows = leave_out(rows, pl.col("combined_score") < min_score, "below the minimum score", parsed.left_out)
        rows = _mapped(_known(rows, codes, links, parsed), proteins, parsed)
        blocks.append(rows.select("protein1", "protein2", pl.col("combined_score").alias("score"), *_channels()))
    links.require_some(usable, "STRING links")
    parsed.frames["interactions"] = best_pairs(pl.concat(blocks), proteins["symbol"], parsed.notes)
    parsed.require("interactions", links_path, f"does it belong to {info_path}, and is --min-score not too high?")
    labels = proteins.drop_nulls("symbol").with_columns(pl.col("string_protein_id").str.strip_prefix("9606."))
    parsed.frames["names"] = labels.filter(pl.col("string_protein_id").str.starts_with("ENSP")).select(
        pl.col("string_protein_id").alias("label"), "symbol", pl.lit("string").alias("kind")
    )
    return parsed


def _version(info: Path, links: Path) -> str | None:
    versions = [match[1] for path in (info, links) if (match := re.search(r"\.v(\d+(?:\.\d+)*)\.txt", path.name))]
    if len(set(versions)) > 1:
        raise SourceError(
            f"STRING's info file is of version {versions[0]}, its links file of {versions[1]}",
            where=links,
            hint="give both files of one version",
        )
    return versions[0] if versions else None


def _proteins(path: Path, rejections: Rejections, context: BuildContext) -> pl.DataFrame:
    """Columns string_protein_id, preferred_name, symbol, by symbol; proteins that HGNC lacks come last, with null."""
    rows = read_table(path, INFO, rejections)
    protein = pl.col("string_protein_id")
    rows = rejections.drop(rows, ~protein.str.starts_with("9606."), "the protein is not human (9606.)")
    rows = rejections.drop(rows, ~protein.is_first_distinct(), "the protein is given twice")
    rejections.require_some(rows.height, "STRING proteins")
    rows = context.gene_names().resolve(rows, {"preferred_name": SYMBOL_KINDS}, "symbol").drop("line")
    return rows.sort("symbol", "string_protein_id", nulls_last=True)


def _without_textmining(rows: pl.DataFrame, parsed: ParsedSource) -> pl.DataFrame:
    """The rows with the combined score of the other channels; those that no other channel supports are left out."""
    differ = int((rows["combined_score"].to_numpy() != combined(rows)).sum())
    parsed.notes[_UNEXPLAINED] = parsed.notes.get(_UNEXPLAINED, 0) + differ
    mined = ("textmining", "textmining_transferred")
    rows = rows.with_columns(
        pl.Series("combined_score", combined(rows, _OTHERS)),
        *(pl.lit(None, dtype=pl.Int16).alias(name) for name in mined),
    )
    nothing = pl.all_horizontal(pl.col(name) == 0 for name in _FULL if name not in (*mined, "homology"))
    return leave_out(rows, nothing, "no evidence but text mining", parsed.left_out)


def _known(rows: pl.DataFrame, codes: pl.Enum, links: Rejections, parsed: ParsedSource) -> pl.DataFrame:
    """The rows of two known proteins, which become their positions in `codes`."""
    ends = pl.col("protein1", "protein2")
    position = ends.cast(codes, strict=False).to_physical().cast(pl.Int32)
    if any(rows.select(position.null_count()).row(0)):
        foreign = pl.any_horizontal(~ends.str.starts_with("9606."))
        rows = leave_out(rows, foreign, "other species", parsed.left_out)
        rows = links.drop(rows, pl.any_horizontal(position.is_null()), "the protein is not in the info file")
    return rows.with_columns(position)


def _mapped(rows: pl.DataFrame, proteins: pl.DataFrame, parsed: ParsedSource) -> pl.DataFrame:
    """The rows of two different genes; `protein1` and `protein2` are positions in `proteins`."""
    known = proteins.height - proteins["symbol"].null_count()
    lost = rows.filter((pl.col("protein1") >= known) | (pl.col("protein2") >= known))
    if not lost.is_empty():
        ends = pl.DataFrame(
            {
                f"{column}{end}": proteins[column].gather(lost[f"protein{end}"])
                for column in ("symbol", "preferred_name")
                for end in (1, 2)
            }
        )
        parsed.unmapped.drop(ends, {"symbol1": "preferred_name1", "symbol2": "preferred_name2"})
        rows = rows.filter(pl.col("protein1") < known, pl.col("protein2") < known)
    gene = proteins["symbol"].rank("dense").cast(pl.Int32)
    same = gene.gather(rows["protein1"]) == gene.gather(rows["protein2"])
    return leave_out(rows, pl.lit(same), "a gene with itself", parsed.left_out)


def _channels() -> list[pl.Expr]:
    """Each channel's direct and transferred score as one."""
    number = {name: pl.col(name) for name in STRING_CHANNELS}
    number["experiments"] = pl.coalesce("experiments", "experimental")
    return [
        (both(number[name], pl.col(f"{name}_transferred")) if name in TRANSFERRED else number[name]).alias(name)
        for name in STRING_CHANNELS
    ]


_DOWNLOADS = "https://stringdb-downloads.org/download"

SOURCE = SourceEntry(
    name="STRING",
    title="functional associations of proteins",
    folder="string",
    files=(
        SourceFile(
            "info",
            "9606.protein.info.v12.0.txt.gz",
            ("9606.protein.info.v*.txt",),
            f"{_DOWNLOADS}/protein.info.v12.0/9606.protein.info.v12.0.txt.gz",
        ),
        SourceFile(
            "links",
            "9606.protein.links.full.v12.0.txt.gz",
            ("9606.protein.links.full.v*.txt", "9606.protein.links.detailed.v*.txt", "9606.protein.links.v*.txt"),
            f"{_DOWNLOADS}/protein.links.full.v12.0/9606.protein.links.full.v12.0.txt.gz",
        ),
    ),
    licence="CC BY 4.0",
    commercial=True,
    url="https://string-db.org",
    required=True,
    read=read,
)
