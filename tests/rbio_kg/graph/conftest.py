"""Stores for the tests: one embedded for the session, and a Neo4j where there is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import BUILD, small_tables


@pytest.fixture(scope="session")
def embedded_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """The embedded store with the small graph."""
    with GraphStore.open(f"embedded:{tmp_path_factory.mktemp('embedded') / 'store'}") as store:
        assert load_store(store, small_tables(), BUILD).loaded
        yield store


@pytest.fixture(scope="session")
def neo4j_login(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Address, user and password of a Neo4j whose database may be overwritten."""
    if uri := os.environ.get("RBIO_KG_TEST_NEO4J_URI"):
        user, password = os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ.get("NEO4J_PASSWORD", "")
        yield {"uri": uri, "username": user, "password": password}
        return
    shared: Path = request.getfixturevalue("shared")
    script = shared / "neo4j" / "neo4j-server"
    if not script.exists():
        pytest.skip(f"no Neo4j at {script}, and RBIO_KG_TEST_NEO4J_URI names none")
    with subprocess.Popen([sys.executable, str(script), "start"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            assert line, "the Neo4j did not start"
            login = json.loads(line)
            yield {"uri": login["uri"], "username": login["user"], "password": login["password"]}
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def neo4j_store(neo4j_login: dict[str, str]) -> Iterator[GraphStore]:
    """The Neo4j with the small graph."""
    login = dict(neo4j_login)
    with GraphStore.open(login.pop("uri"), **login) as store:
        store.write("MATCH (n) DETACH DELETE n")
        assert load_store(store, small_tables(), BUILD).loaded
        yield store
