"""The process that manages the embedded database server: starts it, and ends it when no client holds a lease.

Run as `python -m rbio_kg.graph.store.server_process SERVER_DIR DATABASE_DIR`. Prints one JSON line, `{"ready": true}`
or `{"error": ...}`. It uses lock files in SERVER_DIR, which the kernel releases when a process dies. Every client holds
a shared lock on `lease`. This process and the server hold `owner`. This process waits for an exclusive lock on `lease`,
which it gets when the last client has ended.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

from rbio_kg.core.atomic_io import write_text
from rbio_kg.graph.store.time_limit import keep_limits

DATABASE = "kg"
START_SECONDS = 120.0
STOP_SECONDS = 30.0
ATTEMPTS = 5
HEAP = "1g"
LONGEST_STATEMENT_MS = 3_600_000
"""The server ends every statement after this time."""

_PRIVATE = 0o600
"""Only the owner can read and write the file."""
_PLUGIN = "Bolt:com.arcadedb.bolt.BoltProtocolPlugin"
_HANDSHAKE = bytes.fromhex("6060b017" + "00000405" + "00000004" + "00000000" * 2)
_SIGN_OF_FAILURE = b'Exception in thread "main"'  # after one, the server may hang instead of ending
_SIGN_OF_BUSY_PORT = ("Unable to listen", "Address already in use", "BindException")


def runtime() -> Path:
    """The folder of the bundled server: its jars and its own Java."""
    found = find_spec("arcadedb_embedded")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package arcadedb-embedded is not installed")
    return Path(found.origin).parent


def answers(port: int) -> bool:
    """Whether something on this loopback port speaks Bolt."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(_HANDSHAKE)
            return len(connection.recv(4)) == 4
    except OSError:
        return False


def _is_ready(port: int) -> bool:
    """Whether the server reports that it is ready: its HTTP port opens after its Bolt port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/api/v1/ready")
        return connection.getresponse().status == http.HTTPStatus.NO_CONTENT
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A loopback port that is free now. If the server finds it in use, another one is tried."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _hashed(password: str) -> str:
    """The form in which the server keeps passwords. The text of the salt, not its bytes, goes into the hash."""
    salt = base64.b64encode(secrets.token_bytes(32)).decode()
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 65536)
    return f"PBKDF2WithHmacSHA256$65536${salt}${base64.b64encode(key).decode()}"


def _write_users(configuration: Path, root: str, reader: str) -> None:
    """Two users: root may do everything, reader only read. So no password stands on the command line."""
    configuration.mkdir(exist_ok=True)
    users = [
        {"name": "root", "databases": {"*": ["admin"]}, "password": _hashed(root)},
        {"name": "reader", "databases": {"*": ["reader"]}, "password": _hashed(reader)},
    ]
    write_text(configuration / "server-users.jsonl", "".join(json.dumps(user) + "\n" for user in users), mode=_PRIVATE)
    everything = ["createRecord", "readRecord", "updateRecord", "deleteRecord"]

    def group(access: list[str], records: list[str]) -> dict[str, object]:
        return {"resultSetLimit": -1, "readTimeout": -1, "access": access, "types": {"*": {"access": records}}}

    groups = {
        "admin": group(["updateSecurity", "updateSchema", "updateDatabaseSettings"], everything),
        "reader": group([], ["readRecord"]),
        "*": group([], []),
    }
    rights = {"databases": {"*": {"groups": groups}}, "version": 2}
    write_text(configuration / "server-groups.json", json.dumps(rights), mode=_PRIVATE)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _start(server: Path, databases: Path, bolt_port: int, http_port: int, owner: int) -> subprocess.Popen[bytes]:
    home = runtime()
    settings = {
        "server.rootPath": server,
        "server.databaseDirectory": databases,
        "server.httpIncomingHost": "127.0.0.1",
        "server.httpIncomingPort": http_port,
        "server.plugins": _PLUGIN,
        "bolt.host": "127.0.0.1",
        "bolt.port": bolt_port,
        "command.timeout": LONGEST_STATEMENT_MS,
    }
    command = [
        str(home / "jre" / "bin" / "java"),
        f"-Xmx{HEAP}",
        "-XX:+ExitOnOutOfMemoryError",
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        f"{home / 'jars'}/*",
        *(f"-Darcadedb.{key}={value}" for key, value in settings.items()),
        "com.arcadedb.server.ArcadeDBServer",
    ]
    with (server / "console.log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=server,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(owner,),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - only one thread runs yet
        )


def _end(java: subprocess.Popen[bytes]) -> None:
    if java.poll() is None:
        java.terminate()
        try:
            java.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            java.kill()
            java.wait()


def _started(server: Path, databases: Path, owner: int) -> subprocess.Popen[bytes]:
    """The running server, its address and passwords in `address.json`.

    Raises:
        OSError: it does not start; the text says why.
    """
    log = server / "console.log"
    for _ in range(ATTEMPTS):
        bolt_port, http_port = free_port(), free_port()
        root, reader = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        shutil.rmtree(server / "log", ignore_errors=True)
        _write_users(server / "config", root, reader)
        java = _start(server, databases, bolt_port, http_port, owner)
        deadline = time.monotonic() + START_SECONDS
        while java.poll() is None and time.monotonic() < deadline and _SIGN_OF_FAILURE not in log.read_bytes():
            if _is_ready(http_port) and answers(bolt_port):
                address = {"pid": java.pid, "bolt": bolt_port, "http": http_port, "root": root, "reader": reader}
                write_text(server / "address.json", json.dumps(address), mode=_PRIVATE)
                return java
            time.sleep(0.05)
        _end(java)
        text = log.read_text(errors="replace")
        if not any(sign in text for sign in _SIGN_OF_BUSY_PORT):
            causes = [line.strip() for line in text.splitlines() if "Caused by" in line or "Exception" in line]
            raise OSError((causes or text.strip().splitlines() or ["it printed nothing"])[-1])
    raise OSError(f"{ATTEMPTS} ports in turn were busy")


def keep(server: Path, databases: Path) -> int:
    """Start the server, say so, and wait until it ends or the last lease is given back. Returns the exit code."""
    owner = os.open(server / "owner", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        java = _started(server, databases, owner)
    except OSError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: java.terminate())
    print(json.dumps({"ready": True}), flush=True)
    # The pipe's other end goes with the first client; nothing may be written to it any more.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)

    lease = os.open(server / "lease", os.O_RDWR | os.O_CREAT, 0o600)

    def wait_for_the_last() -> None:
        fcntl.flock(lease, fcntl.LOCK_EX)
        (server / "address.json").unlink(missing_ok=True)
        _end(java)

    threading.Thread(target=wait_for_the_last, daemon=True).start()
    threading.Thread(target=keep_limits, args=(server / "address.json", DATABASE), daemon=True).start()
    java.wait()
    (server / "address.json").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1]), Path(sys.argv[2])))
