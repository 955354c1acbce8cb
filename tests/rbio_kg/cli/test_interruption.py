"""Ctrl-C and other signals, a reader that goes away and wrong usage, in a process of their own as for a user."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.cli.session import Session, guarded
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.graph_builders.sample.sample import sample_directory
from tests.contracts.store import BUILD, small_tables
from tests.contracts.update import UpdateBattery

PROGRAM = [sys.executable, "-c", "from rbio_kg.cli.app import main; main()"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_build_says_so_and_leaves_nothing_half_done(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    command = [*PROGRAM, "build", "--sources", str(sample_directory()), "--workspace", str(workspace), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "reading GO" in line:
                process.send_signal(number)
                break
        out, rest = process.communicate(timeout=60)
    assert process.returncode == code, rest
    assert out == ""
    assert rest.strip().splitlines()[-1].startswith("interrupted: ")
    assert "Traceback" not in rest
    assert not (workspace / "graph" / "current.json").exists()
    assert not list(workspace.rglob("manifest.json"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with GraphStore.open(f"embedded:{tmp_path_factory.mktemp('interrupted') / 'store'}") as opened:
        yield opened


def at_store(store: GraphStore, workspace: Path) -> list[str]:
    assert store.server is not None
    return ["--store", f"embedded:{store.server.path}", "--workspace", str(workspace)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_query_leaves_no_part_of_its_file(number: signal.Signals, store: GraphStore, tmp_path: Path) -> None:
    """The driver itself would wait for all other rows before it closes its session."""
    load_store(store, small_tables(), BUILD)
    out = tmp_path / "out" / "pairs.csv"
    ranges = " ".join(f"UNWIND range(1, 1000) AS {name}" for name in "abc")  # far more rows than can be written here
    command = [*PROGRAM, "query", f"{ranges} RETURN a, b, c", "--out", str(out), *at_store(store, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not list(out.parent.glob(".pairs.csv.*.tmp")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 128 + number, rest
    assert rest.strip().splitlines()[-1] == f"interrupted: {out} was not written; run the same command again"
    assert list(out.parent.iterdir()) == []


# A session of the driver that fails while it is closed stays open, and says so when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("message", [1, 3, 10, 20, 40, 80])
def test_an_update_of_the_store_that_is_interrupted_is_no_fault(
    message: int, store: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The driver, interrupted while it receives, may fail with a BufferError when its session is closed."""
    from neo4j._async_compat.network._bolt_socket import BoltSocketBase

    assert store.server is not None
    address = f"embedded:{store.server.path}"
    battery, builds = UpdateBattery(), tmp_path / "graph" / "builds"
    battery.first.write(builds / "small-1" / "tables")
    battery.second.write(builds / "small-2" / "tables")
    battery.fill(store, battery.first, "small-1", builds)
    plain, received = BoltSocketBase.recv_into, 0

    def interrupted(self: Any, buffer: Any, size: int) -> Any:
        nonlocal received
        received += 1
        if received == message:
            raise KeyboardInterrupt
        return plain(self, buffer, size)

    def work() -> None:
        with GraphStore.open(address) as own:
            monkeypatch.setattr(BoltSocketBase, "recv_into", interrupted)
            load_store(own, battery.second, {"build_id": "small-2"}, builds=builds)

    code = guarded(Session(tmp_path, False, False), work)
    monkeypatch.undo()
    assert received >= message
    said = capsys.readouterr().err
    assert (code, said) == (130, "interrupted: run the same command again: what was finished is kept\n")
    # The next load heals what the interruption left.
    battery.fill(store, battery.second, "small-2", builds)
    battery.holds(store, battery.second, "small-2")


def test_wrong_usage_ends_with_2() -> None:
    for arguments in (["nosuchverb"], ["build", "--nosuchoption"], ["query"], ["evaluate", "expression"]):
        done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
