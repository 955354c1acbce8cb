"""A real HTTP server on the loopback that serves files and, on demand, behaves as bad servers do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """How one answer goes wrong; the default is a good answer.

    Args:
        status: answered instead of 200 or 206, with a short page.
        break_after: bytes of the body that are sent before the connection ends.
        claim: length announced, whatever the body's.
        retry_after: value of the Retry-After header, in seconds.
    """

    status: int | None = None
    break_after: int | None = None
    claim: int | None = None
    retry_after: str | None = None


@dataclass
class Answered:
    path: str
    range: str | None
    if_range: str | None


@dataclass
class FileServer:
    """The served `files`, the faults (`script`: one behaviour per answer, then good ones), and the `requests`."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    script: list[Behaviour] = field(default_factory=list)
    ignores_range: bool = False
    validators: bool = True
    wrong_offset: bool = False
    encoding: str | None = None
    requests: list[Answered] = field(default_factory=list)
    address: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        state = self.server.state
        state.requests.append(Answered(self.path, self.headers["Range"], self.headers["If-Range"]))
        behaviour = state.script.pop(0) if state.script else Behaviour()
        body = state.files.get(self.path)
        status = behaviour.status or (404 if body is None else None)
        if status is not None:
            self._send(status, b"<html>an error page</html>", {}, behaviour)
            return
        assert body is not None
        etag = state.etags.get(self.path, f'"{hash(body) & 0xFFFFFFFF:x}"')
        headers = {"ETag": etag} if state.validators else {}
        if state.encoding:
            headers["Content-Encoding"] = state.encoding
        wanted = self.headers["Range"]
        if wanted and not state.ignores_range and self.headers["If-Range"] in (None, etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self._send(416, b"", {"Content-Range": f"bytes */{len(body)}"}, behaviour)
                return
            start = start - 1 if state.wrong_offset else start
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self._send(206, body[start:], headers, behaviour)
        else:
            self._send(200, body, headers, behaviour)

    def _send(self, status: int, body: bytes, headers: dict[str, str], behaviour: Behaviour) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if behaviour.retry_after is not None:
            self.send_header("Retry-After", behaviour.retry_after)
        self.send_header("Content-Length", str(len(body) if behaviour.claim is None else behaviour.claim))
        self.end_headers()
        self.wfile.write(body if behaviour.break_after is None else body[: behaviour.break_after])
        if behaviour.break_after is not None or behaviour.claim is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    state: FileServer


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A server on a free port of the loopback, stopped at the end."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.state = FileServer(address=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
