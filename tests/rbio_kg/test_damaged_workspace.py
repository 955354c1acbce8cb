"""A workspace whose files were damaged: every way to open it names the file and says what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rbio_kg.core.errors import BuildError, RbioKGError, SnapshotError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph_builders.build.build import build_graph
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.workspace import Workspace
from tests.support.commands import fails


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def change_the_end(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40] ^= 0xFF
    path.write_bytes(bytes(data))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def remove(path: Path) -> None:
    path.unlink()


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _holding(name: str, data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(data)

    write.__name__ = name
    return write


FILES = (halve, zero, remove, make_a_folder, _holding("empty", b""), _holding("a text", b"not found\n"))
DOCUMENTS = (
    *FILES,
    _holding("an array", b"[]"),
    _holding("a number", b"7"),
    _holding("null", b"null"),
    _holding("not UTF-8", b"\xff\xfe{}"),
    _holding("nested 100,000 deep", b"[" * 100_000),
    _holding(
        "of other types",
        b'{"format": 1, "build_id": 3, "sources": 4, "store": 5, "nodes": [], "kind": {}, "version": [], "meta": 1}',
    ),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    build_graph(WorkspacePaths(root), sample_directory())
    return root


@pytest.fixture
def workspace(whole: Path, tmp_path: Path) -> Workspace:
    return Workspace(shutil.copytree(whole, tmp_path / "workspace"))


def refused(call: Callable[[], object], path: Path, kind: type[RbioKGError]) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("damage", DOCUMENTS, ids=lambda damage: damage.__name__)
def test_the_note_of_the_current_build(workspace: Workspace, damage: Callable[[Path], None]) -> None:
    path = workspace.paths.current_build
    damage(path)
    # Without the note, nothing has been built: that names the workspace.
    refused(lambda: workspace.manifest, path if damage is not remove else workspace.paths.root, BuildError)
    fails(workspace.paths.root, "stats")
    fails(workspace.paths.root, "explain", "TP53", "MDM2")
    if damage is not make_a_folder:
        assert build_graph(workspace.paths, sample_directory()).reused
        assert Workspace(workspace.paths.root).manifest.build_id


@pytest.mark.parametrize("damage", DOCUMENTS, ids=lambda damage: damage.__name__)
def test_the_manifest(workspace: Workspace, damage: Callable[[Path], None]) -> None:
    path = workspace.build_folder / "manifest.json"
    damage(path)
    refused(lambda: workspace.manifest, path, BuildError)
    fails(workspace.paths.root, "stats")
    assert not build_graph(workspace.paths, sample_directory()).reused
    assert Workspace(workspace.paths.root).manifest.build_id == workspace.build_id


@pytest.mark.parametrize("damage", (*FILES, change_the_end), ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("table", ["genes", "annotations", "questions"])
def test_a_table(workspace: Workspace, table: str, damage: Callable[[Path], None]) -> None:
    path = workspace.build_folder / "tables" / f"{table}.parquet"
    damage(path)
    refused(lambda: workspace.tables, path, BuildError)


def test_a_table_of_another_schema(workspace: Workspace) -> None:
    tables = workspace.build_folder / "tables"
    shutil.copy(tables / "genes.parquet", tables / "terms.parquet")
    refused(lambda: workspace.tables, tables / "terms.parquet", BuildError)


@pytest.mark.parametrize("damage", (*FILES, change_a_byte, change_the_end), ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("array", ["genes.text", "interactions.indices", "closure.weights"])
def test_an_array_of_the_snapshot(workspace: Workspace, array: str, damage: Callable[[Path], None]) -> None:
    path = workspace.snapshot_folder / f"{array}.npy"
    damage(path)
    refused(lambda: workspace.snapshot, path, SnapshotError)


@pytest.mark.parametrize("damage", DOCUMENTS, ids=lambda damage: damage.__name__)
def test_the_header_of_the_snapshot(workspace: Workspace, damage: Callable[[Path], None]) -> None:
    path = workspace.snapshot_folder / "header.json"
    damage(path)
    refused(lambda: workspace.snapshot, path.parent, SnapshotError)
    fails(workspace.paths.root, "explain", "TP53", "MDM2")
