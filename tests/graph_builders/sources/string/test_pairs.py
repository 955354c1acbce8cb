from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS
from rbio_kg.graph_builders.sources.string.pairs import best_pairs

GENES = ["ABC", "ABC", "B", "Z9", "Z9", "a"]
SYMBOLS = pl.Series([*GENES, None], dtype=pl.String)
Row = tuple[int, int, int, tuple[int, ...]]
ends = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: GENES[pair[0]] != GENES[pair[1]])
channels = st.lists(st.integers(0, 2), min_size=len(STRING_CHANNELS), max_size=len(STRING_CHANNELS)).map(tuple)
rows = st.tuples(ends, st.sampled_from([0, 400, 999, 1000]), channels).map(lambda row: (*row[0], *row[1:]))


def frame(written: list[Row]) -> pl.DataFrame:
    schema = {"protein1": pl.Int32, "protein2": pl.Int32, **dict.fromkeys(("score", *STRING_CHANNELS), pl.Int16)}
    return pl.DataFrame([(one, other, score, *found) for one, other, score, found in written], schema, orient="row")


@given(st.lists(rows, max_size=40))
def test_against_a_slow_reference(written: list[Row]) -> None:
    best: dict[tuple[str, str], tuple[int, tuple[int, ...]]] = {}
    directed: dict[tuple[int, int], int] = {}
    for one, other, score, found in written:
        pair = min(GENES[one], GENES[other]), max(GENES[one], GENES[other])
        best[pair] = max(best.get(pair, (-1, ())), (score, found))
        directed[one, other] = max(directed.get((one, other), 0), score)
    pairs = {frozenset(pair) for pair in directed}
    notes: dict[str, int] = {}
    table = best_pairs(frame(written), SYMBOLS, notes)
    assert table.schema == TABLE_SCHEMAS["interactions"]
    assert table.rows() == [(*pair, score, *found, "STRING") for pair, (score, found) in sorted(best.items())]
    assert notes == {
        "duplicate rows merged": len(written) - len(directed),
        "other orientation merged": len(directed) - len(pairs),
        "orientations with different scores": sum(
            directed.get((other, one), score) != score for (one, other), score in directed.items() if one < other
        ),
        "several proteins of a gene merged": len(pairs) - len(best),
    }


def test_channels_that_the_file_lacks_stay_null() -> None:
    written = frame([(0, 2, 700, (0,) * 7), (2, 0, 700, (0,) * 7)]).with_columns(
        pl.lit(None, dtype=pl.Int16).alias(name) for name in STRING_CHANNELS
    )
    assert best_pairs(written, SYMBOLS, {}).rows() == [("ABC", "B", 700, *[None] * 7, "STRING")]
