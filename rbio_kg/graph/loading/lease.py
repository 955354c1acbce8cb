"""A lease on loading into a Neo4j: one process at a time, on any machine. A lease of a dead process is taken over."""

from __future__ import annotations

import os
import socket
import time
from types import TracebackType
from typing import Self

from rbio_kg.core.errors import StoreError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.store.store import GraphStore

STALE_SECONDS = 120
"""A lease that was not renewed for this long has expired."""
_RENEW_SECONDS = 5.0

# The first SET takes the node's lock, so that no other transaction changes what is read after it.
_TAKE = """
MERGE (l:LoadLease {name: 'load'})
SET l.contender = $me
WITH l, coalesce(l.holder, '') AS before, timestamp() - coalesce(l.beat, 0) AS age
WITH l, before, before IN ['', $me, $dead] OR age > $stale AS mine
SET l.holder = CASE WHEN mine THEN $me ELSE before END, l.beat = CASE WHEN mine THEN timestamp() ELSE l.beat END
RETURN before, mine
"""


class LoadLease:
    """A lease on the right to change the graph in a Neo4j, as a node of the database; a context manager.

    Raises:
        StoreError: another live process holds it; the message names it.
    """

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._me = f"process {os.getpid()} on {socket.gethostname()}, begun {_begun(os.getpid())}"
        self._renewed = 0.0

    def __enter__(self) -> Self:
        self._store.write("CREATE CONSTRAINT loadlease_name IF NOT EXISTS FOR (l:LoadLease) REQUIRE l.name IS UNIQUE")
        dead = ""
        for _ in range(2):
            (row,) = self._store.write(_TAKE, me=self._me, dead=dead, stale=1000 * STALE_SECONDS)
            if row["mine"]:
                self._renewed = time.monotonic()
                return self
            if not _is_dead(row["before"]):
                break
            dead = row["before"]
        raise StoreError(
            f"another load is at work ({row['before']})",
            where=self._store.address,
            hint=f"wait until it is done; {STALE_SECONDS} s after it died, its lease has expired",
        )

    def renewed_by(self, progress: Progress) -> Progress:
        """A `Progress` that also renews the lease."""

        def renewing(message: str, share: float | None) -> None:
            if time.monotonic() - self._renewed > _RENEW_SECONDS:
                self._store.write("MATCH (l:LoadLease {holder: $me}) SET l.beat = timestamp()", me=self._me)
                self._renewed = time.monotonic()
            progress(message, share)

        return renewing

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._store.write("MATCH (l:LoadLease {holder: $me}) DELETE l", me=self._me)
        except StoreError:
            if kind is None:
                raise


def _begun(pid: int) -> str:
    """Start time of a process of this machine, in kernel ticks; "-" if it is unknown."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123 - no file of ours
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return "-"


def _is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    words = holder.replace(",", "").split()
    if len(words) != 6 or words[3] != socket.gethostname() or words[5] == "-":
        return False
    return _begun(int(words[1])) != words[5]
