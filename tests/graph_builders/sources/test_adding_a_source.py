"""docs/reference/sources.md shows how a source is added, and it works: one file, and one line in the register."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.locations import DOCS, ROOT
from tests.support.source_files.provider_files import file_of, write_sources

BUILD = """
import json, sys
from pathlib import Path
from rbio_kg.graph_builders.build.build import build_tables
tables, manifest = build_tables(Path(sys.argv[1]))
source = manifest.source("MSigDB hallmarks")
print(json.dumps({
    "sets": tables["gene_sets"].filter(source="MSigDB hallmarks").rows(),
    "members": tables["set_members"].filter(source="MSigDB hallmarks").select("start", "end").rows(),
    "licence": [source.licence, source.commercial, source.rows, source.rejected],
    "unmapped": manifest.unmapped["MSigDB hallmarks"]["rows"],
}))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package with what the docs say: the module, and its name as the last line of `MODULES`."""
    text = (DOCS / "reference" / "sources.md").read_text(encoding="utf-8").partition("## Adding a source")[2]
    name = re.search(r"`graph_builders/sources/(\w+)\.py`:\n", text)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert name is not None
    assert code is not None
    for folder in ("rbio_kg", "graph_builders", "verifiers", "training"):  # rbio_kg has links to the other three.
        copied = tmp_path / "copy" / folder
        shutil.copytree(ROOT / folder, copied, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    sources = tmp_path / "copy" / "graph_builders" / "sources"
    (sources / f"{name[1]}.py").write_text(code[1], encoding="utf-8")
    register = sources / "register.py"
    lines = register.read_text(encoding="utf-8").splitlines()
    lines.insert(lines.index(")"), f'    "{name[1]}",')
    register.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "copy"


def test_the_example_of_the_docs(package: Path, tmp_path: Path) -> None:
    sources = write_sources(tmp_path / "sources")
    (sources / "msigdb").mkdir()
    gmt = "HALLMARK_ONE\thttps://example.org\tAAA1\tFORMERC\tNOGENE\nHALLMARK_TWO\thttps://example.org\tBBB1\nbroken\n"
    file_of(sources / "msigdb", gmt, "h.all.v2023.2.Hs.symbols.gmt")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(sources)],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "sets": [
            ["msigdb:HALLMARK_ONE", "hallmark one", "hallmark", "MSigDB hallmarks"],
            ["msigdb:HALLMARK_TWO", "hallmark two", "hallmark", "MSigDB hallmarks"],
        ],
        "members": [
            ["AAA1", "msigdb:HALLMARK_ONE"],
            ["BBB1", "msigdb:HALLMARK_TWO"],
            ["CCC1", "msigdb:HALLMARK_ONE"],
        ],
        "licence": ["CC BY 4.0", True, 5, 1],
        "unmapped": 1,
    }
