"""The embedded store: the battery, and what only a server of one's own can do."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store import server_process
from rbio_kg.graph.store.embedded import EmbeddedServer
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import BUILD, StoreBattery, small_tables

CLIENT = """
import sys
from pathlib import Path
from rbio_kg.graph.store.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
print(server.address.pid, flush=True)
sys.stdin.read()
"""
WAIT = 60


class TestEmbeddedStore(StoreBattery):
    @pytest.fixture
    def store(self, embedded_store: GraphStore) -> GraphStore:
        return embedded_store

    @pytest.fixture
    def login(self, store: GraphStore) -> dict[str, str]:
        return {"uri": store.address}

    def test_passwords_are_private(self, store: GraphStore) -> None:
        assert store.server is not None
        folder = store.server.path / "server"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "address.json").stat().st_mode) == 0o600
        words = psutil.Process(store.server.address.pid).cmdline()
        assert not [word for word in words if store.server.address.root in word or "assword" in word]
        assert store.server.address.root not in repr(store.server.address) + repr(store)

    def test_it_listens_on_the_loopback_only(self, store: GraphStore) -> None:
        assert store.server is not None
        listening = [
            item.laddr.ip
            for item in psutil.Process(store.server.address.pid).net_connections()
            if item.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 2
        assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}

    def test_a_wrong_password_is_refused(self, store: GraphStore) -> None:
        assert store.server is not None
        url = f"http://127.0.0.1:{store.server.address.http}/api/v1/databases"
        assert httpx.get(url, auth=("root", "wrong"), trust_env=False).status_code in (401, 403)

    def test_a_user_may_not_read_files_of_the_machine(self, store: GraphStore) -> None:
        with pytest.raises(StoreError):
            store.query("LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line")

    def test_a_second_database_is_refused(self, store: GraphStore) -> None:
        with pytest.raises(StoreError, match="one database"):
            GraphStore.open(store.address, database="other")

    def test_a_read_only_store_does_not_write(self, store: GraphStore) -> None:
        with GraphStore.open(store.address, read_only=True) as reader:
            assert reader.check() == BUILD["build_id"]
            with pytest.raises(StoreError, match="read only"):
                reader.write("CREATE (:Gene {symbol: 'X'})")
            with pytest.raises(StoreError, match="read only"):
                load_store(reader, self.tables, {"build_id": "other"})

    def test_a_killed_load_leaves_the_old_graph(self, store: GraphStore) -> None:
        killed = []

        def cut(message: str, share: float | None) -> None:
            if killed:  # what it had said before is still read
                return
            (child,) = [
                child
                for child in psutil.Process().children()
                if child.status() != psutil.STATUS_ZOMBIE
                and "rbio_kg.graph.loading.bulkload" in " ".join(child.cmdline())
            ]
            child.kill()
            killed.append(child.pid)

        with pytest.raises(StoreError, match="unchanged"):
            load_store(store, self.tables, {"build_id": "second"}, cut)
        assert store.check() == BUILD["build_id"]
        assert store.server is not None
        assert not list(store.server.path.glob("loading-*"))
        self.test_counts_are_the_tables(store)

    def test_a_disk_that_takes_no_more_is_reported(self, store: GraphStore, tmp_path: Path) -> None:
        tables = small_tables()
        tables.write(tmp_path / "tables")
        command = "ulimit -f 64; exec " + " ".join(
            [sys.executable, "-m", "rbio_kg.graph.loading.bulkload", f"{tmp_path}/tables", f"{tmp_path}/kg", "b"]
        )
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=WAIT, check=False
        )
        assert done.returncode != 0
        assert "error" in json.loads(done.stdout.splitlines()[-1])

    def test_a_load_waits_for_no_other(self, store: GraphStore) -> None:
        assert store.server is not None
        with store.server.changing("x"), pytest.raises(StoreError, match="another process"):
            load_store(store, self.tables, {"build_id": "second"})

    def test_a_relationship_without_its_end_is_refused(self, store: GraphStore) -> None:
        frames = dict(self.tables)
        frames["genes"] = frames["genes"].head(59)
        with pytest.raises(StoreError, match="not there"):
            load_store(store, type(self.tables)(frames), {"build_id": "second"})


class TestLife:
    """When the server lives and when it ends."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "store"

    def client(self, folder: Path) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    def test_two_processes_share_it_and_it_ends_with_the_last(self, folder: Path) -> None:
        first, pid = self.client(folder)
        second, same = self.client(folder)
        assert pid == same
        server = psutil.Process(pid)
        with first:
            first.kill()
        with GraphStore.open(f"embedded:{folder}") as store:
            assert store.server is not None
            assert store.server.address.pid == pid
            with pytest.raises(StoreError, match="no graph"):
                store.check()
        assert server.is_running()
        with second:
            second.kill()
        server.wait(WAIT)  # raises TimeoutExpired where it lives on
        assert not server.is_running()

        # And it starts again on the same folder; its keeper may be killed as well.
        third = EmbeddedServer(folder)
        server = psutil.Process(third.address.pid)
        assert server.pid != pid
        keeper = server.parent()
        assert keeper is not None
        keeper.send_signal(signal.SIGKILL)
        server.wait(WAIT)
        fourth = EmbeddedServer(folder)
        assert fourth.address.pid != server.pid
        third.close()
        fourth.close()
        assert not psutil.pid_exists(fourth.address.pid)

    def test_a_busy_port_is_passed_over(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        (folder / "databases").mkdir()
        real = server_process.free_port
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            taken = iter([busy.getsockname()[1]])
            monkeypatch.setattr(server_process, "free_port", lambda: next(taken, None) or real())
            owner = os.open(folder / "owner", os.O_RDWR | os.O_CREAT)
            java = server_process._started(folder, folder / "databases", owner)
            try:
                address = json.loads((folder / "address.json").read_text())
                assert address["bolt"] != busy.getsockname()[1]
                assert server_process.answers(address["bolt"])
            finally:
                server_process._end(java)
                os.close(owner)

    def test_a_replacement_cut_short_is_undone(self, folder: Path) -> None:
        server = EmbeddedServer.__new__(EmbeddedServer)
        server.path = folder
        (folder / "databases").mkdir(parents=True)
        (folder / "previous").mkdir()
        (folder / "previous" / "old").touch()
        server._recover()
        assert (folder / "databases" / "kg" / "old").exists()
        (folder / "previous").mkdir()
        server._recover()
        assert (folder / "databases" / "kg" / "old").exists()
        assert not (folder / "previous").exists()

    def test_a_folder_of_something_else_is_refused(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "thesis.tex").touch()
        with pytest.raises(StoreError, match=r"thesis\.tex"):
            GraphStore.open(f"embedded:{folder}")
        assert [item.name for item in folder.iterdir()] == ["thesis.tex"]

    def test_a_file_is_refused(self, folder: Path) -> None:
        folder.touch()
        with pytest.raises(StoreError, match="cannot hold a store"):
            GraphStore.open(f"embedded:{folder}")

    def test_no_folder_is_refused(self) -> None:
        with pytest.raises(StoreError, match="needs a folder"):
            GraphStore.open("embedded:")

    def test_a_server_that_cannot_start_says_why(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "server").mkdir(parents=True)
        (folder / "server" / "config").touch()  # where the server must make a folder
        with pytest.raises(StoreError, match="does not start"):
            EmbeddedServer(folder)


FORKED = """
import os, sys
from rbio_kg.core.errors import StoreError
from rbio_kg.graph.store.store import GraphStore

store = GraphStore.open(sys.argv[1])
stream = store.stream("UNWIND range(1, 5000) AS x RETURN x", fetch_size=10)
first = next(stream)
calls = (
    lambda: store.query("RETURN 1 AS x"),
    lambda: store.write("RETURN 1 AS x"),
    lambda: store.stream("RETURN 1 AS x"),
    lambda: store.counts(),
    lambda: store.check(),
    lambda: next(stream),
)
children = []
for number in range(2):
    child = os.fork()
    if not child:
        refused = 0
        for call in calls:
            try:
                call()
            except StoreError as error:
                refused += "forked process" in str(error) and "workspace.open_store()" in str(error)
        store.close()
        stream.close()
        with GraphStore.open(sys.argv[1]) as own:
            right = own.query("RETURN 7 AS x") == [{"x": 7}]
        os._exit(0 if refused == len(calls) and right else 1)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
print(codes, store.query("RETURN 4 AS x"), sum(1 for _ in stream))
store.close()
"""


def test_a_forked_process_is_refused_at_once_and_its_parent_goes_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, f"embedded:{tmp_path / 'store'}"],
        capture_output=True,
        text=True,
        timeout=5 * WAIT,
        check=False,
    )
    assert done.stdout == "[0, 0] [{'x': 4}] 4999\n", done.stderr
