"""Graph paths as a separator of true and false claims, compared with Katz, personalised PageRank and shortest paths.

    python -m benchmarks.verifiers.path_claims --build WORKSPACE/graph/builds/ID        # 5 seeds, PerturbQA's test rows
    python -m benchmarks.verifiers.path_claims --build WORKSPACE/graph/builds/ID --tune # the settings, on other edges

Interactions and regulations: a tenth of the edges is taken out of the graph, one half to fit calibrations, one half to
measure; for each true pair four false ones: two random (of regulations one, and the true pair turned round), one whose
object is of like degree, one at the end of a short walk. Knockdowns: calibrations are fitted on train rows, the test
rows are measured. Every method sees the same graph and the same pairs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score

from benchmarks.verifiers.path_peers import katz, largest_eigenvalue, matrix, personalised_pagerank, shortest_path
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.evaluation.scorecard import question_scores
from rbio_kg.verifiers.graph_path.calibration import PARTS
from rbio_kg.verifiers.graph_path.features import PathParts
from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier, fit_graph_path
from rbio_kg.verifiers.link_predictor.split import MessageGraph, entries_kept
from rbio_kg.verifiers.stats.logistic import fit_logistic
from rbio_kg.verifiers.stats.metrics import auroc, expected_calibration_error, summary
from rbio_kg.verifiers.stats.negatives import degree_matched, false_pairs, is_known, keys_of, walk

RELATIONS = ("interacts_with", "regulates")
KINDS = ("random", "degree-matched", "two steps away", "turned round")
KATZ, RESTART = {"interacts_with": 0.1, "regulates": 0.1}, {"interacts_with": 0.5, "regulates": 0.85}
"""Katz's attenuation times the largest eigenvalue, and PageRank's restart; chosen by --tune, and so was the graph: all
associations serve the peers better than the regulations in their direction only."""
TUNING_SEED = 100


@dataclass(frozen=True)
class Pairs:
    """True and false pairs: ends, labels, and the kind of each false one (position in KINDS; -1 for a true one)."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    labels: NDArray[np.int64]
    kind: NDArray[np.int64]


