"""Joins what the sources hold into one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from graph_builders.directory import Found
from graph_builders.information import information_content
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


def assemble(readings: Sequence[tuple[Found, Reading]], names: GeneNames) -> GraphTables:
    """The graph's tables.

    A gene becomes a node where a relationship or a question names it; HGNC's other genes would be isolated nodes that
    make every random negative an easy one. Labels are kept for the genes that are nodes.

    Args:
        readings: each source found, with what it holds.
        names: gene names as HGNC settles them.
    """
    frames = {name: _joined(name, [reading for _, reading in readings]) for name in TABLE_SCHEMAS}
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
    frames["sources"] = _sources(readings)
    return GraphTables(frames)


def _joined(table: str, readings: Sequence[Reading]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    parts = [reading.frames[table].select(list(schema)) for reading in readings if table in reading.frames]
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _sources(readings: Sequence[tuple[Found, Reading]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "name": reading.name or found.entry.name,
                "version": reading.version,
                "date": reading.date,
                "sha256": found.sha256,
                "rows": reading.rows,
                "rejected": reading.rejected,
                "licence": found.entry.licence,
                "url": found.entry.url,
                "simulated": reading.simulated,
            }
            for found, reading in readings
        ],
        schema=TABLE_SCHEMAS["sources"],
        orient="row",
    )


def node_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Label -> number of nodes."""
    return {node.label: tables[node.table].height for node in NODES}


def relationship_counts(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Type -> number of relationships."""
    return {relationship.type: tables[relationship.table].height for relationship in RELATIONSHIPS}
