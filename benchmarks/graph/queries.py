"""p50 and p95 of every named query on both servers, on the real graph, and whether both give the same rows.

    python -m benchmarks.graph.queries --sources ../shared/sources [--repeat 20] [--neo4j URI] [--json]

Builds into a new temporary workspace and loads the embedded store and a Neo4j: the one at --neo4j (NEO4J_USERNAME,
NEO4J_PASSWORD; its graph is replaced), else one that ../shared/neo4j starts. Every query runs with `--repeat`
different draws: genes by their number of interactions (TP53 and UBC always among them), pairs that interact and pairs
that do not, factors by targets, annotated terms evenly, pathways by genes. Evidence comes from two verifiers on
knockdown questions. Each query runs once with all draws before it is timed. Times are
the client's and include reading the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.core.claims import Claim
from rbio_kg.core.progress import silent
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.store.queries import NamedQuery, named_queries
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.services.evidence import load_evidence
from rbio_kg.workspace import Workspace
from scripts.documents.queries import write_scored_run

LIMIT_MS = 150.0
ALWAYS = ("TP53", "UBC")
CLAIMS = 2_000


class Draws:
    """Seeded values for the queries' parameters."""

    def __init__(self, tables: GraphTables, claims: list[Claim], verdicts: list[str], seed: int) -> None:
        self.random = random.Random(seed)
        self.tables = tables
        self.claims, self.verdicts = claims, verdicts
        ends = pl.concat([tables["interactions"]["start"], tables["interactions"]["end"]])
        self.genes, self.factors = self._weighted(ends), self._weighted(tables["regulations"]["start"])
        self.terms = self._weighted(tables["annotations"]["end"].unique())
        self.pathways = self._weighted(tables["memberships"]["end"])
        self.sets = self._weighted(tables["set_members"]["end"])

    def _weighted(self, keys: pl.Series) -> Callable[[], str]:
        rows = keys.rename("key").value_counts().sort("key").rows()
        names, weights = [row[0] for row in rows], np.cumsum([row[1] for row in rows]).tolist()
        return lambda: self.random.choices(names, cum_weights=weights)[0] if names else ""

    def _ends(self, table: str) -> tuple[str, str]:
        frame = self.tables[table]
        row = frame.row(self.random.randrange(frame.height), named=True)
        return row["start"], row["end"]

    def values(self, query: NamedQuery, number: int) -> dict[str, Any]:
        """Values for the `number`th run of a query."""
        names = {item.name for item in query.parameters}
        given: dict[str, Any] = {}
        if "symbol" in names:
            given["symbol"] = ALWAYS[number] if number < len(ALWAYS) else self.genes()
        if "symbols" in names:
            given["symbols"] = sorted({self.genes() for _ in range(self.random.randint(5, 50))})
        if {"subject", "object"} <= names:
            given["subject"], given["object"] = self._pair(query, number)
        if query.name in ("targets", "regulation_chain"):
            given["subject" if "subject" in names else "symbol"] = self.factors()
        if "id" in names:
            draw = {"evidence_of_verdict": lambda: self.random.choice(self.verdicts)}
            meaning = next(item.doc for item in query.parameters if item.name == "id")
            kind = self.terms if "GO id" in meaning else self.sets if "set" in meaning else self.pathways
            given["id"] = draw.get(query.name, kind)()
        if "cell_line" in names and query.name == "similar_knockdowns":
            row = self.tables["knockdowns"].row(self.random.randrange(self.tables["knockdowns"].height), named=True)
            given["symbol"], given["cell_line"] = row["start"], row["cell_line"]
        return query.values(given)

    def _pair(self, query: NamedQuery, number: int) -> tuple[str, str]:
        if query.name == "verdicts_of_claim":
            claim = self.random.choice(self.claims)
            return claim.subject, claim.object
        if number == 0:
            return ALWAYS[0], ALWAYS[1]
        if query.name == "provenance":
            tables = ["interactions", "annotations", "memberships", "regulations", "is_a", "set_members", "expression"]
            return self._ends(self.random.choice([name for name in tables if self.tables[name].height]))
        return self._ends("interactions") if number % 2 else (self.genes(), self.genes())


