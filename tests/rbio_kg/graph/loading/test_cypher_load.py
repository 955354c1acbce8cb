"""Loading by Cypher over a connection that breaks: on a real Neo4j, through a wire that the test cuts."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading.cypher_load import load_by_cypher
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import BUILD, small_tables

pytestmark = pytest.mark.neo4j

STATEMENT = b"CREATE (a)-[:INTERACTS_WITH"
COMMIT = b"\x00\x02\xb0\x12\x00\x00"
"""Bolt's COMMIT: one chunk of two bytes, a structure without fields and its tag."""


class Wire:
    """Passes bytes on between a client and the server until the test breaks it, once.

    Args:
        server: host and port.
        word: once the client has sent this (after `after`), the server's next answer is dropped with the connection.
        after: what the client must have sent before.
    """

    def __init__(self, server: tuple[str, int], word: bytes, after: bytes) -> None:
        self._server = server
        self._waiting = [after, word]
        self.broken = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.uri = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._sockets += [client, server]
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, asking: bool) -> None:
        sent = b""
        try:
            while data := source.recv(65536):
                if asking:
                    sent = sent[-64:] + data
                    while self._waiting and self._waiting[0] in sent:
                        sent = sent[sent.index(self._waiting[0]) :]
                        self._waiting.pop(0)
                elif not self._waiting and not self.broken.is_set():
                    self.broken.set()
                    return
                target.sendall(data)
        except OSError:
            return
        finally:
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)  # A close alone waits for the other thread's recv.
                end.close()

    def close(self) -> None:
        self._listener.close()
        for item in self._sockets:
            item.close()


@pytest.fixture
def store(neo4j_store: GraphStore) -> Iterator[GraphStore]:
    """The store that all tests share; afterwards it holds the small graph again."""
    yield neo4j_store
    load_by_cypher(neo4j_store, small_tables(), BUILD["build_id"], lambda message, share: None)


def load_through(login: dict[str, str], word: bytes, after: bytes, tables: GraphTables) -> Wire:
    login = dict(login)
    parts = urlsplit(login.pop("uri"))
    wire = Wire((str(parts.hostname), int(parts.port or 0)), word, after)
    try:
        with GraphStore.open(wire.uri, **login) as store:
            load_by_cypher(store, tables, "other", lambda message, share: None)
    finally:
        wire.close()
        assert wire.broken.is_set()
    return wire


def counted(tables: GraphTables) -> dict[str, dict[str, int]]:
    return {
        "nodes": {item.label: tables[item.table].height for item in NODES},
        "relationships": {item.type: tables[item.table].height for item in RELATIONSHIPS},
    }


def test_a_batch_whose_connection_breaks_is_sent_again(store: GraphStore, neo4j_login: dict[str, str]) -> None:
    tables = small_tables(seed=9)
    load_through(neo4j_login, STATEMENT, b"", tables)
    assert store.build_id() == "other"
    assert store.counts() == counted(tables)


def test_a_batch_that_may_be_written_is_not_sent_again(store: GraphStore, neo4j_login: dict[str, str]) -> None:
    tables = small_tables(seed=9)
    with pytest.raises(StoreError, match="connection was lost"):
        load_through(neo4j_login, COMMIT, STATEMENT, tables)
    assert store.build_id() is None
    with pytest.raises(StoreError, match="incomplete"):
        store.check()
    assert store.counts()["relationships"]["INTERACTS_WITH"] == tables["interactions"].height

    load_by_cypher(store, tables, "other", lambda message, share: None)
    assert store.build_id() == "other"
    assert store.counts() == counted(tables)


def test_a_node_that_someone_removes_meanwhile_is_reported(store: GraphStore) -> None:
    def remove(message: str, share: float | None) -> None:
        if "GeneSet" in message:
            store.write("MATCH (g:Gene {symbol: 'G00'}) DELETE g")

    with pytest.raises(StoreError, match="INTERACTS_WITH name a node that does not exist"):
        load_by_cypher(store, small_tables(), "other", remove)
    assert store.build_id() is None
