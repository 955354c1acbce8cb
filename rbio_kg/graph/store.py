"""One store class for two servers: a Neo4j by `bolt://` or `neo4j://`, and the local one by `embedded:PATH`."""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from rbio_kg.errors import QueryError, StoreError
from rbio_kg.graph.embedded import DATABASE, EmbeddedServer
from rbio_kg.graph.faults import connection_error, is_ended, statement_error
from rbio_kg.graph.records import plain
from rbio_kg.graph.schema import NODES, RELATIONSHIPS

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
QUERY_SECONDS = 60.0
"""The time limit of a query that names none."""
COUNT_SECONDS = 600.0
"""The time limit of counting a whole graph."""
OLDEST = 5
"""The oldest major version of Neo4j that is spoken to."""

_FAILURES = (DriverError, Neo4jError, OSError, ValueError, TypeError)
# A missing label or property is an answer (no rows), not a warning for the terminal.
logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)

Work = Callable[[neo4j.ManagedTransaction], list[dict[str, Any]]]


@dataclass(frozen=True)
class BuildMark:
    """What a store says of its graph.

    Args:
        id: the build that it holds, or is to hold.
        complete: True where all of it is there.
        base: while one build is turned into another, the one that was there before.
    """

    id: str
    complete: bool
    base: str | None = None


