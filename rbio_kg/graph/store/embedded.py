"""The embedded store's server: a local ArcadeDB that several processes share. It ends with the last of them.

Layout of `embedded:PATH`: `PATH/databases/kg` is the database; `PATH/loaded.json` names the build that it holds
completely; `PATH/server` has the running server's address, passwords (readable by their owner only), locks and logs.
The module `server_process` describes how the server is started and ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock, Timeout

from rbio_kg.core.atomic_io import sync_folder, write_text
from rbio_kg.core.errors import StoreError
from rbio_kg.graph.store.server_process import DATABASE, START_SECONDS, STOP_SECONDS, answers

NOTE = "loaded.json"
_PREVIOUS = "previous"
_FREE_DISK_HINT = "free some space, or choose another folder with embedded:PATH"


@dataclass(frozen=True)
class Address:
    """Process and ports of the running server, and the passwords of its two users."""

    pid: int
    bolt: int
    http: int
    root: str
    reader: str

    def __repr__(self) -> str:
        return f"Address(pid={self.pid}, bolt={self.bolt})"


def noted_build(path: Path) -> str | None:
    """The build that a store's folder holds completely, without starting its server; None if that is unknown."""
    path = path.expanduser().absolute()
    if not (path / "databases" / DATABASE).is_dir() or any(path.glob("loading-*")):
        return None
    try:
        return str(json.loads((path / NOTE).read_text(encoding="utf-8"))["build_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holds_database(path: Path) -> bool:
    """Whether a folder holds an embedded store's database, or the one that an interrupted replacement left."""
    path = path.expanduser()
    return (path / "databases" / DATABASE).is_dir() or (path / _PREVIOUS).is_dir()


class EmbeddedServer:
    """A lease on the server of one folder. The server runs while any process holds a lease.

    Args:
        path: the store's folder; made if it is missing.

    Raises:
        StoreError: the folder cannot be used, or the server does not start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._server = self.path / "server"
        self._pid = os.getpid()
        self._lease: int | None = None
        self._prepare()
        try:
            self._lease = os.open(self._server / "lease", os.O_RDWR | os.O_CREAT, 0o600)
            with self._lock("start", wait=START_SECONDS + STOP_SECONDS):
                fcntl.flock(self._lease, fcntl.LOCK_SH)  # waits for a server that is just ending
                running = self._running()
                self.address = running or self._start()
                if running:
                    # A process that was replacing the database held this lock; if it died, undo its replacement.
                    self._recover()
                if not (self.path / "databases" / DATABASE).exists():
                    self._command(f"create database {DATABASE}")
                elif running:
                    self._command(f"open database {DATABASE}")
        except BaseException:
            self.close(wait=False)
            raise

    def _prepare(self) -> None:
        try:
            if self.path.is_dir() and not self._server.is_dir():
                foreign = sorted(item.name for item in self.path.iterdir() if item.name != "databases")
                if foreign:
                    raise StoreError(
                        f"the folder is not an rbio-kg store (it holds {foreign[0]})",
                        where=self.path,
                        hint="name an empty or a new folder",
                    )
            (self.path / "databases").mkdir(parents=True, exist_ok=True)
            self._server.mkdir(mode=0o700, exist_ok=True)
            (self._server / "lease").touch(mode=0o600)
        except OSError as error:
            raise StoreError(
                f"the folder cannot hold a store: its server cannot write there ({error.strerror})",
                where=self.path,
                hint="copy the workspace to a folder that can be written, or name another store with --store",
            ) from error

    @contextmanager
    def _lock(self, name: str, *, wait: float) -> Iterator[None]:
        lock = FileLock(self._server / f"{name}.lock", timeout=wait)
        try:
            with lock:
                yield
        except Timeout:
            raise StoreError(
                "another process is busy with this store", where=self.path, hint="wait until it is done, then try again"
            ) from None

    def _owned(self) -> bool:
        """Whether a server, or the process that manages it, is alive."""
        owner = os.open(self._server / "owner", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(owner)
        return False

    def _running(self) -> Address | None:
        """The address of the running server, if there is one. Waits for a server that is ending."""
        deadline = time.monotonic() + STOP_SECONDS + 10
        while self._owned():
            try:
                address = Address(**json.loads((self._server / "address.json").read_text()))
                if answers(address.bolt):
                    return address
            except (FileNotFoundError, ValueError, TypeError):
                pass  # the server has ended, and the process that manages it is about to end
            if time.monotonic() > deadline:
                raise StoreError(
                    "a server of this store runs but does not answer",
                    where=self.path,
                    hint=f"end the process that holds {self._server / 'owner'}",
                )
            time.sleep(0.05)
        return None

    def _start(self) -> Address:
        self._recover()
        package_root = str(Path(__file__).resolve().parents[3])
        paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
        with (self._server / "keeper.log").open("wb") as log:
            keeper = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "rbio_kg.graph.store.server_process",
                    str(self._server),
                    str(self.path / "databases"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._server,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,  # an interrupt typed at the terminal must not reach it
            )
        assert keeper.stdout is not None
        with keeper.stdout as pipe:
            line = pipe.readline()
        keeper.returncode = 0  # it outlives this process on purpose, so Popen must not warn that it still runs
        answer = json.loads(line) if line else {"error": "it ended at once"}
        if "error" in answer:
            hint = _FREE_DISK_HINT if "space" in answer["error"] else f"see {self._server / 'console.log'}"
            raise StoreError(f"the embedded server does not start ({answer['error']})", where=self.path, hint=hint)
        return Address(**json.loads((self._server / "address.json").read_text()))

    def _recover(self) -> None:
        """Undo an interrupted replacement, or remove the replaced database. Only under the start lock."""
        current, previous = self.path / "databases" / DATABASE, self.path / _PREVIOUS
        if previous.exists():
            if current.exists():
                shutil.rmtree(previous)
            else:
                previous.rename(current)

    def _command(self, command: str) -> None:
        try:
            with httpx.Client(auth=("root", self.address.root), trust_env=False, timeout=120) as client:
                answer = client.post(f"http://127.0.0.1:{self.address.http}/api/v1/server", json={"command": command})
        except httpx.HTTPError as error:
            raise StoreError(f"the embedded server does not answer ({error})", where=self.path) from error
        if answer.status_code != httpx.codes.OK:
            raise StoreError(f"the embedded server refused to {command} ({answer.text[:300]})", where=self.path)

    @contextmanager
    def changing(self, build_id: str) -> Iterator[None]:
        """A lock for the time in which the store's graph changes to that of a build; then `noted_build` returns it.

        Raises:
            StoreError: another process changes this store.
        """
        with self._lock("load", wait=0):
            self._clear()
            note = self.path / NOTE
            note.unlink(missing_ok=True)
            yield
            write_text(note, json.dumps({"build_id": build_id}))

    @contextmanager
    def loading(self) -> Iterator[Path]:
        """An empty folder in the store, for a bulk load; removed at the end in every case."""
        folder = self.path / f"loading-{os.getpid()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _clear(self) -> None:
        """Remove the folders of interrupted loads."""
        for left_over in self.path.glob("loading-*"):
            shutil.rmtree(left_over, ignore_errors=True)

    def replace_database(self, new: Path) -> None:
        """Replace the database by a new folder. If the process is killed, the old or the new database remains."""
        current, previous = self.path / "databases" / DATABASE, self.path / _PREVIOUS
        sync_folder(new)
        with self._lock("start", wait=START_SECONDS):
            self._command(f"close database {DATABASE}")
            try:
                current.rename(previous)
                new.rename(current)
            finally:
                if not current.exists() and previous.exists():
                    previous.rename(current)
                self._command(f"open database {DATABASE}")
            shutil.rmtree(previous, ignore_errors=True)

    def close(self, *, wait: bool = True) -> None:
        """Release the lease. The server ends after the last release; with `wait`, wait until it has ended."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        if os.getpid() != self._pid:  # a forked child: unlocking would release its parent's lease
            os.close(lease)
            return
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            last = True
        except BlockingIOError:
            last = False
        os.close(lease)
        deadline = time.monotonic() + STOP_SECONDS
        while wait and last and self._owned() and time.monotonic() < deadline:
            time.sleep(0.02)

    def describe(self) -> dict[str, Any]:
        """Path, process and port of the server, without its passwords."""
        return {"path": str(self.path), "pid": self.address.pid, "bolt": self.address.bolt}
