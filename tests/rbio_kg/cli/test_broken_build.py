"""`rbio-kg build` on broken files: one line says what is wrong, and the graph in use stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.graph_builders.build.build import build_graph, read_manifest
from rbio_kg.graph_builders.sample.sample import sample_directory
from tests.support.commands import fails
from tests.support.source_files import (
    file_mutations,  # noqa: F401
    ontology_mutations,  # noqa: F401
    row_mutations,  # noqa: F401
)
from tests.support.source_files.base_files import SAMPLE, contents
from tests.support.source_files.mutations import broken
from tests.support.source_files.packings import REFUSED

TEXTS = [
    ("hgnc/hgnc_complete_set.txt", "nothing at all", "is empty"),
    ("hgnc/hgnc_complete_set.txt", "only header and comments", "no row of the file is usable as HGNC genes"),
    ("hgnc/hgnc_complete_set.txt", "an HTML error page", "line 1: the header lacks the column"),
    ("hgnc/hgnc_complete_set.txt", "a wanted column renamed", "the header lacks the column"),
    ("hgnc/hgnc_complete_set.txt", "a NUL byte", "the file is not text"),
    ("hgnc/hgnc_complete_set.txt", "2,000 columns more", "names more than 1000 columns"),
    ("go/go-basic.obo", "UTF-16", "line 1: the file is not UTF-8"),
    ("go/go-basic.obo", "a cycle of 3 by is_a", "form a cycle"),
    ("go/go-basic.obo", "only other stanzas", "no row of the file is usable as GO terms"),
    ("go/go-basic.obo", "every live term obsolete", "nothing of the file reaches the graph"),
    ("go/goa_human.gaf", "only comments", "no row of the file is usable as GAF"),
    ("go/goa_human.gaf", "gaf of other species only", "other species"),
    ("go/goa_human.gaf", "gaf of NOT only", "NOT annotations"),
    ("go/goa_human.gaf", "semicolons between fields", "no row of the file is usable as GAF"),
    ("string/9606.protein.info.v12.0.txt", "a wanted column named twice", "twice"),
    ("string/9606.protein.links.v12.0.txt", "no header", "the header lacks the column"),
    ("string/9606.protein.links.v12.0.txt", "zeros from half on", "NUL byte"),
    ("wikipathways/wikipathways-20220610-gmt-Homo_sapiens.gmt", "without any separator", "usable as gene sets"),
    ("wikipathways/wikipathways-20220610-gmt-Homo_sapiens.gmt", "members of unknown genes only", "nothing of the file"),
    ("perturbqa/k562-de.csv", "number two", "label is not 0 or 1"),
    ("perturbqa/k562-de.csv", "a byte of Latin-1", "the file is not UTF-8"),
    ("perturbqa/k562-dir.csv", "a wanted column missing", "the header lacks the column"),
    ("perturbqa/simulated.json", "marker of nested 100,000 deep", "is not JSON"),
]
PACKED = [
    ("hgnc/hgnc_complete_set.txt", "gzip cut off at half", "breaks off"),
    ("go/go-basic.obo", "gzip with a wrong checksum", "damaged"),
    ("go/goa_human.gaf", "zip of two files", "holds 2 files"),
    ("string/9606.protein.links.v12.0.txt", "zip encrypted", "encrypted"),
    ("string/9606.protein.info.v12.0.txt", "zstandard", "zstandard format"),
    ("wikipathways/wikipathways-20220610-gmt-Homo_sapiens.gmt", "Parquet", "Parquet format"),
]


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with the sample's graph, which no failure may change."""
    paths = WorkspacePaths(tmp_path_factory.mktemp("workspace"))
    manifest = build_graph(paths, sample_directory())
    yield paths.root
    assert read_manifest(paths) == manifest
    assert Snapshot.open(paths.build(manifest.build_id) / "snapshot").build_id == manifest.build_id


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = shutil.copytree(sample_directory(), tmp_path / "sources")
    for path in folder.rglob("*.gz"):
        path.unlink()
    for name, content in contents("sample").items():
        (folder / name).write_bytes(content)
    return folder


def refused(workspace: Path, sources: Path, name: str, data: bytes) -> str:
    """The error of a build with one broken file."""
    (sources / name).write_bytes(data)
    before = files_below(workspace / "graph" / "builds"), (workspace / "graph" / "current.json").read_bytes()
    said = fails(workspace, "build", "--sources", str(sources))
    after = files_below(workspace / "graph" / "builds"), (workspace / "graph" / "current.json").read_bytes()
    assert after == before
    assert str(sources / name) in said
    return said


@pytest.mark.parametrize(("name", "mutation", "message"), TEXTS, ids=[f"{case[0]} {case[1]}" for case in TEXTS])
def test_broken_text(workspace: Path, sources: Path, name: str, mutation: str, message: str) -> None:
    base = next(base for base in SAMPLE if base.name == name)
    case = broken(mutation, contents("sample")[name], base)
    said = refused(workspace, sources, name, case.data)
    assert message in said
    if case.line is not None:
        assert f", line {case.line}: " in said


@pytest.mark.parametrize(("name", "packing", "message"), PACKED, ids=[f"{case[0]} {case[1]}" for case in PACKED])
def test_broken_packing(workspace: Path, sources: Path, name: str, packing: str, message: str) -> None:
    assert message in refused(workspace, sources, name, REFUSED[packing](contents("sample")[name]))


def test_a_pipe(workspace: Path, sources: Path) -> None:
    (sources / "go" / "go-basic.obo").unlink()
    os.mkfifo(sources / "go" / "go-basic.obo")
    assert "not a regular file" in fails(workspace, "build", "--sources", str(sources))


def test_a_name_of_two_lines(workspace: Path, sources: Path) -> None:
    (sources / "perturbqa" / "two\nlines-de.csv").write_text("pert,gene,label,split\nA,B,3,train\n")
    assert "two lines-de.csv, line 2: label is not 0 or 1" in fails(workspace, "build", "--sources", str(sources))
