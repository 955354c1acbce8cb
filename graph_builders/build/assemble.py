"""Joins what the sources hold into one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph_builders.build.information_content import information_content
from rbio_kg.graph_builders.build.manifest import SourceRecord
from rbio_kg.graph_builders.parsing.names import GeneNames
from rbio_kg.graph_builders.parsing.parsed import ParsedSource

_GENE_ENDS = tuple(
    (relationship.table, column)
    for relationship in RELATIONSHIPS
    for column, label in (("start", relationship.start), ("end", relationship.end))
    if label == "Gene"
)


DESCRIPTIVE = ("set_members", "expression", "reported_interactions")
"""Tables that say more about a gene and make none a node: the snapshot does not have them."""


def confine(readings: Sequence[ParsedSource]) -> None:
    """Drop the rows of descriptive tables about genes that are no nodes, and sets left without members.

    HGNC's groups alone would bring ten thousand RNA genes into the graph of which nothing else is known. Each reading
    notes how many rows it lost.

    Args:
        readings: what each source holds; changed in place.
    """
    nodes = _mentioned({name: _joined(name, readings) for name in TABLE_SCHEMAS})
    for reading in readings:
        for table in DESCRIPTIVE:
            if table in reading.frames:
                rows = reading.frames[table]
                ends = [column for name, column in _GENE_ENDS if name == table]
                kept = rows.filter(pl.all_horizontal(pl.col(ends).is_in(nodes.implode())))
                reading.frames[table] = kept
                reading.notes[f"{table} about genes outside the graph"] = rows.height - kept.height
        if "gene_sets" in reading.frames:
            members = reading.frames["set_members"]["end"].unique()
            reading.frames["gene_sets"] = reading.frames["gene_sets"].filter(pl.col("id").is_in(members.implode()))


def _mentioned(frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The genes that are nodes."""
    return pl.concat(
        [frames[table][column] for table, column in _GENE_ENDS if table not in DESCRIPTIVE]
        + [frames["questions"][column] for column in ("pert", "gene")]
    ).unique()


def assemble(readings: Sequence[ParsedSource], names: GeneNames, records: Sequence[SourceRecord]) -> GraphTables:
    """The graph's tables.

    A gene becomes a node where a relationship that is not descriptive, or a question, names it; HGNC's other genes
    would be isolated nodes that make every random negative an easy one. Labels are kept for the genes that are nodes.

    Args:
        readings: what each source holds, confined.
        names: gene names as HGNC settles them.
        records: what is known of each source.
    """
    frames = {name: _joined(name, readings) for name in TABLE_SCHEMAS}
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


def _joined(table: str, readings: Sequence[ParsedSource]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    parts = [reading.frames[table].select(list(schema)) for reading in readings if table in reading.frames]
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def node_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Label -> number of nodes."""
    return {node.label: tables[node.table].height for node in NODES}


def relationship_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Type -> number of relationships."""
    return {relationship.type: tables[relationship.table].height for relationship in RELATIONSHIPS}
