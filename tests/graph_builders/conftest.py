from __future__ import annotations

from pathlib import Path

import pytest

from graph_builders import hgnc
from graph_builders.reading import BuildContext
from tests.graph_builders.provider_files import files


@pytest.fixture(scope="session")
def real_genes(shared: Path) -> BuildContext:
    """What HGNC's own file settles."""
    names = hgnc.read(files("genes", shared / "sources" / "hgnc" / "hgnc_complete_set.txt.gz"), BuildContext()).names
    return BuildContext(names=names)
