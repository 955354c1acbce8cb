"""A real Neo4j made by its own offline import from exported files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rbio_kg.graph.loading.admin_export import CONSTRAINTS, SCRIPT
from rbio_kg.graph.store.store import GraphStore

PASSWORD = "imported-graph"


@contextmanager
def imported(shared: Path, export: Path, home: Path) -> Iterator[str]:
    """Import the export into a new server at `home` by its own script, then run it: its address."""
    program = shared / "neo4j" / "neo4j-server"
    if not program.exists():
        pytest.skip(f"no Neo4j at {program}")
    admin = {"NEO4J_ADMIN": f"{sys.executable} {program} admin --home {home} --heap 512m"}
    done = subprocess.run(
        ["sh", str(export / SCRIPT)],
        env={**os.environ, **admin},
        cwd=export.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    start = [sys.executable, str(program), "start", "--home", str(home), "--password", PASSWORD, "--heap", "512m"]
    with subprocess.Popen(start, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            assert line, "the Neo4j did not start"
            uri = json.loads(line)["uri"]
            with GraphStore.open(uri, username="neo4j", password=PASSWORD) as store:
                for statement in (export / CONSTRAINTS).read_text().split(";\n")[:-1]:
                    store.write(statement)
            yield uri
        finally:
            server.terminate()
