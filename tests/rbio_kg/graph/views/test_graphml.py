"""GraphML that networkx opens with the same nodes, edges and values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import networkx as nx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.atomic_io import atomic_file
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.views.view import GraphView
from tests.rbio_kg.graph.views.test_view import SELECTIONS, TABLES, VIEW


def written(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a networkx node or edge as GraphML has them."""
    joined = {name: "|".join(value) if isinstance(value, list) else value for name, value in attributes.items()}
    return {name: value for name, value in joined.items() if value != ""}


def assert_read_alike(view: GraphView, path: Path, **selection: Any) -> None:
    part = view.write_graphml(path, **selection)
    graph = part.to_networkx()
    read = nx.read_graphml(path, force_multigraph=True)
    assert isinstance(read, nx.MultiDiGraph)
    assert dict(read.nodes(data=True)) == {name: written(data) for name, data in graph.nodes(data=True)}
    assert {(a, b, key): data for a, b, key, data in read.edges(keys=True, data=True)} == {
        (a, b, f"{a}..{key}..{b}"): written(data) for a, b, key, data in graph.edges(keys=True, data=True)
    }


@given(selection=SELECTIONS)
def test_read_by_networkx(selection: dict[str, Any], tmp_path: Path) -> None:
    assert_read_alike(VIEW, tmp_path / "part.graphml", **selection)


# What XML keeps: no control characters, and no lone carriage return, which every parser turns into a line feed.
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=20)
MARKUP = st.sampled_from(["<b>", "&amp;", "]]>", 'a"b', "'", "a|b", "<!-- -->", " ", "\n", "\t", "\U0001f9ec"])


@given(name=TEXTS | MARKUP, aliases=st.lists(TEXTS | MARKUP, max_size=3))
def test_any_text_is_kept(name: str, aliases: list[str], tmp_path: Path) -> None:
    gene = {"symbol": "A&<B>\"'", "name": name, "aliases": aliases}
    tables = GraphTables({"genes": pl.DataFrame([gene], schema=TABLE_SCHEMAS["genes"])})
    assert_read_alike(GraphView(tables), tmp_path / "part.graphml")


def test_characters_that_xml_forbids_are_left_out(tmp_path: Path) -> None:
    gene = {"symbol": "A", "name": "be\x00ll\x07\x1b\ufffe\uffff!", "aliases": []}
    tables = GraphTables({"genes": pl.DataFrame([gene], schema=TABLE_SCHEMAS["genes"])})
    GraphView(tables).write_graphml(tmp_path / "part.graphml")
    assert nx.read_graphml(tmp_path / "part.graphml").nodes["Gene:A"]["name"] == "bell!"


def test_every_attribute_is_declared_with_its_type_once(tmp_path: Path) -> None:
    VIEW.write_graphml(tmp_path / "all.graphml")
    text = (tmp_path / "all.graphml").read_text(encoding="utf-8")
    keys = re.findall(r'<key id="(\w+)" for="(\w+)" attr.name="(\w+)" attr.type="(\w+)"/>', text)
    assert len({key for key, *_ in keys}) == len(keys) == len({tuple(rest) for _, *rest in keys})
    declared = {(domain, name): kind for _, domain, name, kind in keys}
    assert declared["edge", "score"] == "long"
    assert declared["edge", "direct"] == "boolean"
    assert declared["node", "information_content"] == "double"
    assert declared["node", "aliases"] == declared["node", "label"] == "string"
    assert set(re.findall(r'<data key="(\w+)">', text)) <= {key for key, *_ in keys}


def test_the_same_bytes_and_progress_to_the_end(tmp_path: Path) -> None:
    steps: list[tuple[str, float | None]] = []
    first, second = tmp_path / "a.graphml", tmp_path / "b.graphml"
    VIEW.write_graphml(first, progress=lambda message, share: steps.append((message, share)))
    GraphView(TABLES).write_graphml(second)
    assert first.read_bytes() == second.read_bytes()
    shares = [share for _, share in steps]
    assert shares == sorted(shares, key=lambda share: share or 0.0)
    assert shares[-1] == 1.0


def test_a_write_that_is_cut_short_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "part.graphml"
    path.write_text("the old one")

    def stop(message: str, share: float | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        VIEW.write_graphml(path, progress=stop)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_whole_file_is_seen_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with atomic_file(path) as stream:
        stream.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
