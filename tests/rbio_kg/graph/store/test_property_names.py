"""A property that the graph does not have is reported; everything else in a statement is left alone."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from rbio_kg.graph.store import property_names
from rbio_kg.graph.store.property_names import unknown_properties
from rbio_kg.graph.store.queries import named_queries


@pytest.mark.parametrize(
    ("cypher", "names"),
    [
        ("MATCH (g:Gene) RETURN g.symbl", ["symbl"]),
        ("MATCH (g:Gene {symbl: 'TP53'}) RETURN g", ["symbl"]),
        ("MATCH (g:Gene) WHERE g.Symbol = 'TP53' RETURN g.symbol", ["Symbol"]),
        ("MATCH (a)-[r:INTERACTS_WITH {scor: 900}]-(b) RETURN r.score, r.channel", ["channel", "scor"]),
        ("MATCH (a)-[r:INTERACTS_WITH*1..2 {scor: 900}]-(b) RETURN a", ["scor"]),
        ("MATCH (g:Gene) RETURN g.symbol ORDER BY g.degree", ["degree"]),
        ("MATCH (g:Gene) RETURN count(g.hgnc_number)", ["hgnc_number"]),
        ("MATCH (g:Gene) RETURN g.symbol", []),
        ("MATCH (g:Gene {symbol: 'a.b'}) RETURN g.name", []),
        ('MATCH (g:Gene) WHERE g.name = "it\'s g.nothing" RETURN g.symbol', []),
        ("MATCH (g:Gene) RETURN g.symbol // by g.place", []),
        ("MATCH (g:Gene) /* g.place */ RETURN g.symbol", []),
        ("WITH {place: 1} AS m RETURN m.place", []),
        ("RETURN {place: 1, of: 'x'} AS m", []),
        ("RETURN apoc.text.join(['a'], ',') AS x, 1.5 AS y", []),
        ("MATCH (b:Build) RETURN b.id, b.complete", []),
        ("MATCH (g:Gene {symbol: $symbol}) RETURN $more.place", []),
    ],
)
def test_unknown_properties_are_named(cypher: str, names: list[str]) -> None:
    assert [line.split("'")[1] for line in unknown_properties(cypher)] == names


@pytest.mark.parametrize("parameters", [{"rows": [{"place": 1}]}, {"row": {"place": 1}}])
def test_keys_of_parameters_count_as_known(parameters: dict[str, Any]) -> None:
    assert unknown_properties("UNWIND $rows AS row RETURN row.place", parameters) == []


def test_a_near_name_is_suggested() -> None:
    assert unknown_properties("MATCH (g) RETURN g.symbols") == [
        "the graph has no property 'symbols'; did you mean symbol?"
    ]


@pytest.mark.parametrize("name", named_queries())
def test_the_named_queries_use_known_properties(name: str) -> None:
    assert unknown_properties(named_queries()[name].cypher) == []


def test_examples() -> None:
    assert doctest.testmod(property_names).failed == 0
