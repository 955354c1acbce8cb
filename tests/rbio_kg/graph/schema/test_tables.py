from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import BuildError
from rbio_kg.graph.schema.tables import SORT_KEYS, TABLE_SCHEMAS, GraphTables
from tests.support.graphs import small_tables

labels = st.tuples(st.sampled_from(["", "A", "B", "a", "é", "AA"]), st.sampled_from(["alias", "entrez"]))


@given(st.lists(labels, unique=True, max_size=12), st.booleans())
def test_any_order_becomes_the_same_table(written: list[tuple[str, str]], given_sorted: bool) -> None:
    ordered = sorted(written)
    rows = [(label, "GENE", kind) for label, kind in (ordered if given_sorted else written)]
    tables = GraphTables({"names": pl.DataFrame(rows, TABLE_SCHEMAS["names"], orient="row")})
    assert tables["names"].rows() == [(label, "GENE", kind) for label, kind in ordered]


def test_rows_without_a_key_come_first() -> None:
    names = pl.DataFrame({"label": ["A", None, "B"], "symbol": ["G"] * 3, "kind": ["alias"] * 3})
    assert GraphTables({"names": names})["names"]["label"].to_list() == [None, "A", "B"]


def test_written_and_read_back(tmp_path: Path) -> None:
    tables = small_tables(7)
    tables.write(tmp_path / "one")
    GraphTables({name: frame.reverse() for name, frame in tables.items()}).write(tmp_path / "two")
    again = GraphTables.read(tmp_path / "one")
    for name, frame in tables.items():
        assert frame.equals(frame.sort(SORT_KEYS[name]))
        assert again[name].equals(frame)
        assert (tmp_path / "one" / f"{name}.parquet").read_bytes() == (
            tmp_path / "two" / f"{name}.parquet"
        ).read_bytes()


def test_other_tables_and_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="unknown tables: more"):
        GraphTables({"more": pl.DataFrame()})
    with pytest.raises(BuildError, match="table names has the columns"):
        GraphTables({"names": pl.DataFrame({"label": ["A"]})})
    with pytest.raises(BuildError, match="table is missing"):
        GraphTables.read(tmp_path)
