from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.errors import BuildError, ConfigError, SourceError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.graph_builders.build.build import build_graph, build_tables, write_current
from rbio_kg.graph_builders.build.manifest import Manifest, load_manifest, read_current, read_manifest
from rbio_kg.graph_builders.build.options import BuildOptions
from tests.support.locations import ROOT
from tests.support.source_files.provider_files import FORMS, LINKS, SMALL, file_of, write_sources


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_relationship_joins_nodes_and_names_its_source(sources: Path) -> None:
    tables, manifest = build_tables(sources, BuildOptions(min_score=0))
    keys = {node.label: set(tables[node.table][node.key]) for node in NODES}
    for relationship in RELATIONSHIPS:
        frame = tables[relationship.table]
        assert frame.height > 0, relationship.type
        assert set(frame["start"]) <= keys[relationship.start], relationship.type
        assert set(frame["end"]) <= keys[relationship.end], relationship.type
        assert set(frame["source"]) <= keys["Source"], relationship.type
        assert frame.select("start", "end", *relationship.unique_by).is_unique().all(), relationship.type
        assert manifest.relationships[relationship.type] == frame.height
    for node in NODES:
        assert tables[node.table][node.key].is_unique().all()
        assert manifest.nodes[node.label] == tables[node.table].height


def test_genes_are_those_that_something_names(sources: Path) -> None:
    tables, _ = build_tables(sources)
    assert tables["genes"]["symbol"].to_list() == ["AAA1", "BBB1", "CCC1", "DDD1"]
    (sources / "perturbqa" / "k562-de.csv").unlink()
    tables, _ = build_tables(sources)
    assert tables["genes"]["symbol"].to_list() == ["AAA1", "BBB1", "CCC1"]
    assert set(tables["names"]["symbol"]) == {"AAA1", "BBB1", "CCC1"}


def test_names_have_each_label_once(sources: Path) -> None:
    tables, manifest = build_tables(sources)
    assert tables["names"]["label"].is_unique().all()
    assert {"FORMERA", "OLDA", "103", "ENSP02", "HGNC:4"} <= set(tables["names"]["label"])
    assert "SHARED" not in set(tables["names"]["label"])
    assert manifest.names["ambiguous"] == {
        "count": 2,
        "first": [{"label": "P00009", "symbols": ["BBB1", "DDD1"]}, {"label": "SHARED", "symbols": ["AAA1", "BBB1"]}],
    }


def test_two_pathway_sources_stand_side_by_side(sources: Path) -> None:
    tables, _ = build_tables(sources)
    assert set(tables["pathways"]["source"]) == set(tables["memberships"]["source"]) == {"Reactome", "WikiPathways"}


def test_the_manifest_accounts_for_every_row(sources: Path) -> None:
    _, manifest = build_tables(sources)
    for source in manifest.sources:
        lost = manifest.unmapped.get(source.name, {"rows": 0})["rows"]
        assert source.rows_read == source.rows + source.rejected + sum(source.left_out.values()) + lost, source.name
        assert len(source.reasons) == min(source.rejected, 10)
        assert source.rows > 0
    assert manifest.rejected_rows == sum(source.rejected for source in manifest.sources)
    string = manifest.source("STRING")
    assert string is not None
    assert string.reasons[0] == {
        "file": "string/9606.protein.links.v12.0.txt",
        "line": 10,
        "why": "the protein is not in the info file",
    }
    goa = manifest.source("GOA")
    assert goa is not None
    assert goa.left_out["NOT annotations"] == 1
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_source_nodes_say_what_the_manifest_says(sources: Path) -> None:
    tables, manifest = build_tables(sources)
    rows = {row["name"]: row for row in tables["sources"].to_dicts()}
    for source in manifest.sources:
        assert {name: getattr(source, name) for name in rows[source.name]} == rows[source.name]


def test_simulated_labels_say_so_everywhere(sources: Path) -> None:
    file_of(sources / "perturbqa", '{"simulated": true, "model": "coin"}', "simulated.json")
    tables, manifest = build_tables(sources)
    assert manifest.simulated
    assert tables["questions"]["simulated"].all()
    assert set(tables["knockdowns"]["source"]) == {"simulated knockdowns"}
    assert tables["sources"].filter("simulated")["name"].to_list() == ["simulated knockdowns"]
    assert all(item["simulated"] for item in manifest.questions)


def test_no_test_row_reaches_a_relationship(sources: Path) -> None:
    tables, _ = build_tables(sources)
    test = tables["questions"].filter(split="test").select(pl.col("pert").alias("start"), pl.col("gene").alias("end"))
    assert tables["knockdowns"].join(test, on=["start", "end"], how="semi").is_empty()


def test_compression_changes_no_table(sources: Path, tmp_path: Path) -> None:
    plain, _ = build_tables(sources)
    for form in FORMS[1:]:
        packed, _ = build_tables(write_sources(tmp_path / form, form))
        for name in set(plain) - {"sources"}:
            assert packed[name].equals(plain[name]), name


def test_two_builds_give_the_same_bytes(sources: Path, paths: WorkspacePaths, tmp_path: Path) -> None:
    first = build_graph(paths, sources, SMALL)
    other = WorkspacePaths(tmp_path / "other")
    second = build_graph(other, shutil.copytree(sources, tmp_path / "copy"), SMALL)
    assert second == first
    for part in ("tables", "snapshot"):
        found = bytes_below(paths.build(first.build_id) / part)
        assert found == bytes_below(other.build(second.build_id) / part)
        assert found


