"""The rows of a statement as a stream; memory holds one batch at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import neo4j

from rbio_kg.core.errors import QueryError
from rbio_kg.graph.store.connection import check_process
from rbio_kg.graph.store.faults import FAILURES, statement_error
from rbio_kg.graph.store.records import plain


class RowStream(Iterator[dict[str, Any]]):
    """Rows as plain JSON values, fetched in batches. A context manager: leaving it ends the statement on the server.

    `columns` are the names in the order of the statement, known before the first row. The embedded server reports no
    names for a result without rows. Both servers compute rows on demand if the statement does not sort or aggregate.

    Raises:
        QueryError: as `GraphStore.query`, at the start or at any row.
        StoreError: the server is gone, or fails.
    """

    def __init__(
        self,
        driver: neo4j.Driver,
        database: str,
        address: str,
        query: neo4j.Query,
        values: Mapping[str, Any],
        *,
        fetch_size: int,
    ) -> None:
        if fetch_size < 1:
            raise QueryError("at least one row must be fetched at a time")
        self._address, self._timeout, self._process = address, query.timeout, os.getpid()
        self._ended = False
        self._session = driver.session(database=database, default_access_mode=neo4j.READ_ACCESS, fetch_size=fetch_size)
        try:
            result = self._session.run(query, dict(values))
            self.columns = list(result.keys())
        except FAILURES as error:
            raise self._failure(error) from error
        except BaseException:
            self.close()
            raise
        self._records = iter(result)

    def __next__(self) -> dict[str, Any]:
        check_process(self._process, self._address)
        try:
            record = next(self._records)
        except StopIteration:
            self._ended = True
            self.close()
            raise
        except FAILURES as error:
            raise self._failure(error) from error
        return {name: plain(value) for name, value in zip(self.columns, record, strict=True)}

    def _failure(self, error: Exception) -> Exception:
        self.close()
        return statement_error(error, self._address, timeout=self._timeout, reading=True)

    def close(self) -> None:
        """End the statement if it still runs; in a forked process it is left to the parent.

        Its connection is dropped: the driver would wait for all other rows.
        """
        if os.getpid() != self._process:
            return
        session: Any = self._session
        if self._ended:
            session.close()
        else:
            session.__exit__(asyncio.CancelledError, None, None)  # the driver's way to drop it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
