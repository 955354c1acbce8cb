"""Writes a part of the graph as GraphML (graphml.graphdrawing.org) for Gephi, Cytoscape, igraph and networkx.

Names and attributes are those of `Subgraph.to_networkx`. Lists of texts are joined with `|`; an attribute without a
value, or with an empty one, is left out. Every attribute is declared with the schema's type. Edges are directed, and
their ids consist of ends and key, so that two files of one build can be merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from rbio_kg.core.atomic_io import atomic_file
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.schema.schema import Kind, NodeType, Property, RelationshipType
from rbio_kg.graph.views.naming import edge_name, end_names, node_name, shown_name

_TYPES: dict[Kind, str] = {"str": "string", "int": "long", "float": "double", "bool": "boolean", "list": "string"}
_LIST_SEPARATOR = "|"
_ROWS = 50_000
_FORBIDDEN = r"[^\t\n\r\x20-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]"
"""Characters that XML 1.0 does not allow, even escaped."""
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""
_TYPE = Property("type", "str", "label of a node, type of a relationship")
_LABEL = Property("label", "str", "text to show at a node")


def write_graphml(
    path: Path,
    node_types: tuple[NodeType, ...],
    relationship_types: tuple[RelationshipType, ...],
    tables: Mapping[str, pl.DataFrame],
    progress: Progress | None = None,
) -> None:
    """Write a part of the graph, in pieces of bounded memory; the file appears when it is complete.

    Args:
        path: a file of that name is replaced.
        node_types: the labels to write.
        relationship_types: the relationship types to write.
        tables: one table for each of them; the same tables give the same bytes.
        progress: called with each table and the finished share.

    Raises:
        OSError: the file cannot be written.
    """
    nodes, edges = _Attributes("node", "n"), _Attributes("edge", "e")
    steps = [(item.table, _node(item, nodes)) for item in node_types]
    steps += [(item.table, _edge(item, edges)) for item in relationship_types]
    total = sum(tables[table].height for table, _ in steps) or 1
    done, report = 0, progress or silent
    with atomic_file(path) as stream:
        head = [*nodes.declarations, *edges.declarations, '<graph edgedefault="directed">']
        stream.write((_HEAD + "\n".join(head) + "\n").encode())
        for table, line in steps:
            for piece in tables[table].iter_slices(_ROWS):
                stream.write("\n".join([*piece.select(line).to_series(), ""]).encode())
                done += piece.height
                report(f"graphml: {table}", done / total)
        stream.write(b"</graph>\n</graphml>\n")


class _Attributes:
    """The attributes of all nodes, or of all edges.

    Their ids are not the usual d0, d1, ...: Gephi interprets d3 and d7 as labels.
    """

    def __init__(self, domain: str, prefix: str) -> None:
        self._domain = domain
        self._prefix = prefix
        self._ids: dict[tuple[str, str], str] = {}

    @property
    def declarations(self) -> list[str]:
        """One `key` element per attribute."""
        return [
            f'<key id="{key}" for="{self._domain}" attr.name="{name}" attr.type="{kind}"/>'
            for (name, kind), key in self._ids.items()
        ]

    def data(self, item: Property, value: pl.Expr) -> pl.Expr:
        """The `data` element of each row, empty where there is no value."""
        kind = _TYPES[item.kind]
        key = self._ids.setdefault((item.name, kind), f"{self._prefix}{len(self._ids)}")
        if item.kind == "list":
            value = value.list.join(_LIST_SEPARATOR)
        text = _escaped(value) if kind == "string" else value.cast(pl.String)
        return pl.when(text != "").then(pl.format(f'<data key="{key}">{{}}</data>', text)).otherwise(pl.lit(""))

    def all(self, properties: tuple[Property, ...]) -> list[pl.Expr]:
        """The `data` elements of some columns."""
        return [self.data(item, pl.col(item.name)) for item in properties]


def _node(node: NodeType, attributes: _Attributes) -> pl.Expr:
    return pl.concat_str(
        pl.format('<node id="{}">', _escaped(node_name(node))),
        attributes.data(_TYPE, pl.lit(node.label)),
        attributes.data(_LABEL, shown_name(node)),
        *attributes.all(node.properties),
        pl.lit("</node>"),
    )


def _edge(edge: RelationshipType, attributes: _Attributes) -> pl.Expr:
    start, end = (_escaped(name) for name in end_names(edge))
    key = _escaped(edge_name(edge))
    return pl.concat_str(
        pl.format('<edge id="{}..{}..{}" source="{}" target="{}">', start, key, end, start, end),
        attributes.data(_TYPE, pl.lit(edge.type)),
        *attributes.all(edge.properties),
        pl.lit("</edge>"),
    )


def _escaped(text: pl.Expr) -> pl.Expr:
    entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    return text.str.replace_all(_FORBIDDEN, "").str.replace_many(entities)