def held_out(snapshot: Snapshot, relation: str, seed: int, most: int) -> tuple[MessageGraph, Pairs, Pairs]:
    """The graph without a tenth of the relation's edges, and pairs to fit on and to measure with."""
    rng = np.random.default_rng(seed)
    csr = snapshot.interactions if relation == "interacts_with" else snapshot.regulates
    rows, columns = csr.rows(), csr.indices
    entries = np.flatnonzero(rows < columns if relation == "interacts_with" else rows != columns)
    taken = rng.permutation(entries)[: len(entries) // 10]
    gone = np.zeros(len(columns), dtype=np.bool_)
    gone[taken] = True
    graph = MessageGraph(**{part.name: getattr(snapshot, part.name) for part in fields(MessageGraph)})
    if relation == "interacts_with":
        back = np.searchsorted(keys_of(csr), (columns[taken].astype(np.int64) << 32) | rows[taken])
        gone[back] = True
        graph.interactions = entries_kept(csr, ~gone)
    else:
        graph.regulates = entries_kept(csr, ~gone)
        graph.regulated_by = graph.regulates.transpose(len(csr))
    halves = np.array_split(taken, 2)
    fit, test = (_labelled(snapshot, graph, relation, rng, rows[half[:most]], columns[half[:most]]) for half in halves)
    return graph, fit, test


def _labelled(  # noqa: PLR0917
    snapshot: Snapshot, graph: MessageGraph, relation: str, rng: np.random.Generator, a: Any, b: Any
) -> Pairs:
    out, into = (
        (graph.interactions, graph.interactions)
        if relation == "interacts_with"
        else (graph.regulates, graph.regulated_by)
    )
    way = (out, into) if relation == "interacts_with" else (out, into, out)
    known = keys_of(snapshot.interactions if relation == "interacts_with" else snapshot.regulates)
    pool = np.flatnonzero(snapshot.interactions.degrees + snapshot.regulated_by.degrees).astype(np.int32)

    def random(where: NDArray[np.int64]) -> tuple[Any, Any]:
        start = rng.choice(pool, len(where)) if relation == "interacts_with" else a[where % len(a)]
        return start.astype(np.int32), rng.choice(pool, len(where)).astype(np.int32)

    def like(where: NDArray[np.int64]) -> tuple[Any, Any]:
        return a[where % len(a)], degree_matched(rng, b[where % len(b)], into.degrees, pool)

    def near(where: NDArray[np.int64]) -> tuple[Any, Any]:
        return a[where % len(a)], walk(rng, a[where % len(a)], way)

    turned = ~is_known(known, b, a)
    draws = ((random, (2 if relation == "interacts_with" else 1) * len(a)), (like, len(a)), (near, len(a)))
    sets = [(a, b), *(false_pairs(draw, count, known) for draw, count in draws), (b[turned], a[turned])]
    if relation == "interacts_with":
        sets[-1] = (b[:0], a[:0])
    sizes = [len(pairs[0]) for pairs in sets]
    ends = [np.concatenate([pairs[end] for pairs in sets]).astype(np.int32) for end in (0, 1)]
    return Pairs(ends[0], ends[1], np.repeat([1, 0, 0, 0, 0], sizes), np.repeat([-1, 0, 1, 2, 3], sizes))


def path_columns(parts: PathParts, pairs: Pairs, relation: str) -> dict[str, NDArray[np.float64]]:
    """What the verifier combines, and the same without the counts of all paths."""
    found = parts.genes(pairs.a, pairs.b, counts=True)
    few = tuple(part for part in PARTS[relation] if part not in ("two", "three"))
    return {"graph paths": found.matrix(PARTS[relation]), "the best path alone": found.matrix(few)}


def peer_columns(parts: PathParts, pairs: Pairs, relation: str) -> dict[str, NDArray[np.float64]]:
    """The peers' scores, (n,) each."""
    steps = matrix(parts.last_steps)
    return {
        "Katz": katz(steps, pairs.a, pairs.b, KATZ[relation] / largest_eigenvalue(steps)),
        "personalised PageRank": personalised_pagerank(steps, pairs.a, pairs.b, RESTART[relation]),
        "shortest path": shortest_path(steps, pairs.a, pairs.b),
    }


def structure(snapshot: Snapshot, relation: str, seed: int, most: int) -> dict[str, dict[str, float]]:
    """Each method's measures on one split."""
    graph, fit, test = held_out(snapshot, relation, seed, most)
    parts = PathParts(graph)
    columns = {name: [column] for name, column in path_columns(parts, fit, relation).items()}
    for name, column in path_columns(parts, test, relation).items():
        columns[name].append(column)
    both = replace(
        fit, **{name: np.concatenate((getattr(fit, name), getattr(test, name))) for name in ("a", "b", "labels")}
    )
    for name, scores in peer_columns(parts, both, relation).items():
        # Scores over many orders of magnitude: a logistic calibration needs their logarithm.
        logs = np.log(np.maximum(scores, 1e-12))[:, None]
        columns[name] = [logs[: len(fit.a)], logs[len(fit.a) :]]
    found = {}
    for name, (left, right) in columns.items():
        model = fit_logistic(left, fit.labels, tuple(map(str, range(left.shape[1]))))
        found[name] = measured(test, model(right))
    return found


def measured(pairs: Pairs, probabilities: NDArray[np.float64]) -> dict[str, float]:
    """Average precision and AUROC against each kind of false pair, and the calibration over all."""
    found = {"ece": expected_calibration_error(pairs.labels, probabilities) or 0.0}
    for number, kind in enumerate(KINDS):
        if not (pairs.kind == number).any():
            continue
        rows = (pairs.kind == -1) | (pairs.kind == number)
        found[f"ap {kind}"] = float(average_precision_score(pairs.labels[rows], probabilities[rows]))
        found[f"auroc {kind}"] = auroc(pairs.labels[rows], probabilities[rows]) or 0.0
    return found


def over_seeds(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, Any]]:
    """Mean, least and largest of each measure."""
    return {
        name: {
            key: {
                "mean": float(np.mean([run[name][key] for run in runs])),
                "low": min(run[name][key] for run in runs),
                "high": max(run[name][key] for run in runs),
            }
            for key in runs[0][name]
        }
        for name in runs[0]
    }


