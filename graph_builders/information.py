"""How much a GO term says: its information content from the annotations (Resnik 1995)."""

from __future__ import annotations

import polars as pl


def ancestors(is_a: pl.DataFrame, part_of: pl.DataFrame, terms: pl.Series) -> pl.DataFrame:
    """Every term with itself and all it leads to by is_a and part_of.

    Args:
        is_a: edges, columns `start` (child) and `end` (parent).
        part_of: edges, columns `start` (part) and `end` (whole).
        terms: all term ids. The edges are acyclic and join only these.

    Returns:
        Columns `term` and `ancestor`, one row a pair, in no order that matters.
    """
    parents: dict[str, set[str]] = {term: set() for term in terms}
    for start, end in pl.concat([is_a.select("start", "end"), part_of.select("start", "end")]).iter_rows():
        parents[start].add(end)
    closure: dict[str, set[str]] = {}
    for origin in parents:
        stack = [origin]
        while stack:
            term = stack[-1]
            waiting = [parent for parent in parents[term] if parent not in closure]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if term not in closure:
                closure[term] = {term}.union(*(closure[parent] for parent in parents[term]))
    return pl.DataFrame(
        {"term": list(closure), "ancestor": [list(above) for above in closure.values()]},
        schema={"term": pl.String, "ancestor": pl.List(pl.String)},
    ).explode("ancestor", empty_as_null=False, keep_nulls=False)


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
    # Whole numbers instead of names keep the some million (gene, ancestor) pairs small.
    numbers = terms.select("id", "namespace").with_row_index("number")
    above = (
        ancestors(is_a, part_of, terms["id"])
        .join(numbers.select(pl.col("id").alias("ancestor"), "number"), on="ancestor")
        .group_by("term")
        .agg("number")
    )
    direct = annotations.select(pl.col("start").rank("dense").cast(pl.UInt32).alias("gene"), "end").unique()
    pairs = (
        direct.join(above, left_on="end", right_on="term")
        .select("gene", "number")
        .explode("number", empty_as_null=False, keep_nulls=False)
        .unique()
        .join(numbers.select("number", pl.col("namespace").cast(pl.Categorical)), on="number")
    )
    total = pairs.group_by("namespace").agg(pl.col("gene").n_unique().alias("total"))
    share = (
        pairs.group_by("number", "namespace")
        .agg(pl.len().alias("genes"))
        .join(total, on="namespace")
        .select("number", (pl.col("total") / pl.col("genes")).log(2).alias("information_content"))
    )
    content = numbers.join(share, on="number", how="left").select("id", "information_content")
    return terms.drop("information_content", strict=False).join(content, on="id", how="left", maintain_order="left")
