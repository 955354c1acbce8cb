"""One store class for two servers: a Neo4j by `bolt://` or `neo4j://`, and the local one by `embedded:PATH`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import neo4j

from rbio_kg.core.errors import QueryError, StoreError
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.store.connection import check_agent, check_process, greet, new_driver
from rbio_kg.graph.store.embedded import EmbeddedServer, holds_database
from rbio_kg.graph.store.faults import FAILURES, statement_error
from rbio_kg.graph.store.records import plain
from rbio_kg.graph.store.row_stream import RowStream
from rbio_kg.graph.store.server_process import DATABASE
from rbio_kg.graph.store.time_limit import limited

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
QUERY_SECONDS = 60.0
"""The default time limit of a query."""
COUNT_SECONDS = 600.0
"""The time limit of counting a complete graph."""

Work = Callable[[neo4j.ManagedTransaction], list[dict[str, Any]]]


@dataclass(frozen=True)
class BuildStamp:
    """The Build node of a store: which graph it holds.

    Args:
        id: the build that it holds, or is to hold.
        complete: True where all of it is there.
        base: during an update by difference, the build before it.
    """

    id: str
    complete: bool
    base: str | None = None


class _Statement(NamedTuple):
    text: str
    values: dict[str, Any]
    seconds: float


class GraphStore:
    """A graph database to query and to fill. Open one with `GraphStore.open`; it is a context manager.

    Threads may share a store. A forked process cannot use it: it would read its parent's answers from the same
    connection. Every method then raises StoreError; open a store of its own there.

    Example:
        with GraphStore.open("embedded:workspace/graph/store", read_only=True) as store:
            rows = store.query(
                "MATCH (:Gene {symbol: $gene})-[r:INTERACTS_WITH]-(g:Gene) RETURN g.symbol AS gene, r.score AS score",
                gene="TP53",
                limit=5,
            )
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
        self._process = os.getpid()

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        username: str | None = None,
        password: str | None = None,
        database: str | None = None,
        read_only: bool = False,
        create: bool = True,
    ) -> GraphStore:
        """Open `embedded:PATH` (its server is started if it does not run), or a Neo4j 5 or newer.

        Args:
            uri: `embedded:PATH`, or an address that begins with bolt://, neo4j://, or their `+s` and `+ssc` forms.
            username: of the Neo4j; None for a server without authentication.
            password: of the Neo4j; never printed, and not allowed in `uri`.
            database: the database's name; `neo4j` by default. The embedded store has only one.
            read_only: refuse `write`; an embedded store that is missing is then an error.
            create: make an embedded store that is missing, unless it is opened to read.

        Raises:
            StoreError: unknown scheme, unreachable, wrong password, no such database, another server or too old a one.
        """
        scheme, _, rest = uri.partition(":")
        if scheme == "embedded":
            return cls._open_embedded(rest, database, read_only, create and not read_only)
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
        driver = new_driver(uri, auth)
        try:
            agent = greet(driver, database, address, check_agent)
        except BaseException:
            driver.close()
            raise
        return cls(driver, database, address, read_only=read_only, agent=agent)

    @classmethod
    def _open_embedded(cls, path: str, database: str | None, read_only: bool, create: bool) -> GraphStore:
        if not path:
            raise StoreError("embedded: needs a folder", hint="for example embedded:workspace/graph/store")
        if database not in (None, DATABASE):
            raise StoreError(f"the embedded store has one database, {DATABASE}", where=path, hint="leave the name out")
        if not create and not holds_database(Path(path)):
            raise StoreError("there is no store, so it holds no graph", where=path, hint="run rbio-kg build")
        server = EmbeddedServer(Path(path))
        where = f"bolt://127.0.0.1:{server.address.bolt}"
        driver = new_driver(where, ("root", server.address.root))
        reader = new_driver(where, ("reader", server.address.reader))
        try:
            agent = greet(reader, DATABASE, f"embedded:{server.path}")
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

        Example: `store.query("MATCH (g:Gene) WHERE g.symbol STARTS WITH $start RETURN g.symbol AS gene", start="TP5")`
        returns `[{"gene": "TP53"}, ...]`.

        Args:
            cypher: one statement; values go by `$name`.
            parameters: values by name; `more` adds to them. Names such as `limit` must go this way.
            limit: the largest number of rows to return; None for all.
            timeout: seconds after which the server ends the statement; 60 by default.

        Raises:
            QueryError: the statement is wrong, tries to write, or ran too long.
            StoreError: the server is gone, or fails.
        """
        if limit is not None and limit < 0:
            raise QueryError("a row limit may not be below 0")
        check_process(self._process, self.address)
        text, values, seconds = self._prepared(cypher, parameters, more, timeout)

        @neo4j.unit_of_work(timeout=seconds)
        def work(transaction: neo4j.ManagedTransaction) -> list[dict[str, Any]]:
            return _rows(transaction.run(text, values), limit)

        return self._run(self._reader, work, neo4j.READ_ACCESS, seconds)

    def stream(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float | None = None,
        fetch_size: int = 1_000,
        **more: Any,
    ) -> RowStream:
        """The rows of `query` as a stream; memory holds at most `fetch_size` of them.

        Example: `with store.stream("MATCH (g:Gene) RETURN g.symbol AS s") as rows: names = {row["s"] for row in rows}`

        Args:
            cypher: one statement that only reads; values go by `$name`.
            parameters: values by name; `more` adds to them.
            timeout: seconds from now in which all rows must have been fetched; 60 by default.
            fetch_size: rows that the server sends at a time.

        Raises:
            QueryError: as for `query`, here or while the rows are read.
            StoreError: the server is gone, or fails.
        """
        check_process(self._process, self.address)
        text, values, seconds = self._prepared(cypher, parameters, more, timeout)
        query = neo4j.Query(text, timeout=seconds)
        return RowStream(self._reader, self.database, self.address, query, values, fetch_size=fetch_size)

    def _prepared(
        self, cypher: str, parameters: Mapping[str, Any] | None, more: Mapping[str, Any], timeout: float | None
    ) -> _Statement:
        """A checked statement that only reads."""
        seconds = QUERY_SECONDS if timeout is None else timeout
        if seconds <= 0:
            raise QueryError("a time limit must be above 0 seconds")
        text = cypher.strip().rstrip(";").rstrip()
        if not text:
            raise QueryError("the statement is empty")
        return _Statement(self._limited(text, seconds), {**(parameters or {}), **more}, seconds)

    def write(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float | None = None,
        **more: Any,
    ) -> list[dict[str, Any]]:
        """Run a statement that may write, in one transaction, and return its rows. Transient errors repeat it.

        Raises:
            StoreError: the store was opened to read only, or as for `query`.
        """
        check_process(self._process, self.address)
        if self.read_only:
            raise StoreError("the store was opened to read only", where=self.address)
        text, values = self._limited(cypher, timeout), {**(parameters or {}), **more}

        @neo4j.unit_of_work(timeout=timeout)
        def work(transaction: neo4j.ManagedTransaction) -> list[dict[str, Any]]:
            return _rows(transaction.run(text, values), None)

        return self._run(self._driver, work, neo4j.WRITE_ACCESS, timeout)

    def counts(self) -> dict[str, dict[str, int]]:
        """Counts of nodes by label and of relationships by type, by Cypher. Evidence of runs is not counted."""
        # One pass each: the embedded server takes four times as long to count every label and type by itself.
        labels = self._totals("MATCH (n) RETURN labels(n)[0] AS name, count(*) AS total")
        types = self._totals("MATCH ()-[r]->() RETURN type(r) AS name, count(*) AS total")
        return {
            "nodes": {item.label: labels.get(item.label, 0) for item in NODES},
            "relationships": {item.type: types.get(item.type, 0) for item in RELATIONSHIPS},
        }

    def _totals(self, cypher: str) -> dict[str, int]:
        return {row["name"]: row["total"] for row in self.query(cypher, timeout=COUNT_SECONDS)}

    def mark(self) -> BuildStamp | None:
        """The store's Build node; None if there is none."""
        rows = self.query("MATCH (b:Build) RETURN b.id AS id, b.complete AS complete, b.base AS base ORDER BY id")
        if not rows:
            return None
        first = rows[0]
        return BuildStamp(str(first["id"]), len(rows) == 1 and bool(first["complete"]), first["base"])

    def build_id(self) -> str | None:
        """The id of the store's graph; None if there is none, or it is incomplete."""
        mark = self.mark()
        return mark.id if mark is not None and mark.complete else None

    def check(self) -> str:
        """The id of the store's graph.

        Raises:
            StoreError: there is none, or it is incomplete.
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
        except FAILURES as error:
            raise statement_error(error, self.address, timeout=timeout, reading=reading) from error

    def _limited(self, cypher: str, seconds: float | None) -> str:
        """Neo4j ends a statement by the driver's limit; the embedded server needs it in the statement."""
        return cypher if self.server is None or seconds is None else limited(cypher, seconds)

    def close(self) -> None:
        """Close the connections; the embedded server ends with the last process that uses it.

        In a forked process the connections are left alone, because they are its parent's.
        """
        if os.getpid() == self._process:
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


def _rows(result: neo4j.Result, limit: int | None) -> list[dict[str, Any]]:
    records = result if limit is None else result.fetch(limit)
    names = result.keys()
    rows = [{name: plain(value) for name, value in zip(names, record, strict=True)} for record in records]
    result.consume()
    return rows
