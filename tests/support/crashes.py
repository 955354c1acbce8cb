"""Builds in processes that are killed: three small graphs, and the conditions that must hold afterwards."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading.digest import store_digest, tables_digest
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.graph_builders.build.build import build_tables
from rbio_kg.graph_builders.sample.sample import sample_directory
from tests.support.forks import ForkedCommand

PROGRAM = [sys.executable, "-c", "from rbio_kg.cli.app import main; main()"]

KILLS = int(os.environ.get("RBIO_KG_KILLS", "20"))
"""Random moments at which a build is killed, on each server."""

MOST_IN_A_ROW = 3


@dataclass(frozen=True)
class Graph:
    """A graph to build: its sources, the id of its build and its digest."""

    sources: Path
    build_id: str
    digest: str


def three_graphs(folder: Path) -> list[Graph]:
    """Parts of the sample: the second differs little from the first, the third in most of it.

    They are small, because a test builds them many times: the time then goes into the stages of a build.
    """
    shares = {"first": (0, 1_000, 2_000), "second": (10, 1_010, 2_000), "third": (1_500, 2_500, 600)}
    graphs = []
    for name, (begin, end, links) in shares.items():
        sources = part_of_sample(folder / name, (begin, end), links)
        tables, manifest = build_tables(sources)
        graphs.append(Graph(sources, manifest.build_id, tables_digest(tables)))
    return graphs


def part_of_sample(sources: Path, annotations: tuple[int, int] = (0, 1_000), links: int = 2_000) -> Path:
    """A folder of sources: the sample's genes, some of its terms, annotations and STRING links."""
    for part in ("hgnc", "go", "string"):
        shutil.copytree(sample_directory() / part, sources / part)
    keep_terms(sources / "go" / "go-basic.obo.gz", sources / "go" / "goa_human.gaf.gz", 400)
    keep_lines(sources / "go" / "goa_human.gaf.gz", "!", *annotations)
    keep_lines(next((sources / "string").glob("*links*")), "protein1", 0, links)
    return sources


def keep_terms(ontology: Path, annotations: Path, annotated: int) -> None:
    """Keep the first terms that are annotated, all above them, and the annotations of those."""
    head, *stanzas = re.split(r"\n(?=\[)", gzip.decompress(ontology.read_bytes()).decode())
    ids = {stanza: found[1] for stanza in stanzas if (found := re.match(r"\[Term\]\nid: (GO:\d+)", stanza))}
    above = {ids[stanza]: re.findall(r"^(?:is_a|relationship): .*?(GO:\d+)", stanza, re.M) for stanza in ids}
    rows = gzip.decompress(annotations.read_bytes()).decode().splitlines(keepends=True)
    term_of = {row: row.split("\t")[4] for row in rows if not row.startswith("!")}
    kept: set[str] = set()
    wanted = [term for term in dict.fromkeys(term_of.values()) if term in above][:annotated]
    while wanted:
        term = wanted.pop()
        if term not in kept:
            kept.add(term)
            wanted += above[term]
    left = [stanza for stanza in stanzas if stanza not in ids or ids[stanza] in kept]
    ontology.write_bytes(gzip.compress("\n".join([head, *left]).encode(), mtime=0))
    rows = [row for row in rows if row not in term_of or term_of[row] in kept]
    annotations.write_bytes(gzip.compress("".join(rows).encode(), mtime=0))


