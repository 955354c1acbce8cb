"""A lock between processes that names its holder. The kernel releases it when the holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

Waiting = Callable[[str], None]


def holder(path: Path) -> str:
    """The process that holds (or last held) the lock, as text."""
    try:
        note = json.loads(path.with_suffix(".holder").read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']}, since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. Nothing is written, so it works where nothing can be."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # Shared, and for this instant only: two readers do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def held(path: Path, waiting: Waiting, *, seconds: float = -1) -> Iterator[None]:
    """Hold the lock at `path`; the file is made if it is missing. Nests within one thread of one process.

    Args:
        path: the lock file, for example `build.lock`; the file `build.holder` in the same folder names its holder.
        waiting: called once with the name of the holder, before waiting.
        seconds: how long to wait; negative for no limit.

    Raises:
        TimeoutError: it was not free within `seconds`; the text says who holds it.
        OSError: the lock file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, is_singleton=True)
    if lock.is_locked:  # By this process, further out.
        yield
        return
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder(path)
        waiting(who)
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            raise TimeoutError(who) from None
    try:
        note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        path.with_suffix(".holder").write_text(json.dumps(note), encoding="utf-8")
        yield
    finally:
        path.with_suffix(".holder").unlink(missing_ok=True)
        lock.release()
