"""Seconds and memory of building the graph: read and assemble, snapshot, embedded store.

    python benchmarks/build.py --sources ../shared/sources [--json]

Each run builds into a new temporary workspace in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def build_once(sources: Path, workspace: Path) -> dict[str, object]:
    from graph_builders.build import build_graph
    from rbio_kg.graph.loader import load_store
    from rbio_kg.workspace import Workspace, silent

    with Workspace(workspace, sources=sources) as opened:
        manifest = build_graph(opened.paths, sources, min_score=400, progress=silent)
        started = time.perf_counter()
        with opened.open_store(read_only=False) as store:
            load_store(store, opened.tables, manifest.to_json(), silent)
        seconds = {**manifest.seconds, "store": time.perf_counter() - started}
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    relationships = sum(manifest.relationships.values())
    return {
        "nodes": sum(manifest.nodes.values()),
        "relationships": relationships,
        "seconds": seconds,
        "relationships_per_second": relationships / seconds["store"],
        "peak_mb": round(own / 1024),
        "peak_mb_largest_child": round(children / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(build_once(options.sources, options.child)))
        return
    runs = []
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--sources", str(options.sources), "--child", f"{folder}/workspace"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs.append(json.loads(done.stdout))
    document = {"machine": platform.platform(), "sources": str(options.sources), "runs": runs}
    if options.json:
        print(json.dumps(document))
        return
    for run in runs:
        print(f"{run['nodes']:,} nodes, {run['relationships']:,} relationships")
        for stage, value in run["seconds"].items():
            print(f"  {stage:<10} {value:6.1f} s")
        print(f"  store rate {run['relationships_per_second']:,.0f} relationships/s")
        print(f"  peak {run['peak_mb']:,} MB, largest child process {run['peak_mb_largest_child']:,} MB")


if __name__ == "__main__":
    main()
