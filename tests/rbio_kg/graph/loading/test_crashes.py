"""Builds that are killed, that meet a full disk, or that meet each other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rbio_kg.graph.loading.digest import store_digest
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import BUILD, small_tables
from tests.support.crashes import PROGRAM, Builder, Graph, killed_at_random, three_graphs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

KILLS = int(os.environ.get("RBIO_KG_KILLS", "50"))
"""Random moments at which a build is killed, on each server."""


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> list[Graph]:
    return three_graphs(tmp_path_factory.mktemp("graphs"))


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Builder]:
    builder = Builder(tmp_path / "workspace", f"embedded:{tmp_path / 'workspace' / 'graph' / 'store'}")
    with GraphStore.open(builder.store):  # Its server runs on, as while a person works with the graph.
        yield builder


@pytest.fixture
def neo4j(tmp_path: Path, neo4j_login: dict[str, str], neo4j_store: GraphStore) -> Iterator[Builder]:
    login = {"NEO4J_USERNAME": neo4j_login["username"], "NEO4J_PASSWORD": neo4j_login["password"]}
    yield Builder(tmp_path / "workspace", neo4j_login["uri"], login)
    load_store(neo4j_store, small_tables(), BUILD)  # As the other tests expect it.


def test_killed_at_random_moments_on_the_embedded_store(embedded: Builder, graphs: list[Graph]) -> None:
    seen = killed_at_random(embedded, graphs, KILLS, seed=1)
    assert seen["before"] > 0 and sum(seen.values()) == KILLS


@pytest.mark.neo4j
def test_killed_at_random_moments_on_neo4j(neo4j: Builder, graphs: list[Graph]) -> None:
    seen = killed_at_random(neo4j, graphs, KILLS, seed=2)
    assert seen["before"] > 0 and seen["incomplete"] > 0 and sum(seen.values()) == KILLS


def test_two_builds_at_once(embedded: Builder, graphs: list[Graph]) -> None:
    first, second = embedded.start(graphs[0]), embedded.start(graphs[2])
    said = [process.communicate() for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert sum("another build is at work (process " in err for _, err in said) == 1
    with embedded.open() as store:
        graph = next(graph for graph in graphs if graph.build_id == store.check())
        assert store_digest(store) == graph.digest
    embedded.nothing_is_left_over()


@pytest.mark.neo4j
def test_two_workspaces_and_one_neo4j(neo4j: Builder, graphs: list[Graph], tmp_path: Path) -> None:
    other = Builder(tmp_path / "other", neo4j.store, neo4j.login)
    processes = [neo4j.start(graphs[0]), other.start(graphs[2])]
    said = [process.communicate() for process in processes]
    codes = sorted(process.returncode for process in processes)
    # The slower one either came later or was told who was there.
    assert codes in ([0, 0], [0, 1]), said
    for process, (_, err) in zip(processes, said, strict=True):
        if process.returncode:
            assert "another load is at work (process " in err
    assert neo4j.run(graphs[1])
    with neo4j.open() as store:
        assert (store.check(), store_digest(store)) == (graphs[1].build_id, graphs[1].digest)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk(small_disk: Path, graphs: list[Graph]) -> None:
    workspace = small_disk / "workspace"
    builder = Builder(workspace, f"embedded:{workspace / 'graph' / 'store'}")
    assert builder.run(graphs[0])
    filler = small_disk / "filler"
    failures = 0
    for turn, room in enumerate((0, 300_000, 2_000_000, 6_000_000, 14_000_000)):
        graph = graphs[2 - turn % 2]
        with builder.open():  # While a person works with the graph.
            free = os.statvfs(small_disk)
            filler.write_bytes(b"\0" * max(0, free.f_bavail * free.f_frsize - room))
            with builder.start(graph) as process:
                out, err = process.communicate()
            last = err.strip().splitlines()[-1]
            assert "Traceback" not in err
            if process.returncode:
                failures += 1
                assert (process.returncode, out) == (1, ""), err
                assert last.startswith("error: ") and ("space" in last or "make room" in last), err
        filler.unlink()
        assert builder.run(graph)
        with builder.open() as store:
            assert (store.check(), store_digest(store)) == (graph.build_id, graph.digest)
    assert failures >= 2
    builder.nothing_is_left_over()


def test_building_again_opens_no_store(embedded: Builder, graphs: list[Graph]) -> None:
    assert embedded.run(graphs[0])
    graph = embedded.workspace / "graph"
    touched = {
        path: path.stat().st_mtime_ns for path in graph.rglob("*") if path.is_file() and "server" not in path.parts
    }
    done = subprocess.run(
        [*PROGRAM, "build", "--workspace", str(embedded.workspace)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "reused as they were: tables, store" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in touched} == touched
