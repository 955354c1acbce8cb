from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_builders.information import ancestors, information_content

ENDS = {"start": pl.String, "end": pl.String}
Edges = set[tuple[int, int]]


def edges(pairs: Edges) -> pl.DataFrame:
    return pl.DataFrame([(f"t{start}", f"t{end}") for start, end in sorted(pairs)], schema=ENDS, orient="row")


def reached(term: int, pairs: Edges) -> set[int]:
    found = {term}
    for start, end in pairs:
        if start == term:
            found |= reached(end, pairs)
    return found


def below(count: int) -> st.SearchStrategy[Edges]:
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda ends: ends[0] > ends[1])
    return st.sets(pair, max_size=12)


@settings(deadline=None, max_examples=60)
@given(below(8), below(8))
def test_ancestors_against_a_slow_reference(is_a: Edges, part_of: Edges) -> None:
    terms = pl.Series("id", [f"t{number}" for number in range(8)])
    expected = {(term, above) for term in range(8) for above in reached(term, is_a | part_of)}
    found = ancestors(edges(is_a), edges(part_of), terms)
    assert sorted(found.rows()) == sorted(expected)


@settings(deadline=None, max_examples=60)
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
