"""A lock that says who holds it, and that goes with its holder."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rbio_kg.core.lock import held

HOLDER = """
import sys
from pathlib import Path
from rbio_kg.core.lock import held
with held(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


def waiting_is_wrong(who: str) -> None:
    raise AssertionError(who)


def test_it_waits_for_the_holder_and_says_who(tmp_path: Path) -> None:
    lock = tmp_path / "deep" / "build.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        said: list[str] = []
        with (
            pytest.raises(TimeoutError, match=f"process {other.pid} on .+, since 20"),
            held(lock, said.append, seconds=0.1),
        ):
            raise AssertionError("it is held")
        assert f"process {other.pid}" in said[0]
        threading.Timer(0.3, other.kill).start()  # SIGKILL: the kernel releases the lock.
        with held(lock, said.append, seconds=60):
            assert len(said) == 2
    with held(lock, waiting_is_wrong):
        pass


def test_it_nests_and_is_free_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    with held(lock, waiting_is_wrong), held(lock, waiting_is_wrong):
        assert (tmp_path / "build.holder").exists()
    assert not (tmp_path / "build.holder").exists()
    with held(lock, waiting_is_wrong):
        pass
