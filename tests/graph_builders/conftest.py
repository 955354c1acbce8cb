"""What the builders' tests share: sources with rows made up for them, a workspace, and the real genes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph_builders.parsing.parsed import BuildContext
from rbio_kg.graph_builders.sources import hgnc
from tests.support.source_files.provider_files import files, write_sources


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A small sources directory in the providers' formats."""
    return write_sources(tmp_path / "sources")


@pytest.fixture
def paths(tmp_path: Path) -> WorkspacePaths:
    """A workspace that is empty."""
    return WorkspacePaths(tmp_path / "workspace")


@pytest.fixture(scope="session")
def real_genes(shared: Path) -> BuildContext:
    """What HGNC's own file settles."""
    names = hgnc.read(files("genes", shared / "sources" / "hgnc" / "hgnc_complete_set.txt.gz"), BuildContext()).names
    return BuildContext(names=names)
