"""Rows in files: read back by another reader they are the rows that went in."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import ConfigError
from rbio_kg.graph.store.row_files import write_rows

ROWS: list[dict[str, Any]] = [
    {"gene": "TP53", "score": 1, "share": 1, "names": [], "mixed": 1, "map": {"a": 1}, "none": None, "flag": True},
    {"gene": 'β "x",\n', "score": None, "share": 0.5, "names": ["p53", None], "mixed": "x", "map": None, "none": None}
    | {"flag": False},
]


def quiet(message: str, share: float | None) -> None:
    """A `Progress` that reports nothing."""


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    assert write_rows(path, list(ROWS[0]), ROWS, quiet) == 2
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    assert write_rows(path, list(ROWS[0]), ROWS, quiet) == 2
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["gene"] for row in rows] == [row["gene"] for row in ROWS]
    assert [row["names"] for row in rows] == ["[]", '["p53", null]']
    assert [row["score"] for row in rows] == ["1", ""]


def test_parquet_has_the_types_of_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert write_rows(path, list(ROWS[0]), ROWS, quiet) == 2
    frame = pl.read_parquet(path)
    assert dict(frame.schema) == {
        "gene": pl.String(),
        "score": pl.Int64(),
        "share": pl.Float64(),
        "names": pl.List(pl.String()),
        "mixed": pl.String(),
        "map": pl.String(),
        "none": pl.String(),
        "flag": pl.Boolean(),
    }
    assert frame["names"].to_list() == [[], ["p53", None]]
    assert frame["mixed"].to_list() == ["1", '"x"']
    assert frame["map"].to_list() == ['{"a": 1}', None]
    assert frame["share"].to_list() == [1.0, 0.5]


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
CELLS = st.recursive(VALUES | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=4)


def test_a_large_integer_next_to_a_float_is_not_rounded(tmp_path: Path) -> None:
    large = 2**53 + 1
    rows = [{"mixed": large, "whole": large}, {"mixed": 0.5, "whole": 1}]
    path = tmp_path / "rows.parquet"
    write_rows(path, ["mixed", "whole"], rows, quiet)
    frame = pl.read_parquet(path)
    assert frame["mixed"].to_list() == [str(large), "0.5"]
    assert frame["whole"].to_list() == [large, 1]


@given(rows=st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS}), min_size=1, max_size=6))
def test_any_rows_come_back_from_parquet(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    write_rows(path, ["a", "b"], rows, quiet)
    frame = pl.read_parquet(path)
    for name in ("a", "b"):
        expected = [row[name] for row in rows]
        plain = all(value is None or isinstance(value, str) for value in expected)
        if frame.schema[name] == pl.String() and not plain:
            expected = [None if value is None else json.dumps(value, ensure_ascii=False) for value in expected]
        assert frame[name].to_list() == expected


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_a_file_cut_short_is_no_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    path.write_text("old")

    def cut() -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(path, list(ROWS[0]), cut(), quiet)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_many_rows_tell_their_progress(tmp_path: Path) -> None:
    steps: list[tuple[str, float | None]] = []
    rows = ({"n": i} for i in range(12_000))
    assert write_rows(tmp_path / "n.parquet", ["n"], rows, lambda *step: steps.append(step)) == 12_000
    assert pl.read_parquet(tmp_path / "n.parquet")["n"].to_list() == list(range(12_000))
    assert steps[1] == ("5,000 rows written", None)
    assert steps[-1] == ("12,000 rows written", 1.0)


def test_an_ending_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.parquet"):
        write_rows(tmp_path / "rows.xlsx", [], [], quiet)
