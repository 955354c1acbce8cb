"""Selects parts of a build's graph for use in other tools."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import SelectionError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.identity.identity import Identity
from rbio_kg.graph.schema.schema import NODES, NODES_BY_LABEL, RELATIONSHIPS, RELATIONSHIPS_BY_TYPE, RelationshipType
from rbio_kg.graph.views.subgraph import Subgraph, positions

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import HeteroData

ANCESTRY = ("IS_A", "PART_OF")
"""The relationship types that lead from a GO term to its ancestors."""


class Selection(TypedDict, total=False):
    """Which part of the graph: the arguments of `GraphView.subgraph`."""

    genes: Iterable[str] | None
    radius: int
    relations: Iterable[str] | None
    min_score: int | None
    ancestors: bool


class _Edges(NamedTuple):
    """Relationships of one type: their rows in the table, and the positions of their ends among the keys; all (n,)."""

    rows: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]

    def at(self, keep: NDArray[np.bool_]) -> _Edges:
        return _Edges(self.rows[keep], self.start[keep], self.end[keep])


Masks = dict[str, NDArray[np.bool_]]
"""For each label, which of its nodes (in the order of their keys) are selected."""


SHOWN = ("genes", "terms", "pathways", "interactions", "annotations", "regulations", "knockdowns")
"""Tables in the representation of a view."""


class GraphView:
    """Selects parts of a graph. It works on the build's tables as arrays and queries no database.

    Args:
        tables: the tables of a build (`GraphTables`), each sorted by its key.

    Example:
        view = GraphView(GraphTables.read(build_folder / "tables"))
        part = view.subgraph(["TP53", "MDM2"], radius=1, relations=["INTERACTS_WITH"], min_score=900)
        graph = part.to_networkx()  # a networkx.MultiDiGraph with nodes such as "Gene:TP53"
    """

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self._tables = tables
        self._edges: dict[str, _Edges] = {}

    def __repr__(self) -> str:
        counts = ", ".join(f"{self._tables[name].height:,} {name}" for name in SHOWN if name in self._tables)
        return f"GraphView({counts})"

    def _repr_html_(self) -> str:
        """Rows of the main tables, for notebooks."""
        rows = "".join(
            f"<tr><td>{name}</td><td>{self._tables[name].height:,}</td></tr>" for name in SHOWN if name in self._tables
        )
        return f"<table><tr><th>table</th><th>rows</th></tr>{rows}</table>"

    @cached_property
    def identity(self) -> Identity:
        """The names by which genes are found."""
        return Identity.of_tables(self._tables)

    def subgraph(
        self,
        genes: Iterable[str] | None = None,
        *,
        radius: int = 1,
        relations: Iterable[str] | None = None,
        min_score: int | None = None,
        ancestors: bool = False,
    ) -> Subgraph:
        """The nodes near some genes, and every chosen relationship between any two of them.

        Args:
            genes: approved, previous or alias symbols, or any other label that the build knows. None: the complete
                graph, which is all nodes of the labels that the chosen relationship types join.
            radius: steps from the genes along chosen relationships, in either direction; 0 selects the genes only. It
                has no effect on the complete graph.
            relations: types of relationships to follow and to keep. None: all of the schema.
            min_score: leaves out relationships with a lower `score` (STRING's combined score, 0 to 1000).
            ancestors: adds every ancestor of the GO terms reached, with the IS_A and PART_OF between terms.

        Raises:
            SelectionError: a gene is unknown or its name ambiguous, a relationship type is unknown, or a number is
                out of range.
        """
        if radius < 0:
            raise SelectionError(f"the radius is {radius}", hint="give 0 or more steps")
        if min_score is not None and not 0 <= min_score <= 1000:
            raise SelectionError(f"the lowest score is {min_score}", hint="give 0 to 1000")
        followed = {item.type: self._chosen(item, min_score) for item in _types(relations)}
        climbed = {name: self._chosen(RELATIONSHIPS_BY_TYPE[name], None) for name in ANCESTRY if ancestors}
        types = tuple(item for item in RELATIONSHIPS if item.type in followed or item.type in climbed)
        labels = {label for item in types for label in (item.start, item.end)} | {"Gene"}
        nodes = tuple(item for item in NODES if item.label in labels or relations is None)
        masks = {item.label: np.full(self._tables[item.table].height, genes is None) for item in nodes}
        if genes is not None:
            symbols = pl.Series(self.identity.symbols(genes))
            masks["Gene"][positions(symbols, self._tables["genes"]["symbol"])] = True
            _spread(masks, followed, radius)
            if ancestors:
                _climb(masks["GoTerm"], climbed)
        frames = {item.table: _take(self._tables[item.table], np.flatnonzero(masks[item.label])) for item in nodes}
        for item in types:
            edges = (followed | climbed)[item.type]
            inside = masks[item.start][edges.start] & masks[item.end][edges.end]
            frames[item.table] = _take(self._tables[item.table], edges.rows[inside])
        return Subgraph(nodes, types, frames)

    def to_polars(self, **selection: Unpack[Selection]) -> dict[str, pl.DataFrame]:
        """A part of the graph (arguments as in `subgraph`) as `Subgraph.to_polars` gives it."""
        return self.subgraph(**selection).to_polars()

    def to_networkx(self, **selection: Unpack[Selection]) -> nx.MultiDiGraph:
        """A part of the graph (arguments as in `subgraph`) as `Subgraph.to_networkx` gives it."""
        return self.subgraph(**selection).to_networkx()

    def to_pyg(self, **selection: Unpack[Selection]) -> HeteroData:
        """A part of the graph (arguments as in `subgraph`) as `Subgraph.to_pyg` gives it."""
        return self.subgraph(**selection).to_pyg()

    def write_graphml(
        self, path: Path | str, *, progress: Progress | None = None, **selection: Unpack[Selection]
    ) -> Subgraph:
        """Write a part of the graph (arguments as in `subgraph`) as `Subgraph.write_graphml` does, and return it."""
        part = self.subgraph(**selection)
        part.write_graphml(path, progress)
        return part

    def _chosen(self, item: RelationshipType, min_score: int | None) -> _Edges:
        frame = self._tables[item.table]
        if item.type not in self._edges:
            self._edges[item.type] = _Edges(
                np.arange(frame.height),
                positions(frame["start"], self._keys(item.start)),
                positions(frame["end"], self._keys(item.end)),
            )
        edges = self._edges[item.type]
        if min_score is None or "score" not in frame.columns:
            return edges
        return edges.at((frame["score"] >= min_score).fill_null(False).to_numpy())

    def _keys(self, label: str) -> pl.Series:
        node = NODES_BY_LABEL[label]
        return self._tables[node.table][node.key]


def _types(relations: Iterable[str] | None) -> tuple[RelationshipType, ...]:
    if relations is None:
        return RELATIONSHIPS
    names = [relations] if isinstance(relations, str) else list(relations)
    if not names:
        raise SelectionError("no relationship type is named", hint="leave relations out for all")
    for name in names:
        if name not in RELATIONSHIPS_BY_TYPE:
            near = difflib.get_close_matches(name.upper(), RELATIONSHIPS_BY_TYPE, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(RELATIONSHIPS_BY_TYPE)}"
            raise SelectionError(f"there is no relationship type {name!r}", hint=hint)
    return tuple(RELATIONSHIPS_BY_TYPE[name] for name in dict.fromkeys(names))


def _spread(masks: Masks, edges: Mapping[str, _Edges], radius: int) -> None:
    """Mark all nodes within `radius` steps of the marked ones, or stop when no step reaches a new one."""
    for _ in range(radius):
        before = {label: mask.copy() for label, mask in masks.items()}
        for name, part in edges.items():
            item = RELATIONSHIPS_BY_TYPE[name]
            masks[item.end][part.end[before[item.start][part.start]]] = True
            masks[item.start][part.start[before[item.end][part.end]]] = True
        if all(np.array_equal(mask, before[label]) for label, mask in masks.items()):
            break


def _climb(terms: NDArray[np.bool_], edges: Mapping[str, _Edges]) -> None:
    """Mark all ancestors of the marked terms."""
    before = -1
    while (marked := int(terms.sum())) > before:
        before = marked
        for part in edges.values():
            terms[part.end[terms[part.start]]] = True


def _take(frame: pl.DataFrame, rows: NDArray[np.int64]) -> pl.DataFrame:
    return frame if len(rows) == frame.height else frame[rows]
