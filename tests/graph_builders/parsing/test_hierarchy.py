from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.hierarchy import ancestors, require_acyclic

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


@given(below(8))
def test_ancestors_against_a_slow_reference(pairs: Edges) -> None:
    keys = pl.Series("id", [f"t{number}" for number in range(8)])
    expected = {(key, above) for key in range(8) for above in reached(key, pairs)}
    assert sorted(ancestors(edges(pairs), keys).rows()) == sorted(expected)


@given(below(6), st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_a_cycle_is_named(pairs: Edges, back: tuple[int, int]) -> None:
    path = Path("hierarchy.txt")
    require_acyclic(edges(pairs), "the edges", path, "fix it")
    if back[1] in reached(back[0], pairs):
        cyclic = pairs | {(back[1], back[0])}
        with pytest.raises(SourceError, match="the edges form a cycle: ") as caught:
            require_acyclic(edges(cyclic), "the edges", path, "fix it")
        steps = caught.value.what.partition(": ")[2].split(" -> ")
        assert steps[0] == steps[-1]
        assert all((int(one[1:]), int(other[1:])) in cyclic for one, other in pairwise(steps))
