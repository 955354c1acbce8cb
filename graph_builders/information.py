"""How much a GO term says: its information content from the annotations (Resnik 1995)."""

from __future__ import annotations

from graphlib import TopologicalSorter
from itertools import chain

import numpy as np
import polars as pl


def ancestors(is_a: pl.DataFrame, part_of: pl.DataFrame, terms: pl.Series) -> pl.DataFrame:
    """Every term with itself and all it leads to by is_a and part_of.

    Args:
        is_a: edges, columns `start` (child) and `end` (parent).
        part_of: edges, columns `start` (part) and `end` (whole).
        terms: all term ids, each once. The edges are acyclic and join only these.

    Returns:
        Columns `term` and `ancestor` (UInt32, positions in `terms`), one row a pair, in no order that matters.
    """
    position = {term: number for number, term in enumerate(terms)}
    parents: dict[int, set[int]] = {number: set() for number in position.values()}
    for start, end in pl.concat([is_a.select("start", "end"), part_of.select("start", "end")]).iter_rows():
        parents[position[start]].add(position[end])
    closure: dict[int, set[int]] = {}
    for term in TopologicalSorter(parents).static_order():  # Parents come before their children.
        closure[term] = {term}.union(*(closure[parent] for parent in parents[term]))
    sizes = np.fromiter(map(len, closure.values()), np.int64, len(closure))
    return pl.DataFrame(
        {
            "term": np.repeat(np.fromiter(closure, np.uint32, len(closure)), sizes),
            "ancestor": np.fromiter(chain.from_iterable(closure.values()), np.uint32, sizes.sum()),
        }
    )


def information_content(
    terms: pl.DataFrame, annotations: pl.DataFrame, is_a: pl.DataFrame, part_of: pl.DataFrame
) -> pl.DataFrame:
    """`terms` with `information_content` in bits, 0 or more; null for a term that no gene has.

    -log2 of the share of genes annotated in the term's namespace that have the term or a descendant by is_a or part_of.

    Args:
        terms: columns `id`, `namespace` and others.
        annotations: columns `start` (gene) and `end` (term).
        is_a: as for `ancestors`.
        part_of: as for `ancestors`.
    """
    numbers = terms.select("id", "namespace").with_row_index("number")
    genes = annotations.select(pl.col("start").rank("dense").cast(pl.UInt32).alias("gene"), "end").unique()
    direct = genes.join(numbers.select(pl.col("id").alias("end"), pl.col("number").alias("term")), on="end")
    having = (
        direct.select("gene", "term")
        .join(ancestors(is_a, part_of, terms["id"]), on="term")
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
