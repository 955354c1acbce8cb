"""The headers of query files."""

from __future__ import annotations

import pytest

from rbio_kg.core.errors import QueryError
from rbio_kg.graph.store.queries import named_queries, named_query, parse_query

TEXT = """// near: What is near.
// $id: the id, for example "G1"
// $top = 5: rows at most
// $line = null: a line
MATCH (n {id: $id}) // here
RETURN n ORDER BY n.id LIMIT $top
"""


def test_a_header_says_it_all() -> None:
    query = parse_query("near", TEXT)
    assert query.purpose == "What is near."
    assert [(item.name, item.required, item.default) for item in query.parameters] == [
        ("id", True, None),
        ("top", False, 5),
        ("line", False, None),
    ]
    assert query.cypher.startswith("MATCH") and query.cypher.endswith("$top")
    assert query.values({"id": "x", "top": 1}) == {"id": "x", "top": 1, "line": None}
    assert query.example() == {"id": "G1", "top": 5, "line": None}


def test_missing_and_unknown_parameters() -> None:
    query = parse_query("near", TEXT)
    with pytest.raises(QueryError, match=r"needs the parameter 'id'.*id=\"G1\"") as caught:
        query.values()
    assert "near" in str(caught.value)
    with pytest.raises(QueryError, match="no parameter 'ID'"):
        query.values({"id": "x", "ID": "y"})


@pytest.mark.parametrize("text", ["", "MATCH (n) RETURN n", "// far: x\nRETURN 1", "// near: x\n// top = 5\nRETURN 1"])
def test_a_wrong_header_is_reported(text: str) -> None:
    with pytest.raises(QueryError, match=r"near\.cypher, line"):
        parse_query("near", text)


def test_a_default_that_is_no_json_is_reported() -> None:
    with pytest.raises(QueryError, match="line 2"):
        parse_query("near", "// near: x\n// $top = five: rows\nRETURN 1")


def test_every_query_is_whole() -> None:
    queries = named_queries()
    assert len(queries) >= 20
    for query in queries.values():
        used = {item.name for item in query.parameters}
        assert all(f"${name}" in query.cypher for name in used)
        assert query.cypher.count("$") >= len(used)
        assert "ORDER BY" in query.cypher
        assert all(item.example is not None for item in query.parameters if item.required)


def test_a_name_that_is_not_there_is_corrected() -> None:
    with pytest.raises(QueryError, match="neighbours"):
        named_query("neighbors")
