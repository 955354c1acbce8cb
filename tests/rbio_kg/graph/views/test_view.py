"""Which nodes and relationships a part of the graph has, against a slow walk over dictionaries."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import BuildError, SelectionError
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS, RELATIONSHIPS_BY_TYPE
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.views.view import GraphView
from tests.support.graphs import small_tables

TABLES = small_tables(seed=3, genes=24)
VIEW = GraphView(TABLES)
TYPES = [item.type for item in RELATIONSHIPS]
SYMBOLS = TABLES["genes"]["symbol"].to_list()

SELECTIONS = st.fixed_dictionaries(
    {
        "genes": st.none() | st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4),
        "radius": st.integers(0, 4),
        "relations": st.none() | st.lists(st.sampled_from(TYPES), min_size=1, max_size=4),
        "min_score": st.none() | st.integers(0, 1000),
        "ancestors": st.booleans(),
    }
)
Node = tuple[str, str]


def walked(selection: dict[str, Any]) -> tuple[set[Node], set[tuple[str, ...]]]:
    """Nodes, and rows of relationships, by following one relationship at a time."""
    chosen = selection["relations"] or TYPES
    followed = edges_of(chosen, selection["min_score"])
    ancestry = edges_of(["IS_A", "PART_OF"], None) if selection["ancestors"] else {}
    if selection["genes"] is None:
        nodes = all_nodes(chosen if selection["relations"] else None, bool(ancestry))
    else:
        distance: dict[Node, int] = {("Gene", symbol): 0 for symbol in selection["genes"]}
        queue = list(distance)
        near: dict[Node, list[Node]] = {}
        for start, end in followed.values():
            near.setdefault(start, []).append(end)
            near.setdefault(end, []).append(start)
        for node in queue:
            for other in near.get(node, ()):
                if distance[node] < selection["radius"] and other not in distance:
                    distance[other] = distance[node] + 1
                    queue.append(other)
        nodes = set(distance)
        queue = [node for node in nodes if node[0] == "GoTerm"]
        for node in queue:
            for start, end in ancestry.values():
                if start == node and end not in nodes:
                    nodes.add(end)
                    queue.append(end)
    return nodes, {row for row, ends in (followed | ancestry).items() if set(ends) <= nodes}


def edges_of(types: list[str], min_score: int | None) -> dict[tuple[str, ...], tuple[Node, Node]]:
    found = {}
    for name in types:
        item = RELATIONSHIPS_BY_TYPE[name]
        for row in TABLES[item.table].iter_rows(named=True):
            if min_score is None or row.get("score", min_score) >= min_score:
                identity = (name, row["start"], row["end"], *(str(row[part]) for part in item.unique_by))
                found[identity] = ((item.start, row["start"]), (item.end, row["end"]))
    return found


def all_nodes(types: list[str] | None, ancestry: bool) -> set[Node]:
    labels = {item.label for item in NODES}
    if types is not None:
        items = [RELATIONSHIPS_BY_TYPE[name] for name in types]
        labels = {"Gene", *(item.start for item in items), *(item.end for item in items)}
        labels |= {"GoTerm"} if ancestry else set()
    return {(item.label, key) for item in NODES if item.label in labels for key in TABLES[item.table][item.key]}


@given(SELECTIONS)
def test_agrees_with_a_walk_over_single_relationships(selection: dict[str, Any]) -> None:
    part = VIEW.subgraph(**selection)
    nodes, edges = walked(selection)
    assert {(node.label, key) for node in part.node_types for key in part.tables[node.table][node.key]} == nodes
    found = [
        (item.type, row["start"], row["end"], *(str(row[name]) for name in item.unique_by))
        for item in part.relationship_types
        for row in part.tables[item.table].iter_rows(named=True)
    ]
    assert len(found) == len(set(found))
    assert set(found) == edges
    assert sum(part.nodes.values()) == len(nodes)
    assert sum(part.relationships.values()) == len(edges)


@given(SELECTIONS)
def test_rows_are_those_of_the_build_in_its_order(selection: dict[str, Any]) -> None:
    part = VIEW.to_polars(**selection)
    for name, frame in part.items():
        assert dict(frame.schema) == TABLE_SCHEMAS[name]
        assert GraphTables(part)[name].equals(frame)
        assert frame.join(TABLES[name], on=frame.columns, how="semi", nulls_equal=True).equals(frame)


def test_the_whole_graph() -> None:
    part = VIEW.subgraph()
    assert sum(part.nodes.values()) + sum(part.relationships.values()) == TABLES.rows
    for name, frame in part.to_polars().items():
        assert frame.equals(TABLES[name])


def test_radius_zero_keeps_the_relationships_among_the_genes() -> None:
    first = TABLES["interactions"].row(0, named=True)
    part = VIEW.subgraph([first["start"], first["end"]], radius=0, relations=["INTERACTS_WITH"])
    assert part.nodes == {"Gene": 2}
    assert part.to_polars()["interactions"].to_dicts() == [first]


def test_genes_by_any_label() -> None:
    assert VIEW.identity.symbols(["ALIAS3", "GENE001", "OLD3", "5002"]) == ["GENE003", "GENE001", "GENE002"]
    by_alias = VIEW.subgraph("OLD3", relations="REGULATES").to_polars()
    assert by_alias["genes"].equals(VIEW.subgraph(["GENE003"], relations=["REGULATES"]).to_polars()["genes"])


def named(rows: list[tuple[str, list[str], list[str]]]) -> GraphView:
    """Genes with their aliases and UniProt accessions; the labels that mean one gene are in `names`."""
    labels = [(symbol, symbol) for symbol, _, _ in rows]
    for symbol, aliases, accessions in rows:
        shared = [item for other, *lists in rows if other != symbol for part in lists for item in part]
        labels += [(item, symbol) for item in aliases + accessions if item not in shared]
    genes = pl.DataFrame(
        [{"symbol": symbol, "aliases": aliases, "uniprot": accessions} for symbol, aliases, accessions in rows],
        schema=TABLE_SCHEMAS["genes"],
    )
    names = pl.DataFrame(
        [{"label": label, "symbol": symbol, "kind": "alias"} for label, symbol in labels], schema=TABLE_SCHEMAS["names"]
    )
    return GraphView(GraphTables({"genes": genes, "names": names}))


GENES = [
    ("KMT2A", ["MLL", "ALL-1"], ["Q03164"]),
    ("KMT2D", ["MLL", "MLL2"], []),
    ("TP53", ["p53"], []),
    ("TP63", [], []),
]


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        (["MLL"], "'MLL' may mean KMT2A or KMT2D"),
        (["TP55"], "no gene is called 'TP55' .did you mean TP53.?"),
        (["tp5"], "did you mean TP53"),
        (["TP53", "MLL", "kmt2c"], "'MLL' may mean .* no gene is called 'kmt2c' .did you mean KMT2D"),
        ([""], "no gene is called '', which looks like a missing value$"),
        ([], "no gene is named; leave genes out"),
        ([f"XXXXXX{i}" for i in range(8)], "'XXXXXX4'; 3 more"),
    ],
)
def test_names_that_mean_no_gene_or_several(genes: list[str], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        named(GENES).subgraph(genes)


def test_an_unambiguous_alias_of_a_gene_whose_other_alias_is_shared() -> None:
    assert named(GENES).identity.symbols(["mll2", "Q03164"]) == ["KMT2D", "KMT2A"]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"relations": ["INTERACT_WITH"]}, "no relationship type 'INTERACT_WITH'; did you mean INTERACTS_WITH"),
        ({"relations": "interacts_with"}, "did you mean INTERACTS_WITH"),
        ({"relations": ["X"]}, "known: INTERACTS_WITH, ANNOTATED_WITH"),
        ({"relations": []}, "no relationship type is named"),
        ({"radius": -1}, "the radius is -1"),
        ({"min_score": 1001}, "the lowest score is 1001"),
    ],
)
def test_selections_that_cannot_be(selection: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        VIEW.subgraph(**selection)


def test_an_end_that_is_no_node() -> None:
    broken = TABLES["is_a"].with_columns(pl.lit("GO:9999999").alias("end"))
    with pytest.raises(BuildError, match=f"{broken.height} ends of relationships .* first 'GO:9999999'"):
        GraphView({**TABLES, "is_a": broken}).subgraph(relations=["IS_A"])
