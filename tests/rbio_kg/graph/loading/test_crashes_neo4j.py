"""Builds into a Neo4j that are killed, or that meet each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rbio_kg.graph.loading.digest import store_digest
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import BUILD, small_tables
from tests.support.crashes import KILLS, Builder, Graph, killed_at_random, three_graphs

pytestmark = [pytest.mark.crash, pytest.mark.neo4j, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> list[Graph]:
    return three_graphs(tmp_path_factory.mktemp("graphs"))


@pytest.fixture
def neo4j(tmp_path: Path, neo4j_login: dict[str, str], neo4j_store: GraphStore) -> Iterator[Builder]:
    login = {"NEO4J_USERNAME": neo4j_login["username"], "NEO4J_PASSWORD": neo4j_login["password"]}
    yield Builder(tmp_path / "workspace", neo4j_login["uri"], login)
    load_store(neo4j_store, small_tables(), BUILD)  # As the other tests expect it.


def test_killed_at_random_moments(neo4j: Builder, graphs: list[Graph]) -> None:
    seen = killed_at_random(neo4j, graphs, KILLS, seed=2)
    assert seen["before"] > 0 and seen["incomplete"] > 0 and sum(seen.values()) == KILLS


def test_two_workspaces_and_one_neo4j(neo4j: Builder, graphs: list[Graph], tmp_path: Path) -> None:
    other = Builder(tmp_path / "other", neo4j.store, neo4j.login)
    processes = [neo4j.start(graphs[0]), other.start(graphs[2])]
    said = [process.communicate() for process in processes]
    codes = sorted(process.returncode for process in processes)
    # The slower one either came later or got the name of the other process.
    assert codes in ([0, 0], [0, 1]), said
    for process, (_, err) in zip(processes, said, strict=True):
        if process.returncode:
            assert "another load is at work (process " in err
    assert neo4j.run(graphs[1])
    with neo4j.open() as store:
        assert (store.check(), store_digest(store)) == (graphs[1].build_id, graphs[1].digest)
