"""Drivers, and the checks of a server before its first use."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable

import neo4j

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.store.faults import FAILURES, connection_error

OLDEST = 5
"""The oldest supported major version of Neo4j."""

# A missing label or property gives no rows; a warning in the terminal would only confuse.
logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)


def new_driver(uri: str, auth: tuple[str, str] | None) -> neo4j.Driver:
    """A driver with time limits for connecting; it connects on first use."""
    return neo4j.GraphDatabase.driver(
        uri,
        auth=auth,
        connection_timeout=10.0,
        connection_acquisition_timeout=30.0,
        max_transaction_retry_time=20.0,
        telemetry_disabled=True,
    )


def check_process(opened_in: int, address: str) -> None:
    """Raise StoreError unless this is the process that opened the connection; a forked one would wait for ever."""
    if os.getpid() != opened_in:
        raise StoreError(
            f"the store was opened by process {opened_in}, and a forked process cannot use its connection",
            where=address,
            hint="open a store in this process, with GraphStore.open(...) or workspace.open_store()",
        )


def greet(driver: neo4j.Driver, database: str, address: str, check: Callable[[str, str], None] | None = None) -> str:
    """The server's agent string, after a login and a query in this database have succeeded.

    Raises:
        StoreError: one of them fails, or `check(agent, address)` raises.
    """
    try:
        agent = driver.get_server_info().agent
        if check is not None:
            check(agent, address)
        driver.execute_query("RETURN 1", database_=database, routing_=neo4j.RoutingControl.READ)
    except FAILURES as error:
        raise connection_error(error, address, database) from error
    return agent


def check_agent(agent: str, address: str) -> None:
    """Raise StoreError unless the agent string is that of a Neo4j of major version 5 or newer."""
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
