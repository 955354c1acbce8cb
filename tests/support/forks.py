"""Processes that begin with everything imported, so that a test can start many of them.

They are forked from a server that has imported the libraries and used nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.support.heavy_imports"])


def _run(arguments: Sequence[str], environment: Mapping[str, str], outputs: tuple[str, str]) -> None:
    for stream, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
    os.environ.update(environment)
    sys.argv = ["rbio-kg", *arguments]
    from rbio_kg.cli.app import main

    main()


class ForkedCommand:
    """`rbio-kg` with some arguments, with the methods of `subprocess.Popen` that tests use.

    Args:
        arguments: of the command line.
        environment: variables that differ from those of this process.
        folder: where its two outputs are written; it must exist.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        number = f"{os.getpid()}-{time.monotonic_ns()}"
        self._outputs = (folder / f"{number}.out", folder / f"{number}.err")
        outputs = (str(self._outputs[0]), str(self._outputs[1]))
        self._process = CONTEXT.Process(target=_run, args=(tuple(arguments), dict(environment), outputs))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal; None while it runs."""
        return self._process.exitcode

    @property
    def lines(self) -> Iterator[str]:
        """The lines of standard error as they come, until the process ends."""
        seen = 0
        while True:
            ended = not self._process.is_alive()
            text = self._outputs[1].read_text(encoding="utf-8") if self._outputs[1].exists() else ""
            complete = text.split("\n")[:-1]
            yield from complete[seen:]
            seen = len(complete)
            if ended:
                return
            time.sleep(0.002)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; standard output and standard error.

        Raises:
            TimeoutExpired: it still runs after so many seconds.
        """
        self._process.join(timeout)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired("rbio-kg", timeout or 0.0)
        out, err = (path.read_text(encoding="utf-8") if path.exists() else "" for path in self._outputs)
        return out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.join()
