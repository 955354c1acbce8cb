"""Workspaces that are copied, moved, archived, mounted to read only, or missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph_builders.build.manifest import read_current, write_current
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.crashes import part_of_sample

pytestmark = pytest.mark.timeout(1200)

COUNT = "MATCH (g:Gene) RETURN count(g) AS n"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("original") / "A"
    sources = part_of_sample(tmp_path_factory.mktemp("sources") / "sources")
    invoke(root, "build", "--sources", str(sources))
    return root


@pytest.fixture
def first(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "A")


def files_below(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def texts_below(folder: Path) -> str:
    """The texts that a workspace records: notes and manifests, not the server's own files."""
    return "\n".join(path.read_text() for path in sorted(folder.rglob("*.json")) if "server" not in path.parts)


def test_no_file_of_a_build_names_the_workspace(original: Path) -> None:
    assert str(original) not in texts_below(original)
    assert json.loads((original / "graph" / "current.json").read_text())["store"] is None


def test_a_copy_has_a_store_of_its_own(first: Path) -> None:
    second = Path(shutil.copytree(first, first.with_name("B")))
    before = files_below(first)
    invoke(second, "query", "--write", "CREATE (x:Mine {name: 'B'}) RETURN x.name")
    invoke(second, "build", "--min-score", "950")
    assert invoke(second, "stats")["agrees"] is True
    assert files_below(first) == before
    assert invoke(first, "stats")["agrees"] is True
    assert invoke(first, "query", "MATCH (x:Mine) RETURN x") == []


@pytest.mark.parametrize("way", ["move", "archive", "link"])
def test_a_moved_workspace_keeps_its_store(first: Path, way: str) -> None:
    place = first.parent / "elsewhere" / "C"
    place.parent.mkdir()
    if way == "move":
        first.rename(place)
    elif way == "archive":
        with tarfile.open(first.parent / "a.tar", "w") as archive:
            archive.add(first, arcname="C")
        shutil.rmtree(first)
        with tarfile.open(first.parent / "a.tar") as archive:
            archive.extractall(place.parent, filter="data")
    else:
        place.symlink_to(first, target_is_directory=True)
    assert invoke(place, "query", COUNT)[0]["n"] > 0
    assert invoke(place, "build")["reused"] == {"tables": True, "store": True}
    assert invoke(place, "stats")["agrees"] is True
    if way != "link":
        assert not first.exists()


@pytest.mark.parametrize("gone", [True, False])
def test_a_former_note_with_an_absolute_path_heals(first: Path, gone: bool) -> None:
    second = Path(shutil.copytree(first, first.with_name("B")))
    note = json.loads((second / "graph" / "current.json").read_text())
    old = {"build_id": note["build_id"], "sources": note["sources"], "store": f"embedded:{first / 'graph' / 'store'}"}
    (second / "graph" / "current.json").write_text(json.dumps(old))
    if gone:
        shutil.rmtree(first)
    with Workspace(second) as workspace:
        assert workspace.store_uri == f"embedded:{second / 'graph' / 'store'}"
        assert workspace.query(COUNT)["n"][0] > 0
    assert first.exists() is not gone
    invoke(second, "build")
    assert json.loads((second / "graph" / "current.json").read_text())["store"] is None


STORES = {
    "{root}/graph/store": "embedded:{root}/graph/store",
    "{root}/graph/../graph/store": "embedded:{root}/graph/store",
    "{root}/other": "embedded:{root}/other",
    "{root}/deep/er/place": "embedded:{root}/deep/er/place",
    "{elsewhere}/db": "embedded:{elsewhere}/db",
    "{elsewhere}/graph/store": "embedded:{elsewhere}/graph/store",
}


