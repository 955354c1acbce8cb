"""The names of nodes and relationships in exported graphs, as expressions over a table of the build."""

from __future__ import annotations

import polars as pl

from rbio_kg.graph.schema.schema import NodeType, RelationshipType


def node_name(node: NodeType) -> pl.Expr:
    """`Label:key` of each row of a node table."""
    return pl.format(f"{node.label}:{{}}", node.key)


def shown_name(node: NodeType) -> pl.Expr:
    """Text to show for each node: its name where the key is an id, else the key."""
    names = [item.name for item in node.properties if item.name == "name" and node.key == "id"]
    return pl.coalesce(*names, node.key)


def end_names(edge: RelationshipType) -> tuple[pl.Expr, pl.Expr]:
    """`Label:key` of both ends of each row of a relationship table."""
    return pl.format(f"{edge.start}:{{}}", "start"), pl.format(f"{edge.end}:{{}}", "end").alias("target")


def edge_name(edge: RelationshipType) -> pl.Expr:
    """The type of each relationship, followed by the other properties that make it unique between its ends."""
    return pl.concat_str(
        pl.lit(edge.type), *(pl.col(name).cast(pl.String).fill_null("") for name in edge.unique_by), separator=":"
    ).alias("key")
