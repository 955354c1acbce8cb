"""Joins the parsed sources into one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph_builders.build.information_content import information_content
from rbio_kg.graph_builders.build.manifest import SourceRecord
from rbio_kg.graph_builders.parsing.parsed import ParsedSource

_GENE_ENDS = tuple(
    (relationship.table, column)
    for relationship in RELATIONSHIPS
    for column, label in (("start", relationship.start), ("end", relationship.end))
    if label == "Gene"
)


DESCRIPTIVE = ("set_members", "expression", "reported_interactions")
"""Tables that describe genes but make no gene a node. The snapshot does not have them."""


def confine(parsed_sources: Sequence[ParsedSource]) -> None:
    """Drop the rows of descriptive tables about genes that are not nodes, and sets left without members.

    HGNC's groups alone would add ten thousand RNA genes about which nothing else is known. Each parsed source notes
    how many rows it lost.

    Args:
        parsed_sources: changed in place.
    """
    nodes = _mentioned({name: _joined(name, parsed_sources) for name in TABLE_SCHEMAS})
    for parsed in parsed_sources:
        for table in DESCRIPTIVE:
            if table in parsed.frames:
                rows = parsed.frames[table]
                ends = [column for name, column in _GENE_ENDS if name == table]
                kept = rows.filter(pl.all_horizontal(pl.col(ends).is_in(nodes.implode())))
                parsed.frames[table] = kept
                parsed.notes[f"{table} about genes outside the graph"] = rows.height - kept.height
        if "gene_sets" in parsed.frames:
            members = parsed.frames["set_members"]["end"].unique()
            parsed.frames["gene_sets"] = parsed.frames["gene_sets"].filter(pl.col("id").is_in(members.implode()))


def _mentioned(frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The genes that are nodes."""
    return pl.concat(
        [frames[table][column] for table, column in _GENE_ENDS if table not in DESCRIPTIVE]
        + [frames["questions"][column] for column in ("pert", "gene")]
    ).unique()


def assemble(parsed_sources: Sequence[ParsedSource], names: GeneNames, records: Sequence[SourceRecord]) -> GraphTables:
    """The graph's tables.

    A gene becomes a node if a question or a relationship that is not descriptive names it. HGNC's other genes would be
    isolated nodes, and every random negative with one of them would be easy. Only labels of nodes are kept.

    Args:
        parsed_sources: confined.
        names: gene names from HGNC.
        records: one per source.
    """
    frames = {name: _joined(name, parsed_sources) for name in TABLE_SCHEMAS}
    frames["terms"] = information_content(
        frames["terms"], frames["annotations"], frames["is_a"], frames["part_of"]
    ).select(list(TABLE_SCHEMAS["terms"]))
    frames["genes"] = frames["genes"].join(_mentioned(frames).to_frame("symbol"), on="symbol", how="semi")
    labels = pl.concat([names.labels, frames["names"].join(names.labels, on="label", how="anti")])
    frames["names"] = labels.join(frames["genes"], on="symbol", how="semi")
    columns = TABLE_SCHEMAS["sources"]
    frames["sources"] = pl.DataFrame(
        [[getattr(record, name) for name in columns] for record in records], schema=columns, orient="row"
    )
    return GraphTables(frames)


def _joined(table: str, parsed_sources: Sequence[ParsedSource]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    parts = [parsed.frames[table].select(list(schema)) for parsed in parsed_sources if table in parsed.frames]
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def node_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Label -> number of nodes."""
    return {node.label: tables[node.table].height for node in NODES}


def relationship_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Type -> number of relationships."""
    return {relationship.type: tables[relationship.table].height for relationship in RELATIONSHIPS}
