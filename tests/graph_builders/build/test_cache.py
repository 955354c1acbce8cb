"""The cache of parsed sources: only what changed is parsed again, and the cache returns what was parsed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph_builders.build import cache as parsed_sources
from rbio_kg.graph_builders.build.build import UNMAPPED, build_graph, build_tables
from rbio_kg.graph_builders.sources.register import REGISTER
from tests.support.source_files.provider_files import GAF, HGNC, LINKS, OBO, SMALL, file_of

LINK_FILE = "9606.protein.links.v12.0.txt"


def read_again(paths: WorkspacePaths, sources: Path, min_score: int = 400) -> set[str]:
    """The sources that a build reads; its tables must be those of a build that keeps nothing."""
    chosen = replace(SMALL, min_score=min_score)
    manifest = build_graph(paths, sources, chosen)
    alone, other = build_tables(sources, chosen)
    assert manifest == other
    kept = GraphTables.read(paths.build(manifest.build_id) / "tables")
    assert all(kept[name].equals(frame) for name, frame in alone.items())
    return {entry.name for entry in REGISTER} - set(manifest.kept) - set(manifest.absent)


def test_only_what_changed_is_read_again(sources: Path, paths: WorkspacePaths) -> None:
    every = read_again(paths, sources)
    assert {"HGNC", "GO", "GOA", "STRING"} <= every
    file_of(sources / "string", LINKS + "9606.ENSP01 9606.ENSP03 600\n", LINK_FILE)
    assert read_again(paths, sources) == {"STRING"}
    file_of(sources / "go", GAF.rstrip("\n").rpartition("\n")[0] + "\n", "goa_human.gaf")
    assert read_again(paths, sources) == {"GOA"}
    # Terms lead annotations, names lead everything that names a gene; GO itself names none.
    file_of(sources / "go", OBO.replace("name: side", "name: other side"), "go-basic.obo")
    assert read_again(paths, sources) == {"GO", "GOA"}
    file_of(sources / "hgnc", HGNC.replace("FORMERA", "EARLIER"), "hgnc_complete_set.txt")
    assert read_again(paths, sources) == every - {"GO"}


def test_cell_lines_lead_expression(sources: Path, paths: WorkspacePaths) -> None:
    read_again(paths, sources)
    (sources / "perturbqa/k562-dir.csv").rename(sources / "perturbqa/a-431-dir.csv")
    assert read_again(paths, sources) == {"PerturbQA", "HPA"}


def test_an_option_is_a_reason_for_those_that_look_at_it(sources: Path, paths: WorkspacePaths) -> None:
    read_again(paths, sources)
    assert read_again(paths, sources, min_score=500) == {"STRING"}


def test_other_readers_read_again(sources: Path, paths: WorkspacePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    every = read_again(paths, sources)
    monkeypatch.setattr(parsed_sources, "_code", lambda: "another release")
    shutil.rmtree(paths.graph / "builds")
    assert read_again(paths, sources) == every


@pytest.mark.parametrize("damage", ["cut", "gone", "note"])
def test_a_damaged_reading_is_read_again(sources: Path, paths: WorkspacePaths, damage: str) -> None:
    read_again(paths, sources)
    place = paths.parsed_sources / "STRING"
    table = place / "table.interactions.parquet"
    if damage == "cut":
        table.write_bytes(table.read_bytes()[:50])
    elif damage == "gone":
        table.unlink()
    else:
        (place / "parsed.json").write_text("{}")
    shutil.rmtree(paths.graph / "builds")
    assert read_again(paths, sources) == {"STRING"}


def test_a_source_that_is_gone_keeps_no_reading(sources: Path, paths: WorkspacePaths) -> None:
    read_again(paths, sources)
    shutil.rmtree(sources / "reactome")
    assert read_again(paths, sources) == set()
    assert not (paths.parsed_sources / "Reactome").exists()
    assert (paths.parsed_sources / "STRING").is_dir()


def test_what_names_no_gene_is_listed_in_full(sources: Path, paths: WorkspacePaths) -> None:
    file_of(sources / "reactome", "Strange\tR-HSA-9\tAAA1\tSHARED\tNOBODY\n", "ReactomePathways.gmt")
    manifest = build_graph(paths, sources, SMALL)
    rows = [line.split("\t") for line in (paths.build(manifest.build_id) / UNMAPPED).read_text().splitlines()]
    assert rows[0] == ["source", "label", "rows", "kind", "genes"]
    assert ["Reactome", "NOBODY", "1", "unknown", ""] in rows
    assert ["Reactome", "SHARED", "1", "ambiguous", "AAA1,BBB1"] in rows
    assert len(rows) - 1 == sum(len(item["first"]) for item in manifest.unmapped.values())
