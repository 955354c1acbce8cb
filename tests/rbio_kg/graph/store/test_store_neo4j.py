"""The store on a real Neo4j: the battery, and loads that are cut short or come on top of others."""

from __future__ import annotations

import pytest

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import BUILD, StoreBattery, small_tables

pytestmark = pytest.mark.neo4j


class TestNeo4jStore(StoreBattery):
    @pytest.fixture
    def store(self, neo4j_store: GraphStore) -> GraphStore:
        return neo4j_store

    @pytest.fixture
    def login(self, neo4j_login: dict[str, str]) -> dict[str, str]:
        return neo4j_login

    def test_a_wrong_password_is_told_and_not_shown(self, neo4j_login: dict[str, str]) -> None:
        with pytest.raises(StoreError, match="refuses the user name or password") as caught:
            GraphStore.open(neo4j_login["uri"], username=neo4j_login["username"], password="hunter2")
        assert "hunter2" not in str(caught.value)

    def test_a_database_that_is_not_there(self, neo4j_login: dict[str, str]) -> None:
        login = dict(neo4j_login)
        with pytest.raises(StoreError, match="no database 'nowhere'"):
            GraphStore.open(login.pop("uri"), database="nowhere", **login)

    def test_by_the_routing_scheme(self, neo4j_login: dict[str, str]) -> None:
        login = dict(neo4j_login)
        uri = login.pop("uri").replace("bolt://", "neo4j://")
        with GraphStore.open(uri, read_only=True, **login) as store:
            assert store.check() == BUILD["build_id"]
            with pytest.raises(StoreError, match="read only"):
                store.write("CREATE (:Gene {symbol: 'X'})")

    def test_a_load_cut_short_is_incomplete_until_it_is_repeated(self, store: GraphStore) -> None:
        class CutError(Exception):
            pass

        def cut(message: str, share: float | None) -> None:
            if "INTERACTS_WITH" in message and share:
                raise CutError

        store.write("CREATE (:Somebody {name: 'else'})")
        other = small_tables(seed=8)
        with pytest.raises(CutError):
            load_store(store, other, {"build_id": "small-2"}, cut)
        assert store.build_id() is None
        with pytest.raises(StoreError, match="incomplete"):
            store.check()

        steps: list[tuple[str, float | None]] = []
        report = load_store(store, other, {"build_id": "small-2"}, lambda *step: steps.append(step))
        assert report.loaded
        assert store.check() == "small-2"
        assert store.counts() == {"nodes": report.nodes, "relationships": report.relationships}
        shares = [share for _, share in steps if share is not None]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert store.query("MATCH (s:Somebody) RETURN s.name AS name") == [{"name": "else"}]

        store.write("MATCH (s:Somebody) DELETE s")
        load_store(store, self.tables, BUILD)
        assert store.check() == BUILD["build_id"]

    def test_a_graph_of_someone_else_is_left_alone(self, store: GraphStore) -> None:
        store.write("MATCH (b:Build) DELETE b")
        try:
            with pytest.raises(StoreError, match="did not load"):
                load_store(store, self.tables, BUILD)
            self.test_counts_are_the_tables(store)
        finally:
            store.write("CREATE (:Build {id: $build_id, complete: true})", BUILD)
