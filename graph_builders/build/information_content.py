"""The information content of GO terms from the annotations (Resnik 1995)."""

from __future__ import annotations

import polars as pl

from rbio_kg.graph_builders.parsing.hierarchy import ancestors


def information_content(
    terms: pl.DataFrame, annotations: pl.DataFrame, is_a: pl.DataFrame, part_of: pl.DataFrame
) -> pl.DataFrame:
    """`terms` with `information_content` in bits, 0 or more; null for a term that no gene has.

    -log2 of the share of genes annotated in the term's namespace that have the term or a descendant by is_a or part_of.

    Args:
        terms: columns `id`, `namespace` and others.
        annotations: columns `start` (gene) and `end` (term).
        is_a: edges from child (`start`) to parent (`end`), with `part_of` acyclic.
        part_of: edges from part to whole.
    """
    edges = pl.concat([is_a.select("start", "end"), part_of.select("start", "end")])
    numbers = terms.select("id", "namespace").with_row_index("number")
    genes = annotations.select(pl.col("start").rank("dense").cast(pl.UInt32).alias("gene"), "end").unique()
    direct = genes.join(numbers.select(pl.col("id").alias("end"), pl.col("number").alias("term")), on="end")
    having = (
        direct.select("gene", "term")
        .join(ancestors(edges, terms["id"]), left_on="term", right_on="key")
        .select("gene", pl.col("ancestor").alias("number"))
        .unique()
    )
    counts = having.group_by("number").agg(pl.len().alias("genes")).join(numbers, on="number")
    total = (
        having.join(numbers.select("number", pl.col("namespace").rank("dense").alias("space")), on="number")
        .select("gene", "space")
        .unique()
        .join(numbers.select(pl.col("namespace").rank("dense").alias("space"), "namespace").unique(), on="space")
        .group_by("namespace")
        .agg(pl.len().alias("total"))
    )
    content = counts.join(total, on="namespace").select(
        "id", (pl.col("total") / pl.col("genes")).log(2).alias("information_content")
    )
    return terms.drop("information_content", strict=False).join(content, on="id", how="left", maintain_order="left")
