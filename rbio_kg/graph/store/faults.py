"""Translates the driver's exceptions into one clear error each. No message contains a password."""

from __future__ import annotations

from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from rbio_kg.core.errors import QueryError, StoreError
from rbio_kg.graph.store.time_limit import without_limit

FAILURES = (DriverError, Neo4jError, OSError, ValueError, TypeError)
"""Exceptions that the driver raises."""

_WRITES = (
    "Neo.ClientError.Statement.AccessMode",
    "Neo.ClientError.Security.Forbidden",
)
_ENDED = (
    "Neo.ClientError.Transaction.TransactionTimedOut",
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
    "Neo.ClientError.Transaction.Terminated",
    "Neo.TransientError.Transaction.Terminated",
    "Neo.ClientError.Transaction.TransactionTerminated",
)


def _line(error: Exception) -> str:
    text = (getattr(error, "message", None) or str(error) or type(error).__name__).strip()
    text = without_limit(text)
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def connection_error(error: Exception, address: str, database: str) -> StoreError:
    """The error for a store that could not be opened."""
    if isinstance(error, AuthError):
        return StoreError(
            "the server refuses the user name or password",
            where=address,
            hint="set NEO4J_USERNAME and NEO4J_PASSWORD",
        )
    if isinstance(error, Neo4jError):
        code = error.code or ""
        if "DatabaseNotFound" in code or "DatabaseUnavailable" in code:
            return StoreError(
                f"the server has no database {database!r} that answers",
                where=address,
                hint="name another database, or create this one",
            )
        if "AuthenticationRateLimit" in code:
            return StoreError(
                "the server refuses more attempts to log in for now", where=address, hint="wait a few seconds"
            )
        return StoreError(f"the server answers with an error ({code}: {_line(error)})", where=address)
    if isinstance(error, ConfigurationError):
        return StoreError(
            f"the server or its address is not one that can be used ({_line(error)})",
            where=address,
            hint="use Neo4j 5 or newer by bolt:// or neo4j://, or embedded:PATH",
        )
    if "handshake" in str(error).lower() or "HTTP" in str(error):
        return StoreError(
            "the server at this address does not speak Bolt 4.4 or newer",
            where=address,
            hint="give the Bolt port (usually 7687) of a Neo4j 5 or newer",
        )
    return StoreError(
        f"the server cannot be reached ({_line(error)})",
        where=address,
        hint="check that it runs, its address and its port, or use embedded:PATH",
    )


def is_ended(error: Exception) -> bool:
    """Whether the server ended the statement early."""
    return isinstance(error, Neo4jError) and (error.code or "") in _ENDED


def statement_error(error: Exception, address: str, *, timeout: float | None, reading: bool) -> StoreError:
    """The error for a statement that failed."""
    if is_ended(error):
        limit = f" of {timeout:g} s" if timeout is not None else ""
        return QueryError(
            f"the statement ran past its time limit{limit} and was ended",
            hint="ask for less, or give it more time",
        )
    if isinstance(error, Neo4jError):
        code = error.code or ""
        if reading and code in _WRITES:
            return QueryError(
                f"the statement may only read, and was refused ({_line(error)})", hint="write on purpose, with --write"
            )
        if code.startswith("Neo.ClientError.Statement") or code.startswith("Neo.ClientError.Procedure"):
            return QueryError(_line(error), hint="correct the Cypher statement or its parameters")
        if code.startswith("Neo.ClientError.Schema"):
            return QueryError(f"the graph's rules forbid it ({_line(error)})")
        return StoreError(f"the server answers with an error ({code}: {_line(error)})", where=address)
    if isinstance(error, (ServiceUnavailable, SessionExpired)):
        return StoreError(f"the connection was lost ({_line(error)})", where=address, hint="try again")
    if isinstance(error, (DriverError, ValueError, TypeError)):
        return QueryError(f"the statement cannot be sent ({_line(error)})")
    return StoreError(_line(error), where=address)
