"""The difference of two graphs, against a comparison of plain dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import BuildError
from rbio_kg.graph.loading.difference import differences, table_difference
from rbio_kg.graph.schema.schema import NODES_BY_LABEL, RELATIONSHIPS_BY_TYPE
from rbio_kg.graph.schema.tables import SORT_KEYS, TABLE_SCHEMAS, GraphTables
from tests.support.graphs import small_tables

KNOCKDOWNS = RELATIONSHIPS_BY_TYPE["KNOCKDOWN_CHANGES"]
ANNOTATIONS = RELATIONSHIPS_BY_TYPE["ANNOTATED_WITH"]
texts = st.one_of(st.none(), st.sampled_from(["", "a", "b", "a\x1e", "é"]))
annotations = st.dictionaries(
    st.tuples(st.sampled_from("AB"), st.sampled_from("XY"), st.sampled_from(["p", "q"])),
    st.tuples(st.one_of(st.none(), st.lists(st.sampled_from(["IDA", "IEA"]), max_size=2)), texts),
)


def frame_of(content: dict[Any, Any]) -> pl.DataFrame:
    rows = [
        {"start": key[0], "end": key[1], "qualifier": key[2], "evidence": said[0], "source": said[1]}
        for key, said in content.items()
    ]
    schema = TABLE_SCHEMAS["annotations"]
    wide = [{name: row.get(name) for name in schema} for row in rows]
    return pl.DataFrame(wide, schema=schema, orient="row").sort(SORT_KEYS["annotations"])


def keys_of(frame: pl.DataFrame) -> set[Any]:
    return set(frame.select(SORT_KEYS["annotations"]).rows())


@given(annotations, annotations)
def test_it_is_what_dictionaries_say(old: dict[Any, Any], new: dict[Any, Any]) -> None:
    found = table_difference(ANNOTATIONS, frame_of(old), frame_of(new))
    value = {key: (said[0] or None, said[1]) for key, said in old.items()}
    now = {key: (said[0] or None, said[1]) for key, said in new.items()}
    changed = {key for key in value.keys() & now.keys() if value[key] != now[key]}
    assert keys_of(found.added) == now.keys() - value.keys()
    assert keys_of(found.removed) == value.keys() - now.keys()
    assert keys_of(found.changed) == keys_of(found.before) == changed
    assert found.rows == len(now.keys() ^ value.keys()) + len(changed)
    assert found.changed.select(SORT_KEYS["annotations"]).equals(found.before.select(SORT_KEYS["annotations"]))


def test_one_knockdown_in_another_line_is_another_relationship() -> None:
    tables = small_tables()
    frame = tables["knockdowns"]
    first = frame.head(1)
    moved = first.with_columns(pl.lit("hepg2").alias("cell_line"))
    new = pl.concat([frame.slice(1), moved]).sort(SORT_KEYS["knockdowns"])
    found = table_difference(KNOCKDOWNS, frame, new)
    assert found.added.equals(moved)
    assert found.removed.equals(first)
    assert found.changed.is_empty()


def test_folders(tmp_path: Path) -> None:
    tables = small_tables()
    tables.write(tmp_path / "old")
    frames = dict(tables)
    frames["terms"] = frames["terms"].with_columns(
        pl.when(pl.col("id") == frames["terms"]["id"][3])
        .then(9.75)
        .otherwise("information_content")
        .alias("information_content")
    )
    frames["interactions"] = frames["interactions"].slice(2)
    # Not part of the graph.
    frames["questions"] = frames["questions"].slice(5)
    GraphTables(frames).write(tmp_path / "new")
    found = {item.name: item for item in differences(tmp_path / "old", tmp_path / "new")}
    assert list(found) == ["GoTerm", "INTERACTS_WITH"]
    assert found["GoTerm"].changed["information_content"].to_list() == [9.75]
    assert found["GoTerm"].before["information_content"].to_list() == [tables["terms"]["information_content"][3]]
    assert found["INTERACTS_WITH"].removed.equals(tables["interactions"].head(2))
    assert list(differences(tmp_path / "old", tmp_path / "old")) == []
    (tmp_path / "new" / "is_a.parquet").unlink()
    with pytest.raises(BuildError, match=r"is_a\.parquet"):
        list(differences(tmp_path / "old", tmp_path / "new"))


def test_nodes_by_their_key() -> None:
    lines = pl.DataFrame({"name": ["a", "b"]})
    found = table_difference(NODES_BY_LABEL["CellLine"], lines, pl.DataFrame({"name": ["b", "c"]}))
    assert (found.added["name"].to_list(), found.removed["name"].to_list(), found.rows) == (["c"], ["a"], 2)