def test_the_id_follows_inputs_and_options(sources: Path) -> None:
    identity = build_tables(sources)[1].build_id
    assert build_tables(sources, BuildOptions(min_score=500))[1].build_id != identity
    file_of(sources / "string", LINKS + "9606.ENSP01 9606.ENSP03 600\n", "9606.protein.links.v12.0.txt")
    assert build_tables(sources)[1].build_id != identity


def test_a_build_can_be_read_back(sources: Path, paths: WorkspacePaths) -> None:
    manifest = build_graph(paths, sources, SMALL)
    assert not manifest.reused
    assert read_manifest(paths) == manifest
    folder = paths.build(manifest.build_id)
    tables = GraphTables.read(folder / "tables")
    assert all(tables[name].equals(frame) for name, frame in build_tables(sources)[0].items())
    assert Snapshot.open(folder / "snapshot").build_id == manifest.build_id
    assert set(manifest.seconds) == {"read", "assemble", "snapshot"}
    assert read_current(paths).sources == str(sources)


def test_building_again_reuses_and_says_so(sources: Path, paths: WorkspacePaths) -> None:
    build_graph(paths, sources, SMALL)
    before = bytes_below(paths.graph / "builds")
    said: list[str] = []
    assert build_graph(paths, sources, SMALL, progress=lambda message, _: said.append(message)).reused
    assert any("nothing has changed" in message for message in said)
    assert not any("reading" in message for message in said)
    assert bytes_below(paths.graph / "builds") == before
    assert not build_graph(paths, sources, SMALL, fresh=True).reused


def test_progress_never_goes_back(sources: Path, paths: WorkspacePaths) -> None:
    shares: list[float | None] = []
    build_graph(paths, sources, SMALL, progress=lambda _, done: shares.append(done))
    numbers = [share for share in shares if share is not None]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 1.0


def test_the_store_is_remembered(sources: Path, paths: WorkspacePaths) -> None:
    identity = build_graph(paths, sources, SMALL).build_id
    assert read_current(paths).store is None
    write_current(paths, identity, sources, "bolt://localhost:7687")
    build_graph(paths, sources, replace(SMALL, min_score=500))
    assert read_current(paths).store == "bolt://localhost:7687"


def test_a_failing_build_leaves_the_old_one(sources: Path, paths: WorkspacePaths) -> None:
    manifest = build_graph(paths, sources, SMALL)
    before = bytes_below(paths.graph)
    file_of(sources / "string", "broken\n", "9606.protein.links.v12.0.txt")
    with pytest.raises(SourceError):
        build_graph(paths, sources, SMALL)
    assert bytes_below(paths.graph) == before
    assert read_manifest(paths) == manifest


KILLED = """
import os, signal, sys
from pathlib import Path
from rbio_kg.graph_builders.build.build import build_graph
from rbio_kg.graph_builders.build.options import BuildOptions
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.identity.rules import NameRules

def report(message, done):
    if message == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

options = BuildOptions(min_score=450, names=NameRules(most=1))
build_graph(WorkspacePaths(Path(sys.argv[1])), Path(sys.argv[2]), options, progress=report)
"""


@pytest.mark.parametrize("moment", ["writing the tables", "writing the snapshot"])
def test_a_killed_build_leaves_the_old_one_and_is_cleared_away(
    sources: Path, paths: WorkspacePaths, moment: str
) -> None:
    old = build_graph(paths, sources, SMALL)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(paths.root), str(sources), moment],
        check=False,
        cwd=ROOT,
        env=os.environ,
    )
    assert killed.returncode == -signal.SIGKILL
    assert read_manifest(paths) == old
    assert [path.name for path in (paths.graph / "builds").iterdir() if not path.name.startswith(".")] == [old.build_id]
    new = build_graph(paths, sources, replace(SMALL, min_score=450))
    assert read_manifest(paths) == new
    assert {path.name for path in (paths.graph / "builds").iterdir()} == {old.build_id, new.build_id}


def test_an_incomplete_folder_is_built_anew(sources: Path, paths: WorkspacePaths) -> None:
    identity = build_graph(paths, sources, SMALL).build_id
    (paths.build(identity) / "manifest.json").write_text("{")
    with pytest.raises(BuildError, match="cannot be read"):
        read_manifest(paths)
    assert not build_graph(paths, sources, SMALL).reused
    assert read_manifest(paths).build_id == identity


def test_a_place_that_cannot_be_written(sources: Path, tmp_path: Path) -> None:
    file_of(tmp_path, "a file, not a folder", "workspace")
    with pytest.raises(BuildError, match="the build cannot be written"):
        build_graph(WorkspacePaths(tmp_path / "workspace"), sources)


def test_nothing_built_yet(paths: WorkspacePaths) -> None:
    with pytest.raises(BuildError, match="no graph has been built"):
        read_manifest(paths)
    write_current(paths, "0123456789abcdef", Path("/nowhere"))
    with pytest.raises(BuildError, match="there is no finished build"):
        read_manifest(paths)
    paths.current_build.write_text("[]")
    with pytest.raises(BuildError, match="the note of the current build is damaged"):
        read_manifest(paths)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 0}', '{"format": 1}', '{"format": 1, "sources": 3}', "\n"])
def test_damaged_manifests(tmp_path: Path, content: str) -> None:
    path = file_of(tmp_path, content, "manifest.json")
    with pytest.raises(BuildError, match=r"manifest\.json"):
        load_manifest(path)


@pytest.mark.parametrize("score", [-1, 1001])
def test_min_score_out_of_range(sources: Path, score: int) -> None:
    with pytest.raises(ConfigError, match="min_score"):
        build_tables(sources, BuildOptions(min_score=score))
