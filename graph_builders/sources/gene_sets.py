"""Sets of genes: from members as a provider names them to the graph's tables."""

from __future__ import annotations

import polars as pl

from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource


def put_sets(
    parsed: ParsedSource,
    sets: pl.DataFrame,
    members: pl.DataFrame,
    context: BuildContext,
    *,
    kind: str,
    source: str,
    named_by: tuple[str, ...] = SYMBOL_KINDS,
) -> None:
    """Add the tables `gene_sets` and `set_members` to a parsed source; members that are not a gene are unmapped.

    Args:
        parsed: the parsed source.
        sets: columns `id` (unique) and `name`.
        members: columns `id` (of the set) and `member`.
        context: gene names.
        kind: what the genes of a set have in common, as text.
        source: name of the source.
        named_by: kinds of label that name the members.
    """
    members = context.gene_names().resolve(members, {"member": named_by}, "start")
    members = parsed.unmapped.drop(members, {"start": "member"})
    by = pl.lit(source).alias("source")
    unique = members.select("start", pl.col("id").alias("end"), by).unique().sort("start", "end")
    if unique.height < members.height:
        parsed.notes["members that are one gene merged"] = members.height - unique.height
    parsed.frames["gene_sets"] = sets.select("id", "name", pl.lit(kind).alias("kind"), by)
    parsed.frames["set_members"] = unique