class GraphStore:
    """A graph database to ask and to fill. Open one with `GraphStore.open`, and close it (it is a context manager).

    Not to be used across a fork; several threads may share one.
    """

    def __init__(
        self,
        driver: neo4j.Driver,
        database: str,
        address: str,
        *,
        reader: neo4j.Driver | None = None,
        server: EmbeddedServer | None = None,
        read_only: bool = False,
        agent: str = "",
    ) -> None:
        self._driver = driver
        self._reader = reader or driver
        self.database = database
        self.address = address
        self.server = server
        self.read_only = read_only
        self.agent = agent
        self._mark = uuid.uuid4().hex[:12]

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        username: str | None = None,
        password: str | None = None,
        database: str | None = None,
        read_only: bool = False,
    ) -> GraphStore:
        """Open `embedded:PATH` (its server is started where it does not run), or a Neo4j 5 or newer.

        Args:
            uri: `embedded:PATH`, or an address that begins with bolt://, neo4j://, or their `+s` and `+ssc` forms.
            username: of the Neo4j; none where it asks for none.
            password: of the Neo4j; never shown, never part of `uri`.
            database: the database's name; on Neo4j `neo4j` by default. The embedded store has one only.
            read_only: refuse `write`.

        Raises:
            StoreError: unknown scheme, unreachable, wrong password, no such database, another server or too old a one.
        """
        scheme, _, rest = uri.partition(":")
        if scheme == "embedded":
            return cls._open_embedded(rest, database, read_only)
        parts = urlsplit(uri)
        if scheme not in SCHEMES or not parts.hostname:
            raise StoreError(
                f"{scheme}: is not the address of a store" if "@" in uri else f"{uri!r} is not the address of a store",
                hint=f"use embedded:PATH, or {', '.join(SCHEMES[:1] + SCHEMES[3:4])} followed by ://HOST:PORT",
            )
        address = f"{scheme}://{parts.netloc.rpartition('@')[2]}"
        if parts.username or parts.password:
            raise StoreError(
                "a user name or password may not stand in the address",
                where=address,
                hint="set NEO4J_USERNAME and NEO4J_PASSWORD",
            )
        database = database or "neo4j"
        auth = None if username is None else (username, password or "")
        driver = _driver(uri, auth)
        try:
            agent = _greet(driver, database, address, check_agent)
        except BaseException:
            driver.close()
            raise
        return cls(driver, database, address, read_only=read_only, agent=agent)

    @classmethod
    def _open_embedded(cls, path: str, database: str | None, read_only: bool) -> GraphStore:
        if not path:
            raise StoreError("embedded: needs a folder", hint="for example embedded:workspace/graph/store")
        if database not in (None, DATABASE):
            raise StoreError(f"the embedded store has one database, {DATABASE}", where=path, hint="leave the name out")
        server = EmbeddedServer(Path(path))
        where = f"bolt://127.0.0.1:{server.address.bolt}"
        driver = _driver(where, ("root", server.address.root))
        reader = _driver(where, ("reader", server.address.reader))
        try:
            agent = _greet(reader, DATABASE, f"embedded:{server.path}")
        except BaseException:
            driver.close()
            reader.close()
            server.close()
            raise
        return cls(
            driver,
            DATABASE,
            f"embedded:{server.path}",
            reader=reader,
            server=server,
            read_only=read_only,
            agent=agent,
        )

    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        /,
        *,
        limit: int | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> list[dict[str, Any]]:
        """Rows of a statement that only reads, as plain JSON values (see `records.plain`).

        Args:
            cypher: one statement; values go by `$name`.
            parameters: values by name; `more` adds to them. A name that is an argument here goes this way.
            limit: stop after so many rows.
            timeout: seconds after which the server ends the statement; 60 by default.

        Raises:
            QueryError: the statement is wrong, tries to write, or ran too long.
            StoreError: the server is gone, or fails.
        """
        seconds = QUERY_SECONDS if timeout is None else timeout
        if seconds <= 0 or (limit is not None and limit < 0):
            raise QueryError("a time limit must be above 0 seconds, and a row limit not below 0")
        values = {**(parameters or {}), **more}
        text = cypher.strip().rstrip(";").rstrip()
        if not text:
            raise QueryError("the statement is empty")
        with self._time_limit(seconds) as mark:

            @neo4j.unit_of_work(timeout=seconds)
            def work(transaction: neo4j.ManagedTransaction) -> list[dict[str, Any]]:
                result = transaction.run(text + mark, values)
                return _rows(result, limit)

            return self._run(self._reader, work, neo4j.READ_ACCESS, seconds)

    def write(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float | None = None,
        **more: Any,
    ) -> list[dict[str, Any]]:
        """Run a statement that may write, in one transaction that is repeated on passing faults; its rows.

        Raises:
            StoreError: the store was opened to read only, or as for `query`.
        """
        if self.read_only:
            raise StoreError("the store was opened to read only", where=self.address)
        values = {**(parameters or {}), **more}

        @neo4j.unit_of_work(timeout=timeout)
        def work(transaction: neo4j.ManagedTransaction) -> list[dict[str, Any]]:
            return _rows(transaction.run(cypher, values), None)

        return self._run(self._driver, work, neo4j.WRITE_ACCESS, timeout)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many nodes of each label and relationships of each type of a build there are, asked by Cypher."""
        # One pass each: the embedded server takes four times as long to count every label and type by itself.
        labels = self._totals("MATCH (n) RETURN labels(n)[0] AS name, count(*) AS total")
        types = self._totals("MATCH ()-[r]->() RETURN type(r) AS name, count(*) AS total")
        return {
            "nodes": {item.label: labels.get(item.label, 0) for item in NODES},
            "relationships": {item.type: types.get(item.type, 0) for item in RELATIONSHIPS},
        }

    def _totals(self, cypher: str) -> dict[str, int]:
        return {row["name"]: row["total"] for row in self.query(cypher, timeout=COUNT_SECONDS)}

    def mark(self) -> BuildMark | None:
        """What the store says of the graph that it holds; None where it says nothing."""
        rows = self.query("MATCH (b:Build) RETURN b.id AS id, b.complete AS complete, b.base AS base ORDER BY id")
        if not rows:
            return None
        first = rows[0]
        return BuildMark(str(first["id"]), len(rows) == 1 and bool(first["complete"]), first["base"])

    def build_id(self) -> str | None:
        """The id of the graph that is there, whole; None where there is none, or not all of it."""
        mark = self.mark()
        return mark.id if mark is not None and mark.complete else None

    def check(self) -> str:
        """The id of the graph that is there.

        Raises:
            StoreError: there is none, or only a part of one.
        """
        mark = self.mark()
        if mark is not None and mark.complete:
            return mark.id
        if mark is not None:
            raise StoreError(
                "the graph in the store is incomplete: loading it was cut short",
                where=self.address,
                hint="run rbio-kg build again to finish it",
            )
        raise StoreError("the store holds no graph", where=self.address, hint="run rbio-kg build")

    def _run(self, driver: neo4j.Driver, work: Work, access: str, timeout: float | None) -> list[dict[str, Any]]:
        reading = access == neo4j.READ_ACCESS
        try:
            with driver.session(database=self.database, default_access_mode=access) as session:
                return session.execute_read(work) if reading else session.execute_write(work)
        except _FAILURES as error:
            raise statement_error(error, self.address, timeout=timeout, reading=reading) from error

    @contextmanager
    def _time_limit(self, seconds: float) -> Iterator[str]:
        """Text to put behind the statement so that it can be found, and ended when its time is over.

        Neo4j ends a statement by itself. The embedded server ignores the driver's limit: there a thread asks it to
        end the statement. The text is the same for all statements of a thread, so that their plans stay cached.
        """
        if self.server is None:
            yield ""
            return
        mark = f"rbio-kg {self._mark} {threading.get_ident()}"
        done = threading.Event()
        guard = threading.Thread(target=self._end_after, args=(seconds, mark, done), daemon=True)
        guard.start()
        try:
            yield f"\n// {mark}"
        finally:
            done.set()
            guard.join()

    def _end_after(self, seconds: float, mark: str, done: threading.Event) -> None:
        wait = seconds
        while not done.wait(wait):
            wait = 0.1
            try:
                with self._reader.session(database=self.database) as session:
                    for row in session.run("SHOW TRANSACTIONS").data():
                        if mark in row["currentQuery"]:
                            session.run("TERMINATE TRANSACTION $id", id=row["transactionId"]).consume()
            except _FAILURES as error:
                if not is_ended(error) and not isinstance(error, Neo4jError):
                    return  # the connection is gone; so is the statement's

    def close(self) -> None:
        """Close the connections; the embedded server ends with the last process that uses it."""
        self._driver.close()
        if self._reader is not self._driver:
            self._reader.close()
        if self.server is not None:
            self.server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"GraphStore({self.address!r}, database={self.database!r})"


def _driver(uri: str, auth: tuple[str, str] | None) -> neo4j.Driver:
    return neo4j.GraphDatabase.driver(
        uri,
        auth=auth,
        connection_timeout=10.0,
        connection_acquisition_timeout=30.0,
        max_transaction_retry_time=20.0,
        telemetry_disabled=True,
    )


def _rows(result: neo4j.Result, limit: int | None) -> list[dict[str, Any]]:
    records = result if limit is None else result.fetch(limit)
    names = result.keys()
    rows = [{name: plain(value) for name, value in zip(names, record, strict=True)} for record in records]
    result.consume()
    return rows


def _greet(driver: neo4j.Driver, database: str, address: str, check: Callable[[str, str], None] | None = None) -> str:
    try:
        agent = driver.get_server_info().agent
        if check is not None:
            check(agent, address)
        driver.execute_query("RETURN 1", database_=database, routing_=neo4j.RoutingControl.READ)
    except _FAILURES as error:
        raise connection_error(error, address, database) from error
    return agent


def check_agent(agent: str, address: str) -> None:
    """Raise StoreError unless the server calls itself a Neo4j of major version 5 or newer."""
    version = re.match(r"Neo4j/(\d+)\.", agent)
    if version is None or "compatible" in agent:
        raise StoreError(
            f"the server is not a Neo4j (it says {agent!r})",
            where=address,
            hint="use Neo4j 5 or newer, or embedded:PATH",
        )
    if int(version.group(1)) < OLDEST:
        raise StoreError(
            f"the server is too old (it says {agent!r})", where=address, hint=f"use Neo4j {OLDEST} or newer"
        )
