"""Drivers, and what is asked of a server before it is used."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import neo4j

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.store.faults import FAILURES, connection_error

OLDEST = 5
"""The oldest major version of Neo4j that is spoken to."""

# A missing label or property is an answer (no rows), not a warning for the terminal.
logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)


def new_driver(uri: str, auth: tuple[str, str] | None) -> neo4j.Driver:
    """A driver that gives up on a server that does not answer; it connects when it is first used."""
    return neo4j.GraphDatabase.driver(
        uri,
        auth=auth,
        connection_timeout=10.0,
        connection_acquisition_timeout=30.0,
        max_transaction_retry_time=20.0,
        telemetry_disabled=True,
    )


def greet(driver: neo4j.Driver, database: str, address: str, check: Callable[[str, str], None] | None = None) -> str:
    """What the server calls itself, once it has let us in and answered in this database.

    Raises:
        StoreError: it does not, or `check(agent, address)` raises.
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
