"""Updates by difference, on both servers, and what a process that died in the middle of one leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading.kept_evidence import keep_evidence, restore_evidence
from rbio_kg.graph.loading.lease import LoadLease
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store.embedded import EmbeddedServer, noted_build
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import BUILD, small_tables
from tests.contracts.update import UpdateBattery


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    with GraphStore.open(f"embedded:{tmp_path_factory.mktemp('updated') / 'store'}") as store:
        yield store


@pytest.fixture(scope="module")
def borrowed_store(neo4j_store: GraphStore) -> Iterator[GraphStore]:
    yield neo4j_store
    load_store(neo4j_store, small_tables(), BUILD)  # As the other tests expect it.


class TestEmbeddedUpdate(UpdateBattery):
    @pytest.fixture
    def store(self, own_store: GraphStore) -> GraphStore:
        return own_store

    def test_the_folder_says_what_it_holds(self, store: GraphStore, builds: Path) -> None:
        assert store.server is not None
        path = store.server.path
        self.fill(store, self.first, "small-1", builds)
        assert noted_build(path) == "small-1"
        with pytest.raises(KeyboardInterrupt), store.server.changing("small-2"):
            assert noted_build(path) is None
            raise KeyboardInterrupt
        assert noted_build(path) is None
        self.fill(store, self.first, "small-1", builds)
        assert noted_build(path) == "small-1"
        assert noted_build(path / "nowhere") is None

    def test_what_a_dead_load_left_is_cleared(self, store: GraphStore, builds: Path) -> None:
        assert store.server is not None
        path = store.server.path
        self.fill(store, self.first, "small-1", builds)
        (path / "loading-1").mkdir()
        assert noted_build(path) is None  # So that the next build looks, and clears.
        self.fill(store, self.first, "small-1", builds)
        assert not (path / "loading-1").exists()

    @pytest.mark.parametrize("moment", ["closed", "away", "replaced"])
    def test_a_replacement_that_died_is_healed_while_the_server_runs(
        self, store: GraphStore, builds: Path, moment: str
    ) -> None:
        self.fill(store, self.first, "small-1", builds)
        server = store.server
        assert server is not None
        current, previous = server.path / "databases" / "kg", server.path / "previous"
        server._command("close database kg")
        if moment == "away":
            current.rename(previous)
        elif moment == "replaced":
            previous.mkdir()
            (previous / "of the graph before").touch()
        with GraphStore.open(store.address) as other:
            assert other.check() == "small-1"
        assert not previous.exists()
        self.holds(store, self.first, "small-1")


@pytest.mark.neo4j
class TestNeo4jUpdate(UpdateBattery):
    @pytest.fixture
    def store(self, borrowed_store: GraphStore) -> GraphStore:
        return borrowed_store

    def test_one_load_at_a_time(self, store: GraphStore, builds: Path) -> None:
        self.fill(store, self.first, "small-1", builds)
        sleeper = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        with subprocess.Popen(sleeper, stdin=subprocess.PIPE) as other:
            lease = LoadLease(store)
            lease._me = lease._me.replace(f"process {os.getpid()} ", f"process {other.pid} ")
            lease._me = lease._me.rpartition(" ")[0] + " " + _begun(other.pid)
            with lease:
                with pytest.raises(StoreError, match=f"another load is at work .process {other.pid} on"):
                    self.fill(store, self.second, "small-2", builds)
                other.kill()
                other.wait()
                # Its process is no more, though the lease was never given back.
                self.fill(store, self.second, "small-2", builds)
        self.holds(store, self.second, "small-2")
        assert store.query("MATCH (l:LoadLease) RETURN l") == []

    def test_a_stale_lease_of_another_machine_is_taken(self, store: GraphStore, builds: Path) -> None:
        self.fill(store, self.first, "small-1", builds)
        fresh = (
            "CREATE (:LoadLease {name: 'load', holder: 'process 1 on elsewhere, begun 5', beat: timestamp() - $ago})"
        )
        store.write(fresh, ago=1_000)
        with pytest.raises(StoreError, match="process 1 on elsewhere"):
            self.fill(store, self.second, "small-2", builds)
        store.write("MATCH (l:LoadLease) SET l.beat = timestamp() - 1000 * 121")
        self.fill(store, self.second, "small-2", builds)
        assert store.query("MATCH (l:LoadLease) RETURN l") == []


def _begun(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_kept_evidence_that_cannot_be_read_is_reported(embedded_store: GraphStore, tmp_path: Path) -> None:
    path = tmp_path / "kept-evidence.jsonl"
    for text in ("{", '{"run": 1}', "[]"):
        path.write_text(text)
        for call in (
            lambda: keep_evidence(embedded_store, path),
            lambda: restore_evidence(embedded_store, path, lambda *_: None),
        ):
            with pytest.raises(StoreError, match=r"kept-evidence\.jsonl.*remove the file"):
                call()
        assert path.exists()


def test_a_server_is_not_needed_to_know_nothing(tmp_path: Path) -> None:
    assert noted_build(tmp_path) is None
    with_server = EmbeddedServer(tmp_path / "store")
    try:
        assert noted_build(tmp_path / "store") is None
    finally:
        with_server.close()
