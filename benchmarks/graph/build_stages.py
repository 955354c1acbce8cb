"""The stages of benchmarks/graph/build.py; each runs in a separate process, so that its peak memory can be measured.

Run as `python -m benchmarks.graph.build_stages STAGE JSON`, by benchmarks/graph/build.py; prints one JSON document
last.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import silent
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.workspace import Workspace

AGAIN = 3
COMMAND = [sys.executable, "-c", "from rbio_kg.cli.app import main; main()"]

Options = dict[str, Any]


class Clock:
    """Seconds, and seconds of processor time of this process and of the children it has waited for."""

    def __enter__(self) -> Clock:
        self._wall, self._cpu = time.perf_counter(), _cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = _cpu() - self._cpu

    def figures(self, relationships: int | None = None) -> dict[str, Any]:
        found = {"seconds": round(self.seconds, 3), "cpu_seconds": round(self.cpu_seconds, 3)}
        rate = {} if relationships is None else {"relationships_per_second": round(relationships / self.seconds)}
        return {**found, **rate}


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)


class Steps:
    """A `Progress` that records the duration of each step, by the first words of its message."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last, self._since = "", time.perf_counter()

    def __call__(self, message: str, share: float | None) -> None:
        now = time.perf_counter()
        self.seconds[self._last] += now - self._since
        self._last, self._since = message, now

    def of(self, start: str) -> float:
        return round(sum(value for message, value in self.seconds.items() if message.startswith(start)), 3)


def build(options: Options) -> dict[str, Any]:
    from rbio_kg.graph_builders.build.build import build_graph
    from rbio_kg.graph_builders.build.options import BuildOptions

    steps = Steps()
    with Clock() as clock:
        manifest = build_graph(
            WorkspacePaths(Path(options["workspace"])),
            Path(options["sources"]),
            BuildOptions(min_score=options["min_score"]),
            progress=steps,
        )
    parts = {
        "digests": steps.of("looking"),
        "read": manifest.seconds["read"],
        "assemble": manifest.seconds["assemble"],
        "tables": steps.of("writing the tables"),
        "snapshot": manifest.seconds["snapshot"],
    }
    counts = {"nodes": sum(manifest.nodes.values()), "relationships": sum(manifest.relationships.values())}
    return {**clock.figures(), "parts": parts, "build_id": manifest.build_id, **counts}


def _relationships(workspace: Workspace) -> int:
    return sum(workspace.manifest.relationships.values())


def _check(store: GraphStore, workspace: Workspace) -> None:
    """Raise unless the store's counts by Cypher equal the build's."""
    counts = store.counts()
    if counts != {"nodes": workspace.manifest.nodes, "relationships": workspace.manifest.relationships}:
        raise SystemExit(f"{store.address} holds another number of elements than the build: {counts}")


def _loaded(workspace: Workspace, store: GraphStore) -> dict[str, Any]:
    from rbio_kg.graph.loading.loader import load_store

    tables, manifest = workspace.tables, workspace.manifest.to_json()
    with Clock() as clock:
        report = load_store(store, tables, manifest, silent)
    if not report.loaded:
        raise SystemExit(f"{store.address} held this graph already: empty it first")
    _check(store, workspace)
    return clock.figures(_relationships(workspace))


def embedded(options: Options) -> dict[str, Any]:
    with Workspace(options["workspace"]) as workspace, workspace.open_store(read_only=False) as store:
        return _loaded(workspace, store)


def neo4j(options: Options) -> dict[str, Any]:
    with Workspace(options["workspace"]) as workspace, _neo4j(options, None) as store:
        return {**_loaded(workspace, store), "server": store.agent}


