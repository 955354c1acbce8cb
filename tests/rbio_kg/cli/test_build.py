"""The doors of `build`: what it reuses, what it leaves out, what it compares, and files instead of a store."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.source_files.provider_files import GAF, file_of, write_sources

BUILD = ("build", "--max-unrecognised", "1")
"""These sources have few rows, and one of each names no gene."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """A workspace, its sources, and its first build."""
    folder = tmp_path_factory.mktemp("builds")
    sources = write_sources(folder / "sources")
    return folder / "workspace", sources, invoke(folder / "workspace", *BUILD, "--sources", str(sources))


def test_a_second_build_says_what_it_kept(begun: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, sources, first = begun
    assert (first["reused"], first["readings_kept"], first["updated"]) == ({"tables": False, "store": False}, [], None)
    again = invoke(workspace, *BUILD)
    assert again["reused"] == {"tables": True, "store": True}
    other = shutil.copytree(sources, tmp_path / "sources")
    lines = GAF.splitlines(keepends=True)
    first_row = next(number for number, line in enumerate(lines) if not line.startswith("!"))
    file_of(other / "go", "".join([*lines[:first_row], *lines[first_row + 1 :]]), "goa_human.gaf")
    changed = invoke(workspace, *BUILD, "--sources", str(other), "--diff", first["build_id"][:6])
    assert {"HGNC", "GO", "STRING"} <= set(changed["readings_kept"])
    assert "GOA" not in changed["readings_kept"]
    difference = changed["diff"]
    assert (difference["old"], difference["new"]) == (first["build_id"], changed["build_id"])
    assert set(difference["sources"]) == {"GOA"}
    lost = first["relationships"]["ANNOTATED_WITH"] - changed["relationships"]["ANNOTATED_WITH"]
    counts = difference["changes"]["ANNOTATED_WITH"]
    assert counts["removed"]["count"] - counts["added"]["count"] == lost
    assert invoke(workspace, "stats", "--digest")["agrees"] is True
    shown = CliRunner().invoke(
        app, [*BUILD, "--diff", first["build_id"], "--workspace", str(workspace), "--sources", str(other)]
    )
    assert "ANNOTATED_WITH" in shown.stdout
    assert f"from build {first['build_id']} to build {changed['build_id']}" in shown.stdout
    invoke(workspace, *BUILD, "--sources", str(sources))


def test_losses_are_reported(begun: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    _, sources, first = begun
    assert first["rejected_rows"] > 0
    assert first["unrecognised"]["CollecTRI"] == {"unknown": 1}
    reported = first["unmapped"]["CollecTRI"]
    assert (reported["rows"], reported["share"], reported["first"][0]["label"]) == (1, 0.142857, "AP1")
    assert first["unclaimed_files"] == []
    other = shutil.copytree(sources, tmp_path / "sources")
    file_of(other / "collectri", "x", "notes.xlsx")
    place = ["--workspace", str(tmp_path / "w"), "--sources", str(other), "--neo4j-admin", str(tmp_path / "files")]
    shown = CliRunner().invoke(app, [*BUILD, *place])
    assert "warning: CollecTRI: 1 of 7 rows (14.3%) name no gene (1 lost): 'AP1' (1 row)" in shown.stderr
    assert "PerturbQA: 1 of 7 rows (14.3%) name no gene (1 kept under the name as it is): 'NOGENE'" in shown.stderr
    assert "files that no source takes: collectri/notes.xlsx" in shown.stdout
    as_json = CliRunner().invoke(app, [*BUILD, *place[:-2], "--json"])
    assert "warning: CollecTRI: 1 of 7 rows" in as_json.stderr
    assert json.loads(as_json.stdout)["unclaimed_files"] == ["collectri/notes.xlsx"]
    error = fails(tmp_path / "w", "build", "--sources", str(other))
    assert "more than 20% is too much" in error
    assert "--max-unrecognised" in error


def test_an_unknown_build_is_reported_before_anything_is_built(begun: tuple[Path, Path, dict[str, Any]]) -> None:
    workspace, _, first = begun
    error = fails(workspace, "build", "--diff", "nothing")
    assert "there is no build 'nothing'; known: " in error
    assert first["build_id"] in error


def test_what_is_left_out(begun: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    _, sources, first = begun
    commercial = invoke(tmp_path / "w", *BUILD, "--sources", str(sources), "--commercial-only")
    assert commercial["build_id"] != first["build_id"]
    assert first["relationships"]["REGULATES"] > 0
    assert commercial["relationships"]["REGULATES"] == 0
    with Workspace(tmp_path / "w") as workspace:
        assert all(
            row["commercial"] for row in workspace.store.query("MATCH (s:Source) RETURN s.commercial AS commercial")
        )
    # The plain links file of these sources has no channels to recompute a score from.
    assert "9606.protein.links.full" in fails(tmp_path / "t", *BUILD, "--sources", str(sources), "--no-textmining")


def test_files_instead_of_a_store(begun: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    _, sources, first = begun
    workspace, folder = tmp_path / "w", tmp_path / "import"
    reported = invoke(workspace, *BUILD, "--sources", str(sources), "--neo4j-admin", str(folder))
    assert reported["build_id"] == first["build_id"]
    assert reported["nodes"] == first["nodes"]
    assert reported["command"].startswith("neo4j-admin database import full")
    assert reported["files"] == sorted(str(path) for path in folder.iterdir())
    assert not (workspace / "graph" / "store").exists()
    both = ["build", "--neo4j-admin", str(folder), "--store", "bolt://x", "--workspace", str(workspace)]
    assert CliRunner().invoke(app, both).exit_code == 2


def test_readers_of_half_a_graph_are_reported(begun: tuple[Path, Path, dict[str, Any]]) -> None:
    workspace, _, first = begun
    with Workspace(workspace) as opened:
        store = opened.open_store(read_only=False)
        store.write("MATCH (b:Build) SET b.complete = false")
        try:
            for command in (["stats"], ["query", "RETURN 1"], ["query", "--named", "sources"]):
                assert "the graph in the store is incomplete" in fails(workspace, *command)
        finally:
            store.write("MATCH (b:Build) SET b.complete = true")
            store.close()
    assert invoke(workspace, "stats")["build_id"] == first["build_id"]