def knockdowns(build: Path, seed: int) -> dict[str, dict[str, Any]]:
    """Per-gene AUROC with bootstrap intervals, and calibration, on the test rows of each task and cell line."""
    snapshot = Snapshot.open(build / "snapshot")
    questions = pl.read_parquet(build / "tables" / "questions.parquet")
    with tempfile.TemporaryDirectory() as folder:
        fit_graph_path({"questions": questions}, build / "snapshot", Path(folder), seed=seed)
        verifier = GraphPathVerifier(build / "snapshot", folder)
        frame = questions.with_columns(graph_paths=pl.Series(question_scores(verifier, questions)))
    frame = frame.filter(pl.col("graph_paths").is_not_nan())
    a, b = (snapshot.genes.indices(frame[name].to_list()) for name in ("pert", "gene"))
    known = (a >= 0) & (b >= 0)
    frame, pairs = frame.filter(pl.Series(known)), Pairs(a[known], b[known], np.zeros(0), np.zeros(0))
    peers = peer_columns(PathParts(snapshot), pairs, "interacts_with")
    found: dict[str, dict[str, Any]] = {}
    for (task, line), rows in sorted(
        frame.with_row_index("row").group_by("task", "cell_line"), key=lambda item: str(item[0])
    ):
        rows = rows.sort("row")
        index, labels = rows["row"].to_numpy(), rows["label"].to_numpy()
        train, test = (rows["split"] == "train").to_numpy(), (rows["split"] == "test").to_numpy()
        genes = rows["gene"].to_numpy()[test]
        scores = {"graph paths": rows["graph_paths"].to_numpy()[test]}
        for name, values in peers.items():
            logs = np.log(np.maximum(values[index], 1e-12))[:, None]
            scores[name] = fit_logistic(logs[train], labels[train], (name,))(logs[test])
        place = f"{line} {task}"
        found[place] = {name: summary(genes, labels[test], value, seed=seed) for name, value in scores.items()}
    return found


def tuned(snapshot: Snapshot, most: int) -> dict[str, dict[str, float]]:
    """Average precision of each peer's settings on the fitting pairs of a split that is not measured."""
    found: dict[str, dict[str, float]] = {}
    for relation in RELATIONS:
        graph, fit, _ = held_out(snapshot, relation, TUNING_SEED, most)
        parts = PathParts(graph)
        tables = {"association": matrix(parts.last_steps)}
        if relation == "regulates":
            tables["regulation"] = matrix(graph.regulates, np.ones(len(graph.regulates.indices)))
        for place, steps in tables.items():
            largest = largest_eigenvalue(steps)
            results = {f"katz {share}": katz(steps, fit.a, fit.b, share / largest) for share in (0.1, 0.5, 0.9)}
            results |= {f"restart {r}": personalised_pagerank(steps, fit.a, fit.b, r) for r in (0.15, 0.5, 0.85)}
            results["shortest path"] = shortest_path(steps, fit.a, fit.b)
            precision = {name: float(average_precision_score(fit.labels, value)) for name, value in results.items()}
            found[f"{relation}, {place}"] = precision
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="a build's folder: its snapshot and its tables")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=1000, help="true pairs to fit on, and as many to measure with")
    parser.add_argument("--tune", action="store_true", help="only the peers' settings, on other edges")
    parser.add_argument("--only", choices=[*RELATIONS, "knockdowns"], help="one table")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    snapshot = Snapshot.open(options.build / "snapshot")
    result: dict[str, Any] = {
        "build_id": snapshot.build_id,
        "seeds": list(range(options.seeds)),
        "pairs": options.pairs,
    }
    if options.tune:
        result["settings"] = tuned(snapshot, options.pairs)
    else:
        for relation in RELATIONS:
            if options.only in (None, relation):
                runs = [structure(snapshot, relation, seed, options.pairs) for seed in range(options.seeds)]
                result[relation] = over_seeds(runs)
        if options.only in (None, "knockdowns"):
            result["knockdowns"] = knockdowns(options.build, 0)
    if options.json:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        shown(result)


def shown(result: Mapping[str, Any]) -> None:
    """The figures as tables."""
    console = Console(width=150)
    for relation in RELATIONS:
        if relation in result:
            keys = list(next(iter(result[relation].values())))
            table = Table("method", *keys, title=f"{relation}: mean [least, largest] over the seeds")
            for name, values in result[relation].items():
                cells = (
                    f"{v['mean']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" if (v := values.get(key)) else "-"
                    for key in keys
                )
                table.add_row(name, *cells)
            console.print(table)
    if "knockdowns" in result:
        table = Table("rows", "method", "per-gene AUROC", "pooled AUROC", "ECE", title="knockdowns, test rows")
        for place, methods in result["knockdowns"].items():
            for name, values in methods.items():
                low, high = values["interval"]
                ranked = f"{values['per_gene_auroc']:.3f} [{low:.3f}, {high:.3f}]"
                table.add_row(place, name, ranked, f"{values['pooled']['auroc']:.3f}", f"{values['ece']:.3f}")
        console.print(table)
    for place, values in result.get("settings", {}).items():
        console.print(place, {name: round(value, 3) for name, value in values.items()})


if __name__ == "__main__":
    main()