@contextmanager
def _neo4j(options: Options, home: Path | None) -> Iterator[GraphStore]:
    """The user's Neo4j, or one that is started and ended here; with `home`, on that folder."""
    if home is None and options["neo4j"]:
        user, password = os.environ.get("NEO4J_USERNAME"), os.environ.get("NEO4J_PASSWORD")
        with GraphStore.open(options["neo4j"], username=user, password=password) as store:
            yield store
        return
    command = [sys.executable, options["server"], "start", "--heap", "2g", *([] if home is None else ["--home", home])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            login = json.loads(server.stdout.readline())
            with GraphStore.open(login["uri"], username=login["user"], password=login["password"]) as store:
                yield store
        finally:
            server.terminate()


def export(options: Options) -> dict[str, Any]:
    from rbio_kg.graph.loading.admin_export import write_admin_files

    with Workspace(options["workspace"]) as workspace:
        tables, identity = workspace.tables, workspace.build_id
        with Clock() as clock:
            written = write_admin_files(tables, identity, Path(options["folder"]) / "export")
        size = sum(path.stat().st_size for path in written.files)
        found = {"command": written.command, "megabytes": round(size / 1e6)}
        return {**clock.figures(_relationships(workspace)), **found}


def neo4j_import(options: Options) -> dict[str, Any]:
    """The real neo4j-admin into an empty home; then a server starts there and counts."""
    home = Path(options["folder"]) / "neo4j"
    arguments = shlex.split(options["command"])[1:]
    command = [sys.executable, options["server"], "admin", "--home", str(home), *arguments]
    with Workspace(options["workspace"]) as workspace:
        with Clock() as clock:
            done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=options["folder"])
        if done.returncode:
            raise SystemExit(f"neo4j-admin failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        peak = _peaks()  # Before the server, which is not part of the import.
        with _neo4j(options, home) as store:
            _check(store, workspace)
        return {**clock.figures(_relationships(workspace)), **peak}


def biocypher(options: Options, file_format: str) -> dict[str, Any]:
    from biocypher_files import prepare, write, written

    folder = Path(options["folder"]) / f"biocypher-{file_format}"
    with Workspace(options["workspace"]) as workspace:
        tables = workspace.tables
        writer = prepare(folder, file_format)
        with Clock() as clock:
            write(writer, tables)
        found = written(folder)
        size = sum(path.stat().st_size for path in (folder / "files").iterdir())
        return {**clock.figures(found["relationships"]), **found, "megabytes": round(size / 1e6)}


def _command(options: Options, sources: Path) -> dict[str, Any]:
    """The output of `rbio-kg build --json`."""
    more = ["--sources", str(sources), "--min-score", str(options["min_score"])]
    command = [*COMMAND, "build", "--json", "--workspace", options["workspace"], *more]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def again(options: Options) -> dict[str, Any]:
    """The complete command without changes: the median of three."""
    clocks = []
    for _ in range(AGAIN):
        with Clock() as clock:
            result = _command(options, Path(options["sources"]))
        if result["reused"] != {"tables": True, "store": True}:
            raise SystemExit(f"the build was not used again: {result['reused']}")
        clocks.append(clock)
    return {
        "seconds": round(statistics.median(clock.seconds for clock in clocks), 3),
        "cpu_seconds": round(statistics.median(clock.cpu_seconds for clock in clocks), 3),
    }


def changed(options: Options) -> dict[str, Any]:
    """The complete command with one changed source."""
    from rbio_kg.graph_builders.build.directory import find_sources

    sources = Path(options["changed"])
    with Clock() as clock:
        result = _command(options, sources)
    return {
        **clock.figures(),
        "parts": result["seconds"],
        "read": [
            found.entry.name for found in find_sources(sources) if found.entry.name not in result["readings_kept"]
        ],
        "kept": result["readings_kept"],
        "elements_written": result["updated"],
    }


def _peaks() -> dict[str, int]:
    """Megabytes (1,048,576 bytes) of this process and of its largest child; the kernel counts kilobytes."""
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"peak_mb": own // 1024, "peak_mb_child": child // 1024}


STAGES = {
    "build": build,
    "embedded": embedded,
    "again": again,
    "neo4j": neo4j,
    "export": export,
    "import": neo4j_import,
    "biocypher": partial(biocypher, file_format="csv"),
    "biocypher-parquet": partial(biocypher, file_format="parquet"),
    "changed": changed,
}


if __name__ == "__main__":
    result = STAGES[sys.argv[1]](json.loads(sys.argv[2]))
    print(json.dumps({**_peaks(), **result}))
