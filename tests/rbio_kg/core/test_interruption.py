"""Ctrl-C, SIGTERM and SIGHUP end a command alike, and an error in the clean-up after them is no error of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rbio_kg.cli.session import Session, guarded
from rbio_kg.core.errors import StoreError, TrainingError
from rbio_kg.core.interruption import (
    SIGNALS,
    Terminated,
    exit_code,
    interrupting_signals,
    interruption_of,
)

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def raised(*chain: BaseException | tuple[str, BaseException]) -> BaseException:
    """The last of some exceptions, each raised while the one before it was handled."""
    current: BaseException | None = None
    for item in chain:
        how, error = item if isinstance(item, tuple) else ("", item)
        error.__context__ = current
        if how == "from":
            error.__cause__ = current
        elif how == "from None":
            error.__suppress_context__ = True
        current = error
    assert current is not None
    return current


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ([KeyboardInterrupt()], True),
        ([Terminated(signal.SIGTERM)], True),
        ([KeyboardInterrupt(), BufferError("Existing exports of data")], True),
        ([KeyboardInterrupt(), BufferError("b"), StoreError("the store fails")], True),
        ([KeyboardInterrupt(), ("from", TrainingError("cannot go on"))], True),
        ([Terminated(signal.SIGHUP), ("from None", OSError("closed"))], True),
        ([ValueError("first"), KeyboardInterrupt(), RuntimeError("cannot join")], True),
        ([KeyboardInterrupt(), OSError(), ("from", StoreError("x")), ("from None", TrainingError("y"))], True),
        ([BufferError("Existing exports of data")], False),
        ([ValueError(), ("from", StoreError("x"))], False),
        ([OSError(), KeyError(), TrainingError("y")], False),
        ([SystemExit(3), ValueError()], False),
    ],
)
def test_an_interruption_is_found_behind_what_it_led_to(
    chain: list[BaseException | tuple[str, BaseException]], found: bool, tmp_path: Path
) -> None:
    error = raised(*chain)
    assert (interruption_of(error) is not None) is found

    def fail() -> None:
        raise error

    assert (guarded(Session(tmp_path, False, False), fail) in CODES.values()) is found


def test_errors_that_name_each_other_are_followed_once() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert interruption_of(first) is None
    assert interruption_of(None) is None


def test_exit_codes_are_those_of_shells() -> None:
    assert exit_code(KeyboardInterrupt()) == 130
    assert {number: exit_code(Terminated(number)) for number in SIGNALS} == {
        signal.SIGTERM: 143, signal.SIGHUP: 129,
    }  # fmt: skip


@pytest.mark.parametrize("number", SIGNALS)
def test_handlers_are_there_only_while_a_command_runs(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    assert before is signal.SIG_DFL
    with pytest.raises(Terminated, match=number.name), interrupting_signals():
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)  # the clean-up is not interrupted again
    assert signal.getsignal(number) is signal.SIG_DFL
    own = signal.signal(number, signal.SIG_IGN)
    try:
        with interrupting_signals():
            os.kill(os.getpid(), number)  # nohup
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, own)


def test_in_a_thread_no_handler_is_set() -> None:
    seen: list[object] = []

    def work() -> None:
        with interrupting_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


WORK = """
import os, signal, sys, time
from pathlib import Path
from rbio_kg.cli.session import Session, guarded
from rbio_kg.core.atomic_io import atomic_file

def work():
    with atomic_file(Path("out.csv")) as stream:
        stream.write(b"x")
        stream.flush()
        print("ready", flush=True)
        try:
            time.sleep(60)
        finally:
            {cleanup}

session = Session(Path("."), False, False)
session.resume = lambda: "out.csv was not written"
sys.exit(guarded(session, work))
"""


@pytest.mark.parametrize(
    "cleanup", ["pass", "raise BufferError('Existing exports of data')", "os.kill(os.getpid(), {n})"]
)
@pytest.mark.parametrize("number", CODES)
def test_a_command_ends_with_the_code_of_its_signal_and_leaves_no_temporary_file(
    number: signal.Signals, cleanup: str, tmp_path: Path
) -> None:
    if number is signal.SIGINT and "kill" in cleanup:
        cleanup = "pass"  # a second Ctrl-C ends the clean-up too
    code = WORK.format(cleanup=cleanup.format(n=int(number)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (CODES[number], "interrupted: out.csv was not written\n")
    assert list(tmp_path.iterdir()) == []


def test_a_forked_process_ends_as_it_would_without_the_handler() -> None:
    with interrupting_signals():
        ready, started = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(started, b"x")  # Python drops signals that come before a forked process runs
            for _ in range(6_000):
                time.sleep(0.01)
            os._exit(0)
        assert os.read(ready, 1) == b"x"
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
    os.close(ready)
    os.close(started)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM
