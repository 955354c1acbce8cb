"""A build that is killed between loading the store and using the new build; and stores of other builds."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rbio_kg.graph.loading.loader as loader
import rbio_kg.graph_builders.build.build as builder
from rbio_kg.cli.app import app
from rbio_kg.core.errors import StaleWarning, StoreError
from rbio_kg.graph.store.embedded import EmbeddedServer
from rbio_kg.graph_builders.build.build import build_graph
from rbio_kg.graph_builders.build.options import BuildOptions
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.crashes import part_of_sample
from tests.support.locations import ROOT

pytestmark = pytest.mark.timeout(1200)

MARK = "MATCH (b:Build) RETURN b.id AS id"
NEW = 950
"""The STRING score of the second build."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return part_of_sample(tmp_path_factory.mktemp("sources") / "sources")


@pytest.fixture(scope="module")
def original(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("original") / "workspace"
    invoke(root, "build", "--sources", str(sources))
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Iterator[Path]:
    root = Path(shutil.copytree(original, tmp_path / "workspace"))
    with Workspace(root).open_store():  # One server for all commands, as while a person works with the graph.
        yield root


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _replaced_and_dead(self: EmbeddedServer, new: Path) -> None:
    current = self.path / "databases" / "kg"
    self._command("close database kg")
    shutil.rmtree(current)
    new.rename(current)
    self._command("open database kg")
    _die()


LOADED = "the store is loaded, and not yet used"
PLACES: dict[str, tuple[Any, str, Any]] = {
    # name: (module or class, attribute that is reached at this moment, what happens there)
    "before the load": (loader, "load_store", _die),
    "the store is replaced, and not yet noted": (EmbeddedServer, "replace_database", _replaced_and_dead),
    LOADED: (builder, "use_next", _die),
}
HELD = {"before the load": "old"}


def build_and_die(root: Path, place: str) -> None:
    """Build, and die by SIGKILL at exactly this place."""
    target, attribute, action = PLACES[place]
    setattr(target, attribute, action)
    loader.SMALL_SHARE = -1.0  # a complete load, which replaces the database
    CliRunner().invoke(app, ["build", "--min-score", str(NEW), "--workspace", str(root)])


def killed(root: Path, place: str) -> None:
    """Build in a process of its own that dies at exactly this place."""
    code = f"import pathlib, {__name__} as this; this.build_and_die(pathlib.Path({str(root)!r}), {place!r})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=False, timeout=300)
    assert ended.returncode == -signal.SIGKILL


def used(root: Path) -> str:
    """The build of `explain`."""
    with Workspace(root) as workspace:
        return workspace.snapshot.build_id


@pytest.mark.parametrize(
    ("place", "first"),
    [
        ("before the load", "explain"),
        ("the store is replaced, and not yet noted", "explain"),
        (LOADED, "explain"),
        (LOADED, "query"),
    ],
)
def test_the_next_command_heals(root: Path, place: str, first: str) -> None:
    with Workspace(root) as workspace:
        old = workspace.build_id
    killed(root, place)
    assert (root / "graph" / "next.json").is_file()
    assert used(root) == old
    commands = {"query": ["query", MARK], "explain": ["explain", "TP53", "MDM2"]}
    done = CliRunner().invoke(app, [*commands[first], "--workspace", str(root)])
    assert done.exit_code == 0, done.stderr
    assert ("an interrupted build had loaded the store" in done.stderr) is (HELD.get(place) != "old")
    # From here on every command speaks of one graph.
    assert not (root / "graph" / "next.json").exists()
    (row,) = invoke(root, "query", MARK)
    assert row["id"] == used(root)
    assert (row["id"] == old) is (HELD.get(place) == "old")
    assert invoke(root, "stats")["agrees"] is True
    again = invoke(root, "build", "--min-score", str(NEW))
    assert again["reused"]["tables"] is True
    assert invoke(root, "query", MARK)[0]["id"] == again["build_id"] == used(root)
    assert not (root / "graph" / "next.json").exists()


def test_python_refuses_until_it_is_healed(root: Path) -> None:
    killed(root, LOADED)
    with Workspace(root) as workspace, pytest.raises(StoreError, match=r"the store holds build .* but the workspace"):
        workspace.query(MARK)
    assert (root / "graph" / "next.json").is_file()  # a property writes nothing


@pytest.fixture
def apart(root: Path, sources: Path) -> Path:
    """A workspace whose store holds another build than the one in use, as after a build into files."""
    build_graph(Workspace(root).paths, sources, BuildOptions(min_score=NEW))
    return root


READERS = {
    "query": ["query", MARK],
    "named query": ["query", "--named", "gene", "--param", "symbol=TP53"],
    "query --write": ["query", "--write", "CREATE (x:X) RETURN 1 AS one"],
    "query --out": ["query", MARK, "--out", "{out}/rows.csv"],
}


@pytest.mark.parametrize("what", READERS)
def test_a_store_of_another_build_is_refused(apart: Path, tmp_path: Path, what: str) -> None:
    line = fails(apart, *(word.format(out=tmp_path) for word in READERS[what]))
    assert "the store holds build" in line
    assert f"rbio-kg build --min-score {NEW} --workspace {apart}" in line
    assert not list(tmp_path.glob("rows*"))


def test_the_printed_command_loads_it(apart: Path) -> None:
    line = fails(apart, "query", MARK)
    words = line.split("run rbio-kg ", 1)[1].split(" to load it")[0].split()
    assert CliRunner().invoke(app, words).exit_code == 0
    assert invoke(apart, "query", MARK)[0]["id"] == used(apart)


def test_stale_stores_are_marked(apart: Path) -> None:
    result = CliRunner().invoke(app, ["query", MARK, "--allow-stale", "--workspace", str(apart), "--json"])
    assert result.exit_code == 0
    assert used(apart) not in result.stdout
    assert "stale: the store holds build" in result.stderr
    with Workspace(apart, allow_stale=True) as workspace:
        with pytest.warns(StaleWarning, match="the store holds build"):
            rows = workspace.query(MARK)
        assert rows.height == 1 and set(workspace.stale) == {"store"}
    assert invoke(apart, "stats")["agrees"] is False
