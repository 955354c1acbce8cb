"""Joins what the sources hold into one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from graph_builders.information import information_content
from graph_builders.manifest import SourceRecord
from graph_builders.names import GeneNames
from graph_builders.reading import Reading
from rbio_kg.graph.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.tables import TABLE_SCHEMAS, GraphTables

_GENE_ENDS = tuple(
    (relationship.table, column)
    for relationship in RELATIONSHIPS
    for column, label in (("start", relationship.start), ("end", relationship.end))
    if label == "Gene"
)


def assemble(readings: Sequence[Reading], names: GeneNames, records: Sequence[SourceRecord]) -> GraphTables:
    """The graph's tables.

    A gene becomes a node where a relationship or a question names it; HGNC's other genes would be isolated nodes that
    make every random negative an easy one. Labels are kept for the genes that are nodes.

    Args:
        readings: what each source holds.
        names: gene names as HGNC settles them.
        records: what is known of each source.
    """
    frames = {name: _joined(name, readings) for name in TABLE_SCHEMAS}
    frames["terms"] = information_content(
        frames["terms"], frames["annotations"], frames["is_a"], frames["part_of"]
    ).select(list(TABLE_SCHEMAS["terms"]))
    mentioned = pl.concat(
        [frames[table][column] for table, column in _GENE_ENDS]
        + [frames["questions"][column] for column in ("pert", "gene")]
    ).unique()
    frames["genes"] = frames["genes"].join(mentioned.to_frame("symbol"), on="symbol", how="semi")
    labels = pl.concat([names.labels, frames["names"].join(names.labels, on="label", how="anti")])
    frames["names"] = labels.join(frames["genes"], on="symbol", how="semi")
    columns = TABLE_SCHEMAS["sources"]
    frames["sources"] = pl.DataFrame(
        [[getattr(record, name) for name in columns] for record in records], schema=columns, orient="row"
    )
    return GraphTables(frames)


def _joined(table: str, readings: Sequence[Reading]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    parts = [reading.frames[table].select(list(schema)) for reading in readings if table in reading.frames]
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def node_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Label -> number of nodes."""
    return {node.label: tables[node.table].height for node in NODES}


def relationship_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Type -> number of relationships."""
    return {relationship.type: tables[relationship.table].height for relationship in RELATIONSHIPS}
