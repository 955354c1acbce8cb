"""Speed of the graph path verifier, and of its path search compared with the same search over a NetworkX graph.

    python -m benchmarks.verifiers.graph_path --sources ../shared/sources
    python -m benchmarks.verifiers.graph_path --snapshot workspace/graph/builds/ID/snapshot --json

Both searches walk the same steps with the same weights and stop early by the same rule; their products are compared
pair by pair. Rates are of processor time in one process.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from rich.console import Console
from rich.table import Table

from rbio_kg.core.claims import Claim
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.graph_path.features import PathParts
from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--sources", type=Path, help="providers' files to build a snapshot from")
    where.add_argument("--snapshot", type=Path, help="a built snapshot")
    parser.add_argument("--pairs", type=int, default=50_000, help="claims scored by the verifier")
    parser.add_argument("--networkx-pairs", type=int, default=1_000, help="pairs searched by both")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.snapshot or built(options.sources, Path(scratch) / "snapshot")
        result = measured(directory, options.pairs, options.networkx_pairs, options.seed)
    if options.json:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        shown(result)


def built(sources: Path, directory: Path) -> Path:
    """A snapshot of the sources."""
    from rbio_kg.graph_builders.build.build import build_tables

    tables, manifest = build_tables(sources, progress=lambda message, share: None)
    write_snapshot(tables, directory, manifest.build_id)
    return directory


def measured(directory: Path, pairs: int, networkx_pairs: int, seed: int) -> dict[str, Any]:
    """All figures."""
    snapshot = Snapshot.open(directory)
    a, b = drawn(snapshot, pairs, np.random.default_rng(seed))
    keys = snapshot.genes.keys
    verifier = GraphPathVerifier(directory)
    rates = {}
    for relation in ("changes_expression_of", "interacts_with", "regulates"):
        claims = [Claim(keys[x], relation, keys[y]) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        verifier.score(claims[:100])
        rates[relation] = rate(lambda claims=claims: verifier.score(claims), len(claims))

    parts = PathParts(snapshot)
    parts.association_paths(a[:10], b[:10])
    searches = rate(lambda: parts.association_paths(a, b), len(a))
    graph = networkx_graph(parts)
    few = np.random.default_rng(seed).permutation(len(a))[:networkx_pairs]
    found: list[float] = []
    peer = rate(lambda: found.extend(networkx_search(graph, int(a[i]), int(b[i])) for i in few), len(few))
    np.testing.assert_allclose(found, parts.association_paths(a[few], b[few])[0], rtol=1e-9)
    return {
        "build_id": snapshot.build_id,
        "genes": len(snapshot.genes),
        "interactions": len(snapshot.interactions.indices) // 2,
        "pairs": len(a),
        "claims_per_second": rates,
        "paths_per_second": {"rbio_kg": searches, "networkx": peer, "ratio": searches / peer, "compared": len(few)},
    }


def drawn(snapshot: Snapshot, pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Half the pairs are interactions, half are random genes that interact with something."""
    csr = snapshot.interactions
    edges = rng.integers(0, len(csr.indices), pairs // 2)
    pool = np.flatnonzero(csr.degrees).astype(np.int32)
    a = np.concatenate((csr.rows()[edges], rng.choice(pool, pairs - len(edges))))
    b = np.concatenate((csr.indices[edges], rng.choice(pool, pairs - len(edges))))
    return a[a != b], b[a != b]


def rate(work: Callable[[], Any], count: int) -> float:
    """Pieces of work per second of processor time."""
    start = time.process_time()
    work()
    return count / max(time.process_time() - start, 1e-9)


def networkx_graph(parts: PathParts) -> nx.Graph:
    """The association steps, strongest first, with the penalty of each node."""
    steps, last = parts.steps, parts.last_steps
    graph = nx.Graph()
    for node in range(len(last)):
        degree = max(1, int(last.indptr[node + 1] - last.indptr[node]))
        indices, weights = last.row(node)
        graph.add_node(node, penalty=float(degree) ** -0.25)
        graph.add_weighted_edges_from((node, x, w) for x, w in zip(indices.tolist(), weights.tolist(), strict=True))
    for node in range(len(steps)):
        indices, weights = steps.row(node)
        graph.nodes[node]["steps"] = list(zip(indices.tolist(), weights.tolist(), strict=True))
    return graph


def networkx_search(graph: nx.Graph, start: int, goal: int) -> float:
    """Best product over paths of 2 or 3 steps."""
    if len(graph[start]) > len(graph[goal]):
        start, goal = goal, start
    into = {x: data["weight"] for x, data in graph[goal].items()}
    top = max(into.values(), default=0.0)
    steps = graph.nodes(data="steps")
    best = 0.0
    for x, weight in steps[start]:
        if weight * top <= best:
            break
        if x not in (start, goal) and x in into:
            best = max(best, weight * into[x])
    for x, weight in steps[start]:
        if weight * top <= best:
            break
        if x in (start, goal):
            continue
        for y, second in steps[x]:
            if weight * second * top <= best:
                break
            if y not in (start, goal, x) and y in into:
                best = max(best, weight * second * into[y])
    return best


def shown(result: dict[str, Any]) -> None:
    """The figures as a table."""
    paths = result["paths_per_second"]
    table = Table(
        title=f"{result['genes']:,} genes, {result['interactions']:,} interactions, {result['pairs']:,} pairs"
    )
    table.add_column("what")
    table.add_column("per second", justify="right")
    for relation, value in result["claims_per_second"].items():
        table.add_row(f"claims, {relation}", f"{value:,.0f}")
    table.add_row("best paths of 2 or 3 steps", f"{paths['rbio_kg']:,.0f}")
    table.add_row(f"the same over NetworkX ({paths['compared']:,} pairs)", f"{paths['networkx']:,.0f}")
    table.add_row("ratio", f"{paths['ratio']:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
