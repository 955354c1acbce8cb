"""A snapshot of the module's own tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.snapshot.snapshot import write_snapshot


@pytest.fixture(scope="module")
def snapshot_dir(tables: GraphTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("build") / "snapshot"
    write_snapshot(tables, directory, "build-1")
    return directory
