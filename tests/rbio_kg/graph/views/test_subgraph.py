"""Parts of the graph in networkx and torch-geometric, and back again."""

from __future__ import annotations

import pickle
from typing import Any

import networkx as nx
import polars as pl
import pytest
import torch
from hypothesis import given

from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import SORT_KEYS, TABLE_SCHEMAS, GraphTables, stored
from rbio_kg.graph.views.subgraph import Subgraph
from rbio_kg.graph.views.view import GraphView
from tests.rbio_kg.graph.views.test_view import SELECTIONS, VIEW

NUMBERS = ("int", "float", "bool")


def tables_of(graph: nx.MultiDiGraph) -> dict[str, pl.DataFrame]:
    """The tables that a networkx graph was made of."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLE_SCHEMAS}
    node_tables = {item.label: item.table for item in NODES}
    edge_tables = {item.type: item.table for item in RELATIONSHIPS}
    for name, attributes in graph.nodes(data=True):
        label, _, key = name.partition(":")
        assert attributes["type"] == label
        assert key in attributes.values()
        rows[node_tables[label]].append(attributes)
    for start, end, attributes in graph.edges(data=True):
        ends = {"start": start.partition(":")[2], "end": end.partition(":")[2]}
        rows[edge_tables[attributes["type"]]].append(ends | attributes)
    return {
        name: pl.DataFrame(
            [{column: row.get(column) for column in TABLE_SCHEMAS[name]} for row in found], schema=TABLE_SCHEMAS[name]
        ).sort(SORT_KEYS[name])
        for name, found in rows.items()
    }


def assert_same_tables(part: Subgraph, back: dict[str, pl.DataFrame]) -> None:
    for name, frame in back.items():
        expected = part.tables.get(name, pl.DataFrame(schema=TABLE_SCHEMAS[name]))
        assert frame.equals(stored(expected)), name


@given(SELECTIONS)
def test_tables_to_networkx_to_tables(selection: dict[str, Any]) -> None:
    part = VIEW.subgraph(**selection)
    graph = VIEW.to_networkx(**selection)
    assert graph.number_of_nodes() == sum(part.nodes.values())
    assert graph.number_of_edges() == sum(part.relationships.values())
    assert_same_tables(part, tables_of(graph))


def test_names_and_attributes_in_networkx() -> None:
    graph = VIEW.to_networkx()
    gene, term = graph.nodes["Gene:GENE001"], graph.nodes["GoTerm:GO:1000000"]
    assert (gene["type"], gene["label"], gene["aliases"]) == ("Gene", "GENE001", ["ALIAS1", "OLD1"])
    assert term["label"] == term["name"] == "biological_process"
    assert None not in [value for _, data in graph.nodes(data=True) for value in data.values()]
    knockdown = VIEW.to_polars()["knockdowns"].row(0, named=True)
    ends = f"Gene:{knockdown['start']}", f"Gene:{knockdown['end']}"
    edge = graph.edges[*ends, f"KNOCKDOWN_CHANGES:{knockdown['cell_line']}"]
    assert edge["direction"] == knockdown["direction"]
    interaction = VIEW.to_polars()["interactions"].row(0, named=True)
    edge = graph.edges[f"Gene:{interaction['start']}", f"Gene:{interaction['end']}", "INTERACTS_WITH"]
    assert edge["score"] == interaction["score"]


def test_an_empty_list_is_no_value_as_in_the_stores() -> None:
    gene = {"symbol": "A", "aliases": [], "uniprot": ["P1"]}
    tables = GraphTables({"genes": pl.DataFrame([gene], schema=TABLE_SCHEMAS["genes"])})
    attributes = GraphView(tables).to_networkx().nodes["Gene:A"]
    assert attributes == {"type": "Gene", "label": "A", "symbol": "A", "uniprot": ["P1"]}


def test_no_property_hides_what_networkx_nodes_and_edges_carry_beside_it() -> None:
    assert not {"type", "label"} & {part.name for item in NODES for part in item.properties}
    assert not {"type", "start", "end"} & {part.name for item in RELATIONSHIPS for part in item.properties}


@pytest.mark.filterwarnings("ignore:The node types .* are isolated:UserWarning")
@given(SELECTIONS)
def test_tables_to_torch_geometric_to_tables(selection: dict[str, Any]) -> None:
    part = VIEW.subgraph(**selection)
    data = VIEW.to_pyg(**selection)
    assert data.validate()
    assert data.node_types == [item.label for item in part.node_types]
    assert data.edge_types == [(item.start, item.type, item.end) for item in part.relationship_types]
    for node in part.node_types:
        store, frame = data[node.label], part.tables[node.table]
        assert store.key == frame[node.key].to_list() == sorted(store.key)
        assert store.num_nodes == frame.height
        assert_same_numbers(frame, store, "x", [item.name for item in node.properties if item.kind in NUMBERS])
    for edge in part.relationship_types:
        store, frame = data[edge.start, edge.type, edge.end], part.tables[edge.table]
        assert store.edge_index.dtype == torch.int64
        assert store.edge_index.shape == (2, frame.height)
        assert [data[edge.start].key[i] for i in store.edge_index[0]] == frame["start"].to_list()
        assert [data[edge.end].key[i] for i in store.edge_index[1]] == frame["end"].to_list()
        assert_same_numbers(frame, store, "edge_attr", [item.name for item in edge.properties if item.kind in NUMBERS])


def assert_same_numbers(frame: pl.DataFrame, store: Any, name: str, numeric: list[str]) -> None:
    if not numeric:
        assert name not in store
        return
    assert store.attr_names == numeric
    assert store[name].dtype == torch.float32
    assert store[name].shape == (frame.height, len(numeric))
    for position, column in enumerate(numeric):
        expected = torch.tensor([float("nan") if value is None else float(value) for value in frame[column]])
        assert torch.equal(torch.nan_to_num(store[name][:, position], -7.0), torch.nan_to_num(expected, -7.0))


def test_torch_geometric_has_a_missing_number_as_nan_and_pickles() -> None:
    data = VIEW.to_pyg()
    missing = VIEW.to_polars()["terms"]["information_content"].is_null()
    assert missing.any()
    assert data["GoTerm"].x[:, 0].isnan().tolist() == missing.to_list()
    assert pickle.loads(pickle.dumps(data))["GoTerm"].key == data["GoTerm"].key
