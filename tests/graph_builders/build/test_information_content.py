from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph_builders.build.information_content import information_content
from tests.graph_builders.parsing.test_hierarchy import ENDS, Edges, below, edges, reached


@given(
    below(8),
    st.sets(st.tuples(st.sampled_from("abcde"), st.integers(0, 7))),
    st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_content_against_a_slow_reference(is_a: Edges, annotated: set[tuple[str, int]], function: list[bool]) -> None:
    space = ["molecular_function" if flag else "biological_process" for flag in function]
    terms = pl.DataFrame({"id": [f"t{number}" for number in range(8)], "namespace": space, "name": list("abcdefgh")})
    annotations = pl.DataFrame([(gene, f"t{term}") for gene, term in sorted(annotated)], schema=ENDS, orient="row")
    having = {term: {gene for gene, direct in annotated if term in reached(direct, is_a)} for term in range(8)}
    found = information_content(terms, annotations, edges(is_a), edges(set()))
    assert found["id"].equals(terms["id"])
    for term, content in enumerate(found["information_content"]):
        everyone = set().union(*(having[other] for other in range(8) if space[other] == space[term]))
        if having[term]:
            assert content == pytest.approx(-math.log2(len(having[term]) / len(everyone)))
            assert content >= 0
            assert math.copysign(1, content) == 1
        else:
            assert content is None