def keep_lines(path: Path, heading: str, begin: int, end: int) -> None:
    """Keep the lines that begin with `heading`, and some of the others."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    head = [line for line in lines if line.startswith(heading)]
    body = [line for line in lines if not line.startswith(heading)]
    path.write_bytes(gzip.compress("".join([*head, *body[begin:end]]).encode(), mtime=0))


@dataclass
class Builder:
    """One workspace and one store, and the command that builds into them."""

    workspace: Path
    store: str
    login: dict[str, str] = field(default_factory=dict)

    def start(self, graph: Graph) -> ForkedCommand:
        """`rbio-kg build`, in a process of its own."""
        where = ["--workspace", str(self.workspace), "--sources", str(graph.sources), "--store", self.store]
        return ForkedCommand(["build", "--json", *where], self.login, graph.sources.parent)

    def open(self) -> GraphStore:
        """The store, to read."""
        return GraphStore.open(
            self.store,
            username=self.login.get("NEO4J_USERNAME"),
            password=self.login.get("NEO4J_PASSWORD"),
            read_only=True,
        )

    def run(self, graph: Graph, *, kill_after: float | None = None, kill_at: str = "") -> bool:
        """Build; kill it after some seconds, or when its progress names a stage. False if it was killed."""
        with self.start(graph) as process:
            if kill_at and any(line.strip().startswith(kill_at) for line in process.lines):
                process.kill()
                process.communicate()
                return False
            try:
                out, err = process.communicate(timeout=kill_after)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return False
        assert process.returncode == 0, err
        assert json.loads(out)["build_id"] == graph.build_id
        return True

    def nothing_is_left_over(self) -> None:
        """No file or folder that only an unfinished build has."""
        names = [path.name for path in (self.workspace / "graph").rglob("*") if "databases" not in path.parts]
        left = [
            name for name in names if name.startswith((".", "loading-", "previous", "kept-")) or name.endswith(".tmp")
        ]
        assert not left, left


def state_of(builder: Builder, before: Graph, graph: Graph) -> str:
    """The state of the store after a killed build: `before`, `new`, or `incomplete`, which the store must report."""
    with builder.open() as store:
        try:
            found = store.check()
        except StoreError as error:
            assert "incomplete" in str(error) and "rbio-kg build" in str(error)
            return "incomplete"
        complete = {before.build_id: before, graph.build_id: graph}[found]
        assert store_digest(store) == complete.digest
    return "before" if complete is before else "new"


def all_can_be_built(builder: Builder, graphs: list[Graph]) -> None:
    """Every graph can be built afterwards, and nothing of the killed builds is left."""
    for graph in graphs:
        assert builder.run(graph)
        with builder.open() as store:
            assert (store.check(), store_digest(store)) == (graph.build_id, graph.digest)
    builder.nothing_is_left_over()


def killed_at_stages(builder: Builder, graphs: list[Graph], stages: Sequence[str]) -> dict[str, str]:
    """Build the first graph, then kill builds of the last one at named stages; the state of the store after each."""
    seen = {}
    assert builder.run(graphs[0])
    for stage in stages:
        assert not builder.run(graphs[-1], kill_at=stage), f"the build never came to: {stage}"
        seen[stage] = state_of(builder, graphs[0], graphs[-1])
    all_can_be_built(builder, [graphs[-1]])
    return seen


def killed_at_random(builder: Builder, graphs: list[Graph], kills: int, seed: int) -> dict[str, int]:
    """Kill builds at random moments until `kills` were killed; go on to the next graph whenever one is whole.

    An incomplete store stays so until a build comes to its end, so after three kills in a row one is left to do that:
    how many do by themselves depends on how much longer than the first one they take here.

    Returns:
        How often the store held the graph before, the new one, or said that it is incomplete.
    """
    draw = random.Random(seed)
    started = time.monotonic()
    assert builder.run(graphs[0])
    longest = time.monotonic() - started
    before, turn, in_a_row = graphs[0], 1, 0
    seen = {"before": 0, "new": 0, "incomplete": 0}
    while sum(seen.values()) < kills:
        graph = graphs[turn % len(graphs)]
        started = time.monotonic()
        moment = draw.uniform(0.0, longest)
        in_a_row += 1
        if builder.run(graph, kill_after=None if in_a_row > MOST_IN_A_ROW else moment):
            longest = max(time.monotonic() - started, 0.5 * longest)
            before, turn, in_a_row = graph, turn + 1, 0
            with builder.open() as store:
                assert (store.check(), store_digest(store)) == (graph.build_id, graph.digest)
            continue
        seen[state_of(builder, before, graph)] += 1
    all_can_be_built(builder, graphs)
    return seen