@pytest.mark.parametrize("given", STORES)
@pytest.mark.parametrize("moved", [False, True])
def test_stores_inside_the_workspace_travel_and_others_stay(tmp_path: Path, given: str, moved: bool) -> None:
    paths, elsewhere = WorkspacePaths(tmp_path / "A"), tmp_path / "data"
    write_current(paths, "0" * 16, paths.sources, "embedded:" + given.format(root=paths.root, elsewhere=elsewhere))
    if moved:
        paths.root.rename(tmp_path / "B")
        paths = WorkspacePaths(tmp_path / "B")
    current = read_current(paths)
    wanted = STORES[given].format(root=paths.root, elsewhere=elsewhere)
    assert (current.store or paths.default_store) == wanted
    assert current.sources == str(paths.sources)


@pytest.mark.parametrize("address", ["bolt://graph.example:7687", "neo4j+s://x"])
def test_servers_are_recorded_as_they_are(tmp_path: Path, address: str) -> None:
    paths = WorkspacePaths(tmp_path)
    write_current(paths, "0" * 16, Path("/data/sources"), address)
    assert read_current(paths).store == address


@pytest.mark.parametrize("name", ["store", "sources"])
def test_paths_in_the_settings_file_are_relative_to_the_workspace(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "rbio-kg.toml").write_text('store = "embedded:db"\nsources = "../data"\n')
    workspace = Workspace(tmp_path)
    found = {"store": workspace.store_uri, "sources": str(workspace.sources)}
    assert found[name] == {"store": f"embedded:{tmp_path}/db", "sources": f"{tmp_path}/../data"}[name]


READING = {
    "query": ["query", "RETURN 1 AS x"],
    "query to a file": ["query", "RETURN 1 AS x", "--out", "rows.csv"],
    "query --write": ["query", "--write", "CREATE (x:X) RETURN 1 AS x"],
    "query --named": ["query", "--named", "gene", "--param", "symbol=TP53"],
    "stats": ["stats"],
    "explain": ["explain", "TP53", "MDM2"],
    "check": ["check", "MDM2 binds TP53."],
    "verifiers list": ["verifiers", "list"],
    "verifiers card": ["verifiers", "card", "graph_path"],
    "verifiers check": ["verifiers", "check", "graph_path"],
    "rewards check": ["rewards", "check"],
    "ask": ["ask", "--pert", "TP53", "--gene", "MDM2"],
    "report": ["report", "first"],
    "evidence": ["evidence", "load", "first"],
    "export-model": ["export-model", "first", "--out", "model"],
    "graphml": ["export", "--graphml", "graph.graphml"],
    "train policy": ["train", "policy", "--dry-run"],
    "train expression": ["train", "expression"],
    "evaluate policy": ["evaluate", "policy", "first"],
}


@pytest.mark.parametrize("what", READING)
def test_reading_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, READING[what])
    assert result.exit_code == 1, result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "rbio-kg" in last or "there is no run called" in last
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["query", "RETURN 1 AS x"], ["query", "--write", "CREATE (x:X)"], ["stats"]])
def test_a_store_that_is_missing_is_not_made(original: Path, tmp_path: Path, command: list[str]) -> None:
    place = tmp_path / "nowhere" / "db"
    line = fails(original, *command, "--store", f"embedded:{place}")
    assert "rbio-kg build" in line and str(place) in line
    assert not place.parent.exists()


@pytest.fixture
def frozen(original: Path, tmp_path: Path) -> Iterator[Path]:
    """The workspace, mounted to read only."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = tmp_path / "frozen"
    place.mkdir()
    subprocess.run(["mount", "--bind", str(original), str(place)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_workspace_that_cannot_be_written(frozen: Path, tmp_path: Path) -> None:
    claims = tmp_path / "claims.csv"
    claims.write_text("subject,relation,object,cell_line\nTP53,interacts_with,MDM2,\n")
    assert invoke(frozen, "explain", "TP53", "MDM2", "--relation", "interacts_with")["composed"] is not None
    assert invoke(frozen, "score", str(claims), "--verifier", "graph_path")["rows"] == 1
    assert invoke(frozen, "check", "MDM2 binds TP53.")["statements"]
    assert invoke(frozen, "verifiers", "list")["verifiers"]
    for command in (["query", COUNT], ["stats"], ["build", "--min-score", "900"]):
        line = fails(frozen, *command)
        assert "ead-only" in line and "Traceback" not in line
