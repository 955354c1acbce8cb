"""A part of the graph, and its conversion for other tools."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import BuildError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.schema.schema import NodeType, Property, RelationshipType
from rbio_kg.graph.schema.tables import stored
from rbio_kg.graph.views.graphml import write_graphml
from rbio_kg.graph.views.naming import edge_name, end_names, node_name, shown_name

if TYPE_CHECKING:
    import networkx as nx
    import torch
    from torch_geometric.data import HeteroData

_NUMBERS = ("int", "float", "bool")


class Subgraph:
    """Some nodes of a graph and relationships between them. Made by `GraphView.subgraph`.

    Attributes:
        node_types: the labels concerned, in the schema's order, those without any node included.
        relationship_types: the same for relationships.
        tables: one table per label and relationship type, as in the build and in its order (ascending by key).
    """

    def __init__(
        self,
        node_types: tuple[NodeType, ...],
        relationship_types: tuple[RelationshipType, ...],
        tables: Mapping[str, pl.DataFrame],
    ) -> None:
        self.node_types = node_types
        self.relationship_types = relationship_types
        self.tables = dict(tables)

    @property
    def nodes(self) -> dict[str, int]:
        """Label -> number of nodes."""
        return {item.label: self.tables[item.table].height for item in self.node_types}

    @property
    def relationships(self) -> dict[str, int]:
        """Type -> number of relationships."""
        return {item.type: self.tables[item.table].height for item in self.relationship_types}

    def to_polars(self) -> dict[str, pl.DataFrame]:
        """Table name -> table, as `rbio_kg.graph.schema.tables.TABLE_SCHEMAS` declares them; `GraphTables` takes them
        all."""
        return dict(self.tables)

    def to_networkx(self) -> nx.MultiDiGraph:
        """A networkx graph.

        A node is called `Label:key`, for example `Gene:TP53` or `GoTerm:GO:0006915`. Its attributes are `type` (the
        label), `label` (text to show) and the schema's properties; as in a store, one without a value is absent, and an
        empty list is none. An edge's key is its type, followed by the properties that make it unique between its ends:
        `REGULATES`, `KNOCKDOWN_CHANGES:k562`. Its attributes are `type` and the schema's properties. Relationships
        without a direction (INTERACTS_WITH, REPORTED_INTERACTION) are stored once, from the lower symbol to the higher:
        `graph.to_undirected(as_view=True)` walks them both ways.
        """
        import networkx as nx

        graph = nx.MultiDiGraph()
        for node in self.node_types:
            frame = stored(self.tables[node.table])
            names, shown = frame.select(node_name(node), shown_name(node).alias("shown"))
            graph.add_nodes_from(
                (name, {"type": node.label, "label": label, **_present(row)})
                for name, label, row in zip(names, shown, frame.iter_rows(named=True), strict=True)
            )
        for edge in self.relationship_types:
            frame = stored(self.tables[edge.table])
            starts, ends, keys = frame.select(*end_names(edge), edge_name(edge))
            properties = frame.drop("start", "end").iter_rows(named=True)
            graph.add_edges_from(
                (start, end, key, {"type": edge.type, **_present(row)})
                for start, end, key, row in zip(starts, ends, keys, properties, strict=True)
            )
        return graph

    def to_pyg(self) -> HeteroData:
        """A torch-geometric graph, its node types the labels, its edge types `(label, TYPE, label)`.

        - `data[label].key`: keys in ascending order; node i is the one with key i.
        - `data[label].x`: float32 (nodes, numbers), the label's numeric properties, named by `attr_names`, NaN where a
          node has none. Absent where the label has no numeric property.
        - `data[edge type].edge_index`: int64 (2, edges), in the order of the rows in `to_polars`.
        - `data[edge type].edge_attr`: float32 (edges, numbers), as `x`.

        Relationships without a direction are there once; `torch_geometric.transforms.ToUndirected` adds the other way.
        """
        import torch

        with warnings.catch_warnings():
            # torch_geometric 2.8 still calls torch.jit.script on import, which torch 2.13 deprecates.
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.script.*")
            from torch_geometric.data import HeteroData

        data = HeteroData()
        keys = {}
        for node in self.node_types:
            frame, store = self.tables[node.table], data[node.label]
            keys[node.label] = frame[node.key]
            store.key = frame[node.key].to_list()
            store.num_nodes = frame.height
            store.update(_numbers(frame, node.properties, "x"))
        for edge in self.relationship_types:
            frame, store = self.tables[edge.table], data[edge.start, edge.type, edge.end]
            ends = positions(frame["start"], keys[edge.start]), positions(frame["end"], keys[edge.end])
            store.edge_index = torch.from_numpy(np.stack(ends).astype(np.int64))
            store.update(_numbers(frame, edge.properties, "edge_attr"))
        return data

    def write_graphml(self, path: Path | str, progress: Progress | None = None) -> None:
        """A GraphML file for Gephi, Cytoscape and others (see `rbio_kg.graph.views.graphml`)."""
        write_graphml(Path(path), self.node_types, self.relationship_types, self.tables, progress)


def positions(values: pl.Series, keys: pl.Series) -> NDArray[np.int32]:
    """Position of each value among the keys, int32 (values,).

    Raises:
        BuildError: a value is not among the keys.
    """
    try:
        return values.cast(pl.Enum(keys)).to_physical().cast(pl.Int32).to_numpy()
    except pl.exceptions.InvalidOperationError:
        lost = values.filter(~values.is_in(keys.implode()))
        raise BuildError(
            f"{len(lost)} ends of relationships name missing nodes, first {lost[0]!r}",
            hint="run rbio-kg build --fresh",
        ) from None


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _numbers(frame: pl.DataFrame, properties: tuple[Property, ...], name: str) -> dict[str, torch.Tensor | list[str]]:
    import torch

    numeric = [item.name for item in properties if item.kind in _NUMBERS]
    if not numeric:
        return {}
    columns = [frame[item].cast(pl.Float32).fill_null(float("nan")).to_numpy() for item in numeric]
    return {name: torch.from_numpy(np.stack(columns, axis=1)), "attr_names": numeric}
