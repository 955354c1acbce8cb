"""Time, memory and relationships per second of building and loading the graph, compared with BioCypher.

    python -m benchmarks.graph.build --sources ../shared/sources [--json]
    python -m benchmarks.graph.build --sources ../shared/sources --full-size [--folder DIR]

Stages: parse the sources, assemble them, write tables and snapshot; load the embedded store; build again without
changes and with one changed source; load a running Neo4j; write files for neo4j-admin and import them; let BioCypher
write its import files from the same tables. Each stage is a separate process. After a load, the store's counts must
equal the build's. `--full-size` replaces STRING by a synthetic file of the real size, first with pairs from 400, then
with all pairs.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared"
STAGES = {
    "build": "build",
    "embedded": "embedded store",
    "again": "rbio-kg build, nothing changed",
    "neo4j": "running Neo4j, UNWIND",
    "export": "files for neo4j-admin",
    "import": "neo4j-admin database import",
    "biocypher": "BioCypher's files, CSV",
    "biocypher-parquet": "BioCypher's files, Parquet",
    "changed": "rbio-kg build, one source changed",
}
"""In the order in which they run; the last one replaces the graph of the workspace."""
THEIRS = ("biocypher", "biocypher-parquet")
PARTS = {"digests": "digests of the sources", "read": "read", "assemble": "assemble", "tables": "write tables"}
CHANGED = "collectri/collectri.csv.gz"
FIGURES = ("seconds", "cpu_seconds", "relationships_per_second", "peak_mb", "peak_mb_child")
PACKAGES = ("polars", "arcadedb-embedded", "neo4j", "biocypher")
STRING_INFO = "string/9606.protein.info.v12.0.txt.gz"


def link_files(original: Path, target: Path, wanted: Callable[[str], bool]) -> None:
    """Symbolic links in `target` to the files of `original` whose names below it are wanted."""
    for path in original.rglob("*"):
        name = str(path.relative_to(original))
        link = target / name
        if path.is_file() and wanted(name) and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def full_size(sources: Path, folder: Path) -> Path:
    """The sources with a STRING of the real size; what lies in the folder already is used again."""
    target = folder / "full-size"
    link_files(sources, target, lambda name: not name.startswith("string/"))
    if not (target / "string").exists():
        say("making STRING's files at their full size")
        making = folder / "making"
        command = [sys.executable, str(HERE / "string_file.py"), str(making), "--info", str(sources / STRING_INFO)]
        subprocess.run(command, check=True)
        (making / "string").rename(target / "string")
    return target


def one_changed(sources: Path, folder: Path) -> Path:
    """The sources without every fiftieth row of CollecTRI."""
    target = folder / "changed"
    link_files(sources, target, lambda name: name != CHANGED)
    header, *rows = gzip.decompress((sources / CHANGED).read_bytes()).splitlines(keepends=True)
    kept = [row for number, row in enumerate(rows) if number % 50]
    (target / CHANGED).parent.mkdir(parents=True, exist_ok=True)
    (target / CHANGED).write_bytes(gzip.compress(b"".join([header, *kept]), mtime=0))
    return target


def why_not(stage: str, options: argparse.Namespace, sources: Path) -> str | None:
    """Why a stage is left out; None where it can run."""
    server = options.shared / "neo4j" / "neo4j-server"
    if stage in options.without or (stage in THEIRS and "biocypher" in options.without):
        return "--without"
    if stage in ("again", "changed") and "embedded" in options.without:
        return "needs the embedded store"
    if stage == "changed" and not (sources / CHANGED).exists():
        return f"the sources have no {CHANGED}"
    if stage == "neo4j" and not (options.neo4j or server.exists()):
        return f"no --neo4j, and no {server}"
    if stage == "import" and not server.exists():
        return f"no {server}"
    if stage in THEIRS and importlib.util.find_spec("biocypher") is None:
        return "BioCypher is not installed: pip install -c constraints.txt -e '.[bench]'"
    return None


def measure(sources: Path, min_score: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All stages of one graph."""
    given = {
        "sources": str(sources.resolve()),
        "min_score": min_score,
        "folder": str(folder),
        "workspace": str(folder / "workspace"),
        "neo4j": options.neo4j,
        "server": str((options.shared / "neo4j" / "neo4j-server").resolve()),
    }
    stages: dict[str, dict[str, Any]] = {}
    for stage, title in STAGES.items():
        reason = why_not(stage, options, sources)
        if reason is not None or (stage == "import" and "command" not in given):
            stages[stage] = {"left out": reason or "needs the files for neo4j-admin"}
            continue
        if stage == "changed":
            given["changed"] = str(one_changed(sources, folder))
        say(f"{title} (min score {min_score})")
        command = [sys.executable, str(HERE / "build_stages.py"), stage, json.dumps(given)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            say(f"{title} failed:\n{done.stderr[-4000:]}")
            if stage == "build":
                raise SystemExit(1)
            stages[stage] = {"failed": done.stderr.splitlines()[-1] if done.stderr else f"exit code {done.returncode}"}
            continue
        stages[stage] = found = json.loads(done.stdout.splitlines()[-1])
        say(", ".join(f"{name} {found[name]:,}" for name in FIGURES if name in found))
        if stage == "export":
            given["command"] = stages[stage].pop("command")
    counts = {name: stages["build"].pop(name) for name in ("build_id", "nodes", "relationships")}
    return {"min_score": min_score, **counts, "stages": stages, "times_as_fast_as": _ratios(stages)}


def _ratios(stages: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """How many times as fast as BioCypher our import files are written, by the clock and by processor time."""
    ours = stages["export"]
    return {
        theirs: {name: round(stages[theirs][name] / ours[name], 1) for name in ("seconds", "cpu_seconds")}
        for theirs in THEIRS
        if "seconds" in ours and "seconds" in stages[theirs]
    }


def say(message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    processor = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in _lines(processor) if line.startswith("model name")]
    return {
        "system": platform.platform(),
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_before": os.getloadavg()[0],
    }


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def shown(run: dict[str, Any]) -> None:
    """One graph's figures as a Markdown table."""
    stages = run["stages"]
    print(f"\nMin score {run['min_score']}: {run['nodes']:,} nodes, {run['relationships']:,} relationships.\n")
    print("| stage | seconds | CPU seconds | relationships/s | peak MB | largest child, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, title in {**PARTS, "snapshot": "snapshot"}.items():
        print(f"| {title} | {stages['build']['parts'][name]:.1f} | | | | |")
    for stage, title in STAGES.items():
        row = stages[stage]
        if "seconds" not in row:
            print(f"| {title} | {'; '.join(f'{how}: {why}' for how, why in row.items())} | | | | |")
            continue
        rate = f"{row['relationships_per_second']:,}" if "relationships_per_second" in row else ""
        times = f"{row['seconds']:.1f} | {row['cpu_seconds']:.1f} | {rate}"
        title = "all of these" if stage == "build" else title
        print(f"| {title} | {times} | {row['peak_mb']:,} | {f'{child:,}' if (child := row['peak_mb_child']) else ''} |")
    print()
    for theirs, ratio in run["times_as_fast_as"].items():
        wrote = "{nodes:,} nodes and {relationships:,} relationships".format(**stages[theirs])
        times = f"{ratio['seconds']} times as fast as {STAGES[theirs]} ({ratio['cpu_seconds']} in CPU seconds)"
        print(f"Our import files are written {times}, which are {wrote}.")
    if "read" in (changed := stages["changed"]):
        print(f"One source changed: read again {', '.join(changed['read'])}; kept {', '.join(changed['kept'])};")
        print(f"{changed['elements_written']:,} elements of the store written.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--full-size", action="store_true", help="with a made-up STRING of the real size")
    parser.add_argument("--min-score", type=int, action="append", help="default 400, and 0 at full size; repeatable")
    parser.add_argument("--neo4j", help="an empty Neo4j, bolt://HOST:PORT; NEO4J_USERNAME and NEO4J_PASSWORD")
    parser.add_argument("--shared", type=Path, default=SHARED, help="DIR/neo4j/neo4j-server starts a Neo4j")
    parser.add_argument("--without", default="", help=f"of {','.join(list(STAGES)[1:])}")
    parser.add_argument("--folder", type=Path, help="for what is made on the way; the STRING file is kept there")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.without = set(filter(None, options.without.split(",")))
    if unknown := options.without - set(STAGES) | options.without & {"build"}:
        parser.error(f"--without cannot leave out {', '.join(sorted(unknown))}")
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    about = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "machine": machine(), "versions": versions()}
    runs = []
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        kept = options.folder or Path(made)
        sources = full_size(options.sources, kept.resolve()) if options.full_size else options.sources
        for number, score in enumerate(options.min_score or ([400, 0] if options.full_size else [400])):
            with tempfile.TemporaryDirectory(dir=made, prefix=f"{number}-") as folder:
                runs.append(measure(sources, score, options, Path(folder).resolve()))
    document = {**about, "sources": str(options.sources), "full_size": options.full_size, "runs": runs}
    failed = any("failed" in stage for run in runs for stage in run["stages"].values())
    if options.json:
        print(json.dumps(document))
        raise SystemExit(failed)
    print(f"{about['date']}, {json.dumps(about['machine'])}, {json.dumps(about['versions'])}")
    for run in runs:
        shown(run)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
