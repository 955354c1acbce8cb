"""What changed between two builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rbio_kg.core.errors import BuildError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.schema.schema import RELATIONSHIPS
from rbio_kg.graph_builders.build.build import build_graph, build_tables
from rbio_kg.graph_builders.build.comparison import compare_builds, find_build
from rbio_kg.graph_builders.build.options import BuildOptions
from tests.support.source_files.provider_files import LINKS, OBO, SMALL, file_of


def test_terms_and_interactions_gained_and_lost(sources: Path, paths: WorkspacePaths) -> None:
    old = build_graph(paths, sources, replace(SMALL, min_score=0))
    before, _ = build_tables(sources, BuildOptions(min_score=0))
    lost = before["interactions"].row(0, named=True)
    renamed = OBO.replace("name: side", "name: other side").replace("releases/2024-03-04", "releases/2024-05-06")
    file_of(sources / "go", renamed, "go-basic.obo")
    file_of(sources / "string", LINKS + "9606.ENSP01 9606.ENSP03 977\n", "9606.protein.links.v12.0.txt")
    new = build_graph(paths, sources, replace(SMALL, min_score=lost["score"] + 1))
    after, _ = build_tables(sources, BuildOptions(min_score=lost["score"] + 1))

    found = compare_builds(paths.build(old.build_id), paths.build(new.build_id))
    assert (found["old"], found["new"]) == (old.build_id, new.build_id)
    assert found["sources"]["GO"]["old"]["date"] == "2024-03-04"
    assert found["sources"]["GO"]["new"]["date"] == "2024-05-06"
    assert "HGNC" not in found["sources"]
    terms = found["changes"]["GoTerm"]
    assert [terms[how]["count"] for how in ("added", "removed", "changed")] == [0, 0, 1]
    assert terms["changed"]["first"] == ["GO:0000004 (other side): name side -> other side"]
    pairs = found["changes"]["INTERACTS_WITH"]
    keys = [set(frame["interactions"].select("start", "end").rows()) for frame in (before, after)]
    assert pairs["removed"]["count"] == len(keys[0] - keys[1]) > 0
    assert pairs["added"]["count"] == len(keys[1] - keys[0])
    assert f"{lost['start']} - {lost['end']}" in pairs["removed"]["first"]
    assert set(found["changes"]) <= {"GoTerm", "INTERACTS_WITH", "Source", "Gene"}
    assert compare_builds(paths.build(new.build_id), paths.build(new.build_id))["changes"] == {}


def test_the_first_of_many_are_named(sources: Path, paths: WorkspacePaths) -> None:
    full = build_graph(paths, sources, replace(SMALL, min_score=0))
    file_of(sources / "go", "", "go-basic.obo").unlink()
    file_of(sources / "go", OBO.replace("GO:0000004", "GO:0000044"), "go-basic.obo")
    other = build_graph(paths, sources, replace(SMALL, min_score=0))
    changes = compare_builds(paths.build(full.build_id), paths.build(other.build_id))["changes"]
    assert changes["GoTerm"]["added"]["first"] == ["GO:0000044 (side)"]
    assert changes["GoTerm"]["removed"]["first"] == ["GO:0000004 (side)"]
    assert {item.type for item in RELATIONSHIPS if item.type in changes} >= {"IS_A"}


def test_builds_are_found_by_name(sources: Path, paths: WorkspacePaths) -> None:
    manifest = build_graph(paths, sources, SMALL)
    folder = paths.build(manifest.build_id)
    for name in (manifest.build_id, manifest.build_id[:5], str(folder), str(paths.root)):
        assert find_build(paths, name) == folder
    build_graph(paths, sources, replace(SMALL, min_score=500))
    with pytest.raises(BuildError, match=r"there is no build 'zz'.*known: .*or give a build's folder"):
        find_build(paths, "zz")
    with pytest.raises(BuildError, match="no build ''"):
        find_build(paths, "")
