"""STRING: functional associations between human proteins, from the plain, detailed or full links file."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from graph_builders.names import SYMBOLS
from graph_builders.readers import Layout, read_table, table_blocks
from graph_builders.reading import BuildContext, FoundFiles, Reading, leave_out
from graph_builders.rejections import Rejections
from rbio_kg.errors import SourceError

INFO = Layout("\t", ("string_protein_id", "preferred_name"))
CHANNELS = ("neighborhood", "fusion", "cooccurence", "coexpression", "experiments", "database", "textmining")
_TRANSFERRED = ("neighborhood", "coexpression", "experiments", "database", "textmining")
LINKS = Layout(
    " ",
    ("protein1", "protein2", "combined_score"),
    # The detailed file says `experimental` where the full one says `experiments`.
    optional=(*CHANNELS, *(f"{name}_transferred" for name in _TRANSFERRED), "experimental"),
)
PRIOR = 0.041
"""STRING's prior probability that two random proteins interact (von Mering et al. 2005), taken out before scores are
combined and put back once."""


def read(files: FoundFiles, context: BuildContext) -> Reading:
    """Table `interactions`: one row a pair of genes, the lower symbol first, scores 0 to 1000.

    Both orientations of a pair are one row. Where several proteins of a gene (or several rows) give one pair, the row
    with the highest combined score stays, with its channels. Pairs below `context.min_score` and of a gene with
    itself are left out.

    Raises:
        SourceError: a file is unreadable, lacks a column, or info and links are of different versions.
    """
    info_path, links_path = files.one("info"), files.one("links")
    version = _version(info_path, links_path)
    info, links = Rejections(info_path), Rejections(links_path)
    proteins = _proteins(info_path, info, context)
    reading = Reading(frames={}, rejections=[info, links], version=version)
    blocks = []
    usable = 0
    for block in table_blocks(links_path, LINKS, links):
        rows = _numbers(block, links)
        usable += rows.height
        rows = leave_out(rows, pl.col("score") < context.min_score, "below the minimum score", reading.left_out)
        for end, protein in (("a", "protein1"), ("b", "protein2")):
            columns = {"string_protein_id": protein, "symbol": end, "preferred_name": f"{end}_name"}
            rows = rows.join(proteins.rename(columns), on=protein, how="left", maintain_order="left")
            rows = links.drop(rows, pl.col(f"{end}_name").is_null(), "the protein is not in the info file")
        rows = reading.unmapped.drop(rows, {"a": "a_name", "b": "b_name"})
        rows = leave_out(rows, pl.col("a") == pl.col("b"), "a gene with itself", reading.left_out)
        blocks.append(rows.select("a", "b", "score", *CHANNELS))
    links.require_some(usable, "STRING links")
    reading.frames["interactions"] = _pairs(pl.concat(blocks), reading.notes)
    reading.require("interactions", links_path, f"does it belong to {info_path}, and is --min-score not too high?")
    labels = proteins.drop_nulls("symbol").with_columns(pl.col("string_protein_id").str.strip_prefix("9606."))
    reading.frames["names"] = labels.filter(pl.col("string_protein_id").str.starts_with("ENSP")).select(
        pl.col("string_protein_id").alias("label"), "symbol", pl.lit("string").alias("kind")
    )
    return reading


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
    """Columns string_protein_id, preferred_name, symbol (null where HGNC does not know the name)."""
    rows = read_table(path, INFO, rejections)
    protein = pl.col("string_protein_id")
    rows = rejections.drop(rows, ~protein.str.starts_with("9606."), "the protein is not human (9606.)")
    rows = rejections.drop(rows, ~protein.is_first_distinct(), "the protein is given twice")
    rejections.require_some(rows.height, "STRING proteins")
    return context.gene_names().resolve(rows, {"preferred_name": SYMBOLS}, "symbol").drop("line")


def _numbers(block: pl.DataFrame, rejections: Rejections) -> pl.DataFrame:
    """Scores as whole numbers 0 to 1000, each channel's direct and transferred score as one."""
    texts = [name for name in block.columns if name not in ("line", "protein1", "protein2")]
    rows = block.with_columns(pl.col(texts).cast(pl.Int64, strict=False).name.suffix("_number"))
    # A cell that is there must be a number; a column that is not there stays null.
    wrong = pl.any_horizontal(
        pl.col(name).is_not_null() & ~pl.col(f"{name}_number").is_between(0, 1000).fill_null(False) for name in texts
    )
    rows = rejections.drop(rows, wrong, "a score is not a whole number from 0 to 1000")
    number = {name: pl.col(f"{name}_number") for name in texts}
    number["experiments"] = pl.coalesce(number["experiments"], number["experimental"])
    channels = [
        (_both(number[name], number[f"{name}_transferred"]) if name in _TRANSFERRED else number[name]).alias(name)
        for name in CHANNELS
    ]
    return rows.select("line", "protein1", "protein2", number["combined_score"].alias("score"), *channels)


def _both(direct: pl.Expr, transferred: pl.Expr) -> pl.Expr:
    """One channel's score from the organism itself and from others, as STRING combines them (prior out, noisy or,
    prior in, cut to a whole number)."""
    without = [(score / 1000 - PRIOR) / (1 - PRIOR) for score in (direct, transferred)]
    together = 1 - (1 - without[0]) * (1 - without[1])
    combined = ((together + (1 - together) * PRIOR) * 1000 + 1e-6).floor().cast(pl.Int64)
    higher = pl.max_horizontal(direct, transferred)
    prior = round(1000 * PRIOR)
    return pl.when((direct > prior) & (transferred > prior)).then(combined).otherwise(higher)


def _pairs(rows: pl.DataFrame, notes: dict[str, int]) -> pl.DataFrame:
    directed = rows.select(pl.struct("a", "b").n_unique()).item()
    low, high = pl.min_horizontal("a", "b"), pl.max_horizontal("a", "b")
    pairs = (
        rows.select(low.alias("start"), high.alias("end"), "score", *CHANNELS)
        .sort("start", "end", "score", *CHANNELS, descending=[False, False] + [True] * (1 + len(CHANNELS)))
        .unique(["start", "end"], keep="first", maintain_order=True)
        .with_columns(pl.lit("STRING").alias("source"))
    )
    notes["duplicate rows merged"] = rows.height - directed
    notes["other orientation merged"] = directed - pairs.height
    return pairs
