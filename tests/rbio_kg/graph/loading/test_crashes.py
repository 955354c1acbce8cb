"""Builds that are killed, that meet a full disk, or that meet each other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rbio_kg.graph.loading.digest import store_digest
from rbio_kg.graph.store.store import GraphStore
from tests.support.crashes import KILLS, PROGRAM, Builder, Graph, killed_at_random, killed_at_stages, three_graphs

pytestmark = pytest.mark.timeout(2400)

STAGES = ("reading STRING", "assembling", "writing the tables", "writing the snapshot", "store: ")
"""Where builds are killed in every run of the fast tests."""


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> list[Graph]:
    return three_graphs(tmp_path_factory.mktemp("graphs"))


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Builder]:
    builder = Builder(tmp_path / "workspace", f"embedded:{tmp_path / 'workspace' / 'graph' / 'store'}")
    with GraphStore.open(builder.store):  # Its server runs on, as while a person works with the graph.
        yield builder


@pytest.mark.always
def test_killed_at_named_stages(embedded: Builder, graphs: list[Graph]) -> None:
    seen = killed_at_stages(embedded, graphs, STAGES)
    assert set(seen.values()) <= {"before", "incomplete"}
    assert seen[STAGES[0]] == "before"


@pytest.mark.crash
def test_killed_at_random_moments(embedded: Builder, graphs: list[Graph]) -> None:
    seen = killed_at_random(embedded, graphs, KILLS, seed=1)
    assert seen["before"] > 0 and sum(seen.values()) == KILLS


@pytest.mark.crash
def test_two_builds_at_once(embedded: Builder, graphs: list[Graph]) -> None:
    first, second = embedded.start(graphs[0]), embedded.start(graphs[2])
    said = [process.communicate() for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert sum("another build is at work (process " in err for _, err in said) == 1
    with embedded.open() as store:
        graph = next(graph for graph in graphs if graph.build_id == store.check())
        assert store_digest(store) == graph.digest
    embedded.nothing_is_left_over()


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


@pytest.mark.crash
def test_a_full_disk(small_disk: Path, graphs: list[Graph]) -> None:
    workspace = small_disk / "workspace"
    builder = Builder(workspace, f"embedded:{workspace / 'graph' / 'store'}")
    assert builder.run(graphs[0])
    filler = small_disk / "filler"
    failures = 0
    for turn, space in enumerate((0, 300_000, 2_000_000, 6_000_000, 14_000_000)):
        graph = graphs[2 - turn % 2]
        with builder.open():  # While a person works with the graph.
            free = os.statvfs(small_disk)
            filler.write_bytes(b"\0" * max(0, free.f_bavail * free.f_frsize - space))
            with builder.start(graph) as process:
                out, err = process.communicate()
            last = err.strip().splitlines()[-1]
            assert "Traceback" not in err
            if process.returncode:
                failures += 1
                assert (process.returncode, out) == (1, ""), err
                assert last.startswith("error: ") and "space" in last, err
        filler.unlink()
        assert builder.run(graph)
        with builder.open() as store:
            assert (store.check(), store_digest(store)) == (graph.build_id, graph.digest)
    assert failures >= 2
    builder.nothing_is_left_over()


@pytest.mark.crash
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
