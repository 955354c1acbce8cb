"""Addresses that cannot be used, and servers that are not what they should be."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.store.connection import check_agent
from rbio_kg.graph.store.store import GraphStore


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A loopback port whose connections are served by `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def old_neo4j(connection: socket.socket) -> None:
    """Speaks just enough Bolt 4.4 to say that it is a Neo4j 4.4 and to answer every message with success."""
    connection.recv(20)
    connection.sendall(bytes([0, 0, 4, 4]))
    says = {"server": "Neo4j/4.4.41", "connection_id": "bolt-1"}
    body = b"\xb1\x70" + bytes([0xA0 + len(says)])
    for key, value in says.items():
        body += b"".join(bytes([0xD0, len(text)]) + text.encode() for text in (key, value))
    while connection.recv(65536):
        connection.sendall(struct.pack(">H", len(body)) + body + b"\x00\x00")


def web_server(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    "uri", ["", "kg", "http://localhost:7474", "bolt://", "bolt:localhost", "file:///tmp/x", "sqlite://a"]
)
def test_an_address_of_something_else(uri: str) -> None:
    with pytest.raises(StoreError, match="not the address of a store") as caught:
        GraphStore.open(uri)
    assert "embedded:PATH" in str(caught.value)


@pytest.mark.parametrize("uri", ["bolt://me:hunter2@localhost:7687", "http://me:hunter2@localhost:7474"])
def test_a_password_in_the_address_is_never_shown(uri: str) -> None:
    with pytest.raises(StoreError) as caught:
        GraphStore.open(uri)
    assert "hunter2" not in str(caught.value)


def test_nobody_listens() -> None:
    with socket.socket() as idle:
        idle.bind(("127.0.0.1", 0))
        uri = f"bolt://127.0.0.1:{idle.getsockname()[1]}"
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            GraphStore.open(uri, username="me", password="hunter2")
    assert uri in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_listens_is_no_database() -> None:
    with listening(web_server) as port, pytest.raises(StoreError, match=r"does not speak Bolt|cannot be"):
        GraphStore.open(f"bolt://127.0.0.1:{port}")


def test_a_neo4j_that_is_too_old() -> None:
    with listening(old_neo4j) as port, pytest.raises(StoreError, match=r"too old .*4\.4\.41"):
        GraphStore.open(f"bolt://127.0.0.1:{port}")


@pytest.mark.parametrize("agent", ["Neo4j/5.26.0 compatible (ArcadeDB 26.10.2)", "Memgraph/3", "", "Neo4j/dev"])
def test_an_agent_that_is_no_neo4j(agent: str) -> None:
    with pytest.raises(StoreError, match="not a Neo4j"):
        check_agent(agent, "bolt://x")


@pytest.mark.parametrize("agent", ["Neo4j/5.0.0", "Neo4j/5.26.30", "Neo4j/2026.10.1"])
def test_an_agent_that_will_do(agent: str) -> None:
    check_agent(agent, "bolt://x")