@contextmanager
def neo4j_login(uri: str | None) -> Iterator[dict[str, Any]]:
    if uri:
        yield {
            "uri": uri,
            "username": os.environ.get("NEO4J_USERNAME", "neo4j"),
            "password": os.environ.get("NEO4J_PASSWORD"),
        }
        return
    script = Path(__file__).resolve().parents[2] / "shared" / "neo4j" / "neo4j-server"
    with subprocess.Popen([sys.executable, str(script), "start"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            login = json.loads(server.stdout.readline())
            yield {"uri": login["uri"], "username": login["user"], "password": login["password"]}
        finally:
            server.terminate()


def load(store: GraphStore, workspace: Workspace, run: Path) -> None:
    load_store(store, workspace.tables, workspace.manifest.to_json(), silent)
    load_evidence(store, run)


def measure(stores: dict[str, GraphStore], draws: Draws, repeat: int) -> list[dict[str, Any]]:
    """One row per query: p50 and p95 in milliseconds on each server, mean rows, and whether rows agree."""
    rows = []
    for query in named_queries().values():
        values_of_runs = [draws.values(query, number) for number in range(repeat)]
        seconds: dict[str, list[float]] = {name: [] for name in stores}
        slowest: dict[str, Any] = {}
        counts, same = [], True
        for store in stores.values():  # warm: plans, pages and compiled code
            for values in values_of_runs:
                store.query(query.cypher, values)
        for values in values_of_runs:
            answers = []
            for name, store in stores.items():
                started = time.perf_counter()
                answers.append(store.query(query.cypher, values))
                seconds[name].append(1000 * (time.perf_counter() - started))
                if seconds[name][-1] == max(seconds[name]):
                    slowest[name] = values
            counts.append(len(answers[0]))
            same = same and all(answer == answers[0] for answer in answers)
        row: dict[str, Any] = {"query": query.name, "rows": float(np.mean(counts)), "same": same, "slowest": slowest}
        for name, values in seconds.items():
            row[name] = {f"p{p}": round(float(np.percentile(values, p)), 1) for p in (50, 95)}
        row["within_limit"] = all(row[name]["p95"] < LIMIT_MS for name in stores)
        rows.append(row)
        print(f"  {query.name}", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--neo4j", help="address of a Neo4j whose graph may be replaced")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from rbio_kg.graph_builders.build.build import build_graph

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workspace = stack.enter_context(Workspace(folder / "workspace", sources=options.sources))
        build_graph(workspace.paths, options.sources, progress=silent)
        claims = write_scored_run(workspace, folder / "run", CLAIMS)
        login = stack.enter_context(neo4j_login(options.neo4j))
        stores = {
            "embedded": stack.enter_context(workspace.open_store(read_only=False)),
            "neo4j": stack.enter_context(GraphStore.open(login.pop("uri"), **login)),
        }
        for store in stores.values():
            load(store, workspace, folder / "run")
        found = stores["embedded"].query("MATCH (v:Verdict) RETURN v.id AS id ORDER BY id LIMIT 500")
        draws = Draws(workspace.tables, claims, [row["id"] for row in found], options.seed)
        rows = measure(stores, draws, options.repeat)
    document = {"machine": platform.platform(), "repeat": options.repeat, "limit_ms": LIMIT_MS, "queries": rows}
    if options.json:
        print(json.dumps(document))
        return
    print(f"{'query':<24}{'rows':>7}  {'embedded p50':>12}{'p95':>8}  {'neo4j p50':>10}{'p95':>8}  ms")
    for row in rows:
        times = [row[name][key] for name in stores for key in ("p50", "p95")]
        notes = ("" if row["within_limit"] else f"  over {LIMIT_MS:.0f} ms") + ("" if row["same"] else "  ROWS DIFFER")
        print(f"{row['query']:<24}{row['rows']:>7.1f}  {times[0]:>12}{times[1]:>8}  {times[2]:>10}{times[3]:>8}{notes}")


if __name__ == "__main__":
    main()
