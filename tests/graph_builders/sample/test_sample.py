from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import rbio_kg.graph_builders.sample
from rbio_kg.core.errors import SourceError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph_builders.build.build import build_tables
from rbio_kg.graph_builders.build.manifest import Manifest
from rbio_kg.graph_builders.sample.sample import sample_directory, sample_info
from tests.support.locations import ROOT


@pytest.fixture(scope="module")
def built() -> tuple[GraphTables, Manifest]:
    return build_tables(sample_directory())


def test_it_is_small_and_says_what_it_is() -> None:
    info = sample_info()
    assert info.directory == sample_directory()
    assert info.size < 1_000_000
    assert "SIMULATED" in info.what
    assert info.simulated == ("PerturbQA",)
    notes = info.notes.read_text(encoding="utf-8")
    files = [path for path in info.directory.rglob("*") if path.is_file() and path != info.notes]
    assert len(files) == 11
    for path in files:
        assert path.parent.name in notes
    for licence in ("CC BY 4.0", "CC0 1.0"):
        assert licence in notes


def test_a_missing_sample_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rbio_kg.graph_builders.sample.sample, "files", lambda package: tmp_path)
    with pytest.raises(SourceError, match="not in this installation"):
        sample_directory()


def test_every_row_is_read(built: tuple[GraphTables, Manifest]) -> None:
    _, manifest = built
    assert [source.name for source in manifest.sources][:5] == ["HGNC", "GO", "GOA", "STRING", "WikiPathways"]
    for source in manifest.sources:
        assert source.rows > 0
        assert (source.rejected, list(source.reasons)) == (0, [])


def test_nothing_is_lost_between_the_sources(built: tuple[GraphTables, Manifest]) -> None:
    tables, _ = built
    assert 300 <= tables["genes"].height <= 600
    genes = set(tables["genes"]["symbol"])
    interacting = set(tables["interactions"]["start"]) | set(tables["interactions"]["end"])
    assert interacting == genes
    assert set(tables["annotations"]["start"]) <= genes
    assert tables["memberships"]["end"].n_unique() == tables["pathways"].height == 14
    assert tables["interactions"]["score"].min() > 900  # type: ignore[operator]
    # Every term is annotated or above an annotated one: all three roots are there, and nothing points outside.
    terms = set(tables["terms"]["id"])
    assert {"GO:0008150", "GO:0003674", "GO:0005575"} <= terms
    for name in ("is_a", "part_of", "regulates_term"):
        assert set(tables[name]["start"]) | set(tables[name]["end"]) <= terms


def test_it_hangs_together(built: tuple[GraphTables, Manifest]) -> None:
    pairs = built[0]["interactions"].select("start", "end")
    near: dict[str, set[str]] = {}
    for one, other in pairs.iter_rows():
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    reached, todo = set[str](), ["TP53"]
    while todo:
        gene = todo.pop()
        if gene not in reached:
            reached.add(gene)
            todo += near[gene]
    assert len(reached) > 0.95 * built[0]["genes"].height


def test_its_labels_are_simulated_wherever_they_go(built: tuple[GraphTables, Manifest]) -> None:
    tables, manifest = built
    assert tables["questions"]["simulated"].all()
    (source,) = [item for item in manifest.sources if item.simulated]
    assert tables["knockdowns"]["source"].unique().to_list() == [source.name]
    assert "simulated" in source.name
    marked = tables["sources"].filter(pl.col("simulated"))["name"].to_list()
    assert marked == [source.name]
    note = json.loads((sample_directory() / "perturbqa" / "simulated.json").read_text(encoding="utf-8"))
    assert note["simulated"] is True


def test_the_ontology_carries_no_definitions() -> None:
    text = gzip.decompress((sample_directory() / "go" / "go-basic.obo.gz").read_bytes()).decode()
    tags = {line.split(":")[0] for line in text.splitlines() if ": " in line}
    assert {"def", "comment", "synonym", "xref"}.isdisjoint(tags)


def test_gzip_headers_hold_no_time_and_no_name() -> None:
    for path in sample_directory().rglob("*.gz"):
        header = path.read_bytes()[:10]
        assert header[3:8] == bytes(5), path


@pytest.mark.recut
@pytest.mark.skipif(
    "RBIO_KG_RECUT_SAMPLE" not in os.environ,
    reason="cutting the sample again downloads 100 MB of packages: set RBIO_KG_RECUT_SAMPLE to a folder for them",
)
def test_cutting_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    script = [sys.executable, str(ROOT / "scripts" / "cut_sample.py"), "--out", str(tmp_path)]
    subprocess.run([*script, "--packages", os.environ["RBIO_KG_RECUT_SAMPLE"]], check=True)
    cut = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shipped = sample_directory()
    for name, content in cut.items():
        assert content == (shipped / name).read_bytes(), name
    assert set(cut) | {"SOURCES.md"} == {p.relative_to(shipped).as_posix() for p in shipped.rglob("*") if p.is_file()}
