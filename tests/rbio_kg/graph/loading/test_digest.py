"""The digest: against a slow reference, what changes it, what does not, and the same on tables and stores."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.loading.digest import GraphDigest, store_digest, tables_digest
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS, NodeType
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.store.store import GraphStore
from tests.contracts import store as battery
from tests.support.graphs import small_tables


def reference(tables: GraphTables) -> str:
    """All elements written out, each hashed, the hashes added as a list of 32 digits of base 256."""
    digits = [0] * 32
    for item in (*NODES, *RELATIONSHIPS):
        for row in tables[item.table].to_dicts():
            kept = {key: row[key] for key in sorted(row) if row[key] is not None and row[key] != []}
            element: list[Any]
            if isinstance(item, NodeType):
                element = ["node", item.label, kept]
            else:
                start, end = kept.pop("start"), kept.pop("end")
                element = ["relationship", item.type, start, end, kept]
            content = json.dumps(element, separators=(",", ":")).encode()
            carry = 0
            for place, value in reversed(list(enumerate(hashlib.sha256(content).digest()))):
                carry, digits[place] = divmod(digits[place] + value + carry, 256)
    return bytes(digits).hex()


def changed(tables: GraphTables, table: str, frame: pl.DataFrame) -> GraphTables:
    return GraphTables({**tables, table: frame})


def other(value: Any, kind: Any) -> Any:
    """A value of the same kind next to the given one."""
    if kind == pl.Float64:
        return math.nextafter(value or 0.0, math.inf)
    if kind == pl.Int64:
        return (value or 0) + 1
    if kind == pl.Boolean:
        return not value
    return [*(value or []), ""] if kind == pl.List else f"{value}x"


def test_the_slow_reference_agrees() -> None:
    tables = small_tables()
    assert tables_digest(tables) == reference(tables)
    assert len({tables_digest(small_tables(seed)) for seed in range(4)}) == 4


def test_an_empty_graph() -> None:
    assert tables_digest(GraphTables({})) == GraphDigest().hex() == "0" * 64


def test_no_value_and_an_empty_list_are_the_same_and_an_empty_text_is_not() -> None:
    tables = small_tables()
    genes = tables["genes"]
    none = genes.with_columns(aliases=pl.lit(None, pl.List(pl.String)), name=pl.lit(None, pl.String))
    empty = genes.with_columns(aliases=pl.lit([], pl.List(pl.String)), name=pl.lit(None, pl.String))
    text = none.with_columns(name=pl.lit(""))
    one, two, three = (tables_digest(changed(tables, "genes", frame)) for frame in (none, empty, text))
    assert one == two != three


@pytest.mark.parametrize("table", [item.table for item in (*NODES, *RELATIONSHIPS)])
def test_every_kind_of_change_shows(table: str) -> None:
    tables = small_tables()
    before, frame = tables_digest(tables), tables[table]
    assert frame.height
    seen = {before, tables_digest(changed(tables, table, frame[1:]))}
    seen.add(tables_digest(changed(tables, table, pl.concat([frame, frame[:1]]))))
    seen.add(tables_digest(changed(tables, table, pl.concat([frame, frame[:1], frame[:1]]))))
    expected = 4
    first, *others = frame.to_dicts()
    for name, kind in frame.schema.items():
        altered = pl.DataFrame([{**first, name: other(first[name], kind)}, *others], schema=frame.schema)
        seen.add(tables_digest(changed(tables, table, altered)))
        expected += 1
    if "start" in first:
        turned = pl.DataFrame([{**first, "start": first["end"], "end": first["start"]}, *others], schema=frame.schema)
        seen.add(tables_digest(changed(tables, table, turned)))
        expected += 1
    assert len(seen) == expected


properties = st.dictionaries(
    st.text(max_size=4),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text()),
    max_size=4,
)


@given(st.lists(st.tuples(st.text(max_size=2), st.text(max_size=2), properties), max_size=8), st.randoms())
def test_the_order_of_elements_and_of_properties_does_not_matter(elements: list[Any], random: Any) -> None:
    one, two = GraphDigest(), GraphDigest()
    for start, end, values in elements:
        one.add_relationship("T", start, end, values)
    random.shuffle(elements)
    for start, end, values in elements:
        two.add_relationship("T", start, end, dict(reversed(values.items())))
    assert one.hex() == two.hex()
    if elements:
        two.add_relationship("T", *elements[0])
        assert one.hex() != two.hex()


def test_the_embedded_store_agrees(embedded_store: GraphStore) -> None:
    steps: list[tuple[str, float | None]] = []
    digest = store_digest(embedded_store, lambda *step: steps.append(step))
    assert digest == tables_digest(battery.small_tables())
    shares = [share for _, share in steps if share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.neo4j
def test_a_neo4j_agrees_and_shows_each_change(neo4j_store: GraphStore) -> None:
    before = tables_digest(battery.small_tables())
    assert store_digest(neo4j_store) == before
    changes = (
        ("MATCH (g:Gene {symbol: 'G00'}) SET g.unheard_of = 1", "MATCH (g:Gene) REMOVE g.unheard_of"),
        ("MATCH (a:Gene {symbol: 'G00'}) SET a.name = 'other'", "MATCH (a:Gene {symbol: 'G00'}) REMOVE a.name"),
        ("MATCH (a:Gene {symbol: 'G00'}) CREATE (a)-[:IS_A]->(a)", "MATCH (:Gene)-[r:IS_A]->() DELETE r"),
        ("CREATE (:Pathway {name: 'without a key'})", "MATCH (p:Pathway {name: 'without a key'}) DELETE p"),
    )
    for change, undo in changes:
        neo4j_store.write(change)
        try:
            assert store_digest(neo4j_store) != before, change
        finally:
            neo4j_store.write(undo)
    neo4j_store.write("CREATE (:Somebody {name: 'else'})")
    try:
        assert store_digest(neo4j_store) == before
    finally:
        neo4j_store.write("MATCH (s:Somebody) DELETE s")
