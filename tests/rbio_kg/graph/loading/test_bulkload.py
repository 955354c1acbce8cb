"""The bulk load: tables in pieces, from a folder that holds them already."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import psutil
import pytest

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading import bulkload
from rbio_kg.graph.loading.bulkload import bulk_load
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from tests.contracts.store import small_tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_tables().write(tmp_path / "tables")
    return tmp_path / "tables"


@pytest.mark.parametrize("table", [item.table for item in (*NODES, *RELATIONSHIPS)])
def test_pieces_hold_every_value_and_no_null(folder: Path, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkload, "_ROWS", 7)
    monkeypatch.setattr(bulkload, "_TEXT_ROWS", 3)
    rows = []
    for piece in bulkload._slices(folder, table):
        assert piece.height <= 7
        for part in bulkload._by_nulls(piece):
            assert part.height <= 3
            rows += json.loads(part.write_json())
    expected = [
        {name: value for name, value in row.items() if value is not None and value != []}
        for row in small_tables()[table].to_dicts()
    ]

    def key(row: dict[str, object]) -> str:
        return json.dumps(row, sort_keys=True)

    assert sorted(map(key, rows)) == sorted(map(key, expected))


def test_a_folder_of_tables_is_not_written_again(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    steps: list[str] = []
    made = bulk_load(folder, "small-1", tmp_path / "new", lambda message, share: steps.append(message))
    assert made.is_dir()
    assert not (tmp_path / "new" / "tables").exists()
    assert "store: INTERACTS_WITH" in steps


def test_a_missing_end_is_reported(folder: Path, tmp_path: Path) -> None:
    genes = pl.read_parquet(folder / "genes.parquet")
    genes.head(59).write_parquet(folder / "genes.parquet")
    (tmp_path / "new").mkdir()
    with pytest.raises(StoreError, match=r"an end is missing of .* INTERACTS_WITH"):
        bulk_load(folder, "small-1", tmp_path / "new", lambda message, share: None)


def test_an_interrupt_ends_the_child(folder: Path, tmp_path: Path) -> None:
    def interrupt(message: str, share: float | None) -> None:
        raise KeyboardInterrupt

    (tmp_path / "new").mkdir()
    with pytest.raises(KeyboardInterrupt):
        bulk_load(folder, "small-1", tmp_path / "new", interrupt)
    # Keepers of servers that other tests used may be zombies, which have no command line.
    alive = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    assert not [child for child in alive if "rbio_kg.graph.loading.bulkload" in child.cmdline()]
