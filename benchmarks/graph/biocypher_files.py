"""BioCypher writing import files for neo4j-admin from the same tables, as its documentation shows it.

Headless (its schema is the graph's own, without an ontology above it), not strict, its log not written to disk, one
call a table, rows handed over by generators. A relationship of which several join the same two nodes brings an id,
since BioCypher would take it for a duplicate otherwise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS, Kind, NodeType, Property, RelationshipType

KINDS: dict[Kind, str] = {"str": "str", "int": "int", "float": "float", "bool": "bool", "list": "str[]"}
SEPARATOR = "|"


def prepare(folder: Path, file_format: str) -> Any:
    """A BioCypher that writes csv or parquet into `folder`/files. Its settings lie in the working folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "biocypher": {"head_ontology": None, "log_to_disk": False, "debug": False},
        "neo4j": {"file_format": file_format, "csv_array_delimiter": SEPARATOR},
    }
    # JSON is YAML too.
    (folder / "biocypher_config.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "schema_config.yaml").write_text(json.dumps(_schema()), encoding="utf-8")
    os.chdir(folder)
    from biocypher import BioCypher

    return BioCypher(
        dbms="neo4j",
        offline=True,
        strict_mode=False,
        schema_config_path="schema_config.yaml",
        output_directory=str(folder / "files"),
    )


def _schema() -> dict[str, Any]:
    def properties(items: tuple[Property, ...]) -> dict[str, str]:
        return {item.name: KINDS[item.kind] for item in items}

    nodes = {
        node.label: {"represented_as": "node", "input_label": node.label, "properties": properties(node.properties)}
        for node in NODES
    }
    edges = {
        edge.type: {
            "represented_as": "edge",
            "input_label": edge.type,
            "use_id": False,
            "properties": properties(edge.properties),
        }
        for edge in RELATIONSHIPS
    }
    return {**nodes, **edges}


def write(writer: Any, tables: Mapping[str, pl.DataFrame]) -> None:
    """Write all nodes, all relationships and the import call.

    Raises:
        SystemExit: BioCypher reports a failure.
    """
    passed = True
    for node in NODES:
        if tables[node.table].height:
            passed &= writer.write_nodes(_nodes(tables[node.table], node))
    for edge in RELATIONSHIPS:
        if tables[edge.table].height:
            passed &= writer.write_edges(_edges(tables[edge.table], edge))
    writer.write_import_call()
    if not passed:
        raise SystemExit("BioCypher could not write its files")


def _nodes(frame: pl.DataFrame, node: NodeType) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for row in frame.iter_rows(named=True):
        yield row[node.key], node.label, row


def _edges(frame: pl.DataFrame, edge: RelationshipType) -> Iterator[tuple[str | None, str, str, str, dict[str, Any]]]:
    if edge.unique_by:
        for row in frame.iter_rows(named=True):
            start, end = row.pop("start"), row.pop("end")
            yield "_".join((start, end, *(str(row[name]) for name in edge.unique_by))), start, end, edge.type, row
    else:
        for row in frame.iter_rows(named=True):
            yield None, row.pop("start"), row.pop("end"), edge.type, row


def written(folder: Path) -> dict[str, int]:
    """The numbers of nodes and relationships in the files."""

    def rows(name: str) -> int:
        return sum(_rows(path) for path in (folder / "files").glob(f"{name}-part*"))

    return {
        "nodes": sum(rows(node.label) for node in NODES),
        "relationships": sum(rows(edge.type) for edge in RELATIONSHIPS),
    }


def _rows(path: Path) -> int:
    if path.suffix == ".parquet":
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    with path.open("rb") as stream:  # One a line: BioCypher takes line ends out of texts.
        return sum(1 for _ in stream)
