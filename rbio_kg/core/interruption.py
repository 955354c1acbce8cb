"""Interruptions: Ctrl-C, SIGTERM and SIGHUP end a command in the same way, and clean-up never hides them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a command as Ctrl-C does: a batch system or a service manager, and a lost terminal."""


class Terminated(KeyboardInterrupt):
    """A signal of `SIGNALS` arrived.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


@contextmanager
def interrupting_signals() -> Iterator[None]:
    """Let `SIGNALS` raise `Terminated` in the main thread, once: the clean-up is not interrupted again.

    Signals that are ignored stay ignored (`nohup`), and handlers of other code stay. In a thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    own = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() != own:  # a forked process: it ends as it would without this handler
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for other in installed:
            signal.signal(other, lambda *_: None)  # not SIG_IGN, which a child process would inherit
        raise Terminated(number)

    installed = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in installed:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in installed:
            signal.signal(number, signal.SIG_DFL)


def interruption_of(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interruption that an error is, or that led to it; None for any other error.

    A library that is interrupted may fail while it cleans up: the driver of Neo4j, for example, with a BufferError.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        if isinstance(found, KeyboardInterrupt):
            return found
        seen.add(id(found))
        waiting += [found.__context__, found.__cause__]
    return None


def exit_code(interruption: KeyboardInterrupt) -> int:
    """The exit code of an interrupted command, 128 + the signal: 130 (Ctrl-C), 143 (SIGTERM) or 129 (SIGHUP)."""
    number = interruption.number if isinstance(interruption, Terminated) else signal.SIGINT
    return 128 + number
