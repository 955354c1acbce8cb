from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.readers import Layout, read_table
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.score_columns import clean_rows
from tests.support.profiles import examples
from tests.support.source_files.provider_files import file_of

LAYOUT = Layout(" ", ("one", "other", "score"), optional=("more", "absent"), scores=("score", "more", "absent"))
HEADER = "one other score more rest"
per_example = settings(max_examples=examples(2.5))


cells = st.one_of(
    st.sampled_from(
        ["0", "5", "1000", "1001", "-1", "+7", "007", "5.0", "1e2", "", "x", '"5"', "\t5", "40000", "\uff15"]
    ),
    st.integers(0, 1000).map(str),
)
good_lines = st.tuples(st.integers(0, 1000), st.integers(0, 1000)).map(lambda two: f"a b {two[0]} {two[1]} c")
lines = st.one_of(
    good_lines,
    st.tuples(cells, cells, cells, cells, cells).map(" ".join),
    st.sampled_from(["", " ", "    ", "a b 5 6", "a b 5 6 c d", '"a b" 5 6', "#a b 5 6 c", "a b 5 6 c "]),
)


def test_a_clean_block_is_read_at_once() -> None:
    rows = clean_rows("a b 5\nc d 1000", 7, " ", ["one", "other", "score"], ["score"])
    assert rows is not None
    assert rows.rows() == [(7, "a", "b", 5), (8, "c", "d", 1000)]
    assert rows.schema["score"] == pl.Int16


def test_any_other_block_is_not() -> None:
    for text in (
        "a b 1001\n",
        "a b -1\n",
        "a b\n",
        "a b 5 6\n",
        "\na b 5\n",
        "a b 5\n\n",
        "a  5\n",
        "a b x\n",
        "a b 5.0\n",
        "a b \t5\n",
        "a b 5 \n",
        "a b 5 ",
    ):
        assert clean_rows("a b 5\n" + text, 1, " ", ["one", "other", "score"], ["score"]) is None


def slow(text: str) -> tuple[list[tuple[object, ...]], list[tuple[int, str]]]:
    """The rows and the rejections, line by line."""
    rows: list[tuple[object, ...]] = []
    rejected = []
    for number, line in enumerate(text.split("\n"), 1):
        if number == 1 or not line.strip():
            continue
        fields = line.split(" ")
        if len(fields) != 5:
            rejected.append((number, "the row does not have 5 fields"))
            continue
        if not all(re.fullmatch(r"\+?[0-9]+", cell, re.ASCII) and int(cell) <= 1000 for cell in fields[2:4]):
            rejected.append((number, "a score is not a whole number from 0 to 1000"))
            continue
        rows.append((number, fields[0], fields[1], int(fields[2]), int(fields[3]), None))
    return rows, rejected


@per_example
@given(st.lists(lines, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example(["a b 5 6 c", "a b +5 06 c"], "\n", True)
@example(["a b 5 6 c", "a b 5 6 c", "a b 5 6 c"], "\n", False)
def test_against_a_slow_reference(tmp_path: Path, written: list[str], end: str, last: bool) -> None:
    path = file_of(tmp_path, end.join([HEADER, *written]) + end * last)
    rejections = Rejections(path)
    table = read_table(path, LAYOUT, rejections)
    rows, rejected = slow("\n".join([HEADER, *written]))
    assert table.rows() == rows
    assert table.schema == {"line": pl.Int64, "one": pl.String, "other": pl.String} | dict.fromkeys(
        LAYOUT.scores, pl.Int16
    )
    assert [(reason.line, reason.why) for reason in rejections.reasons] == rejected[:10]
    assert (rejections.seen, rejections.count) == (len(rows) + len(rejected), len(rejected))
    clean = clean_rows("\n".join(written), 2, " ", HEADER.split(" "), LAYOUT.scores)
    assert clean is None or clean.drop("rest").rows() == [row[:-1] for row in rows]
    plain = all("" not in line.split(" ") and "\t" not in line for line in written)
    if not rejected and rows and len(rows) == len(written) and plain:
        assert clean is not None


def test_an_absent_column_is_null_and_a_missing_one_says_where_to_get_it(tmp_path: Path) -> None:
    path = file_of(tmp_path, "one other score\na b 5\n")
    assert read_table(path, LAYOUT, Rejections(path)).rows() == [(2, "a", "b", 5, None, None)]
    with pytest.raises(SourceError, match="take the other file"):
        read_table(path, Layout(" ", ("one", "more"), scores=("more",), hint="take the other file"), Rejections(path))
