"""Quality of the expression model on the real PerturbQA test splits, with its peers and the trivial baselines.

    python -m benchmarks.verifiers.expression ../shared/sources [--lines k562 rpe1] [--tasks de]
        [--split-schemes official] [--json]

One row per cell line, task and split scheme: per-gene AUROC with its interval over genes, calibration error, and
per-gene AUROC of the plain similarity vote, of the perceptron on spectral vectors (the rbio paper's model) and of the
baselines; then the mean over the lines. Each fit reports its CPU seconds and the process's peak memory so far, each
scoring its claims a CPU second, in one thread. Every combination is fitted anew, `--jobs` of them at once. Test splits
are for looking at once: settings are chosen on train rows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

from benchmarks.policy.plain_readers import plain_vote  # noqa: E402

SPLIT_SCHEMES = ("official", "global", "leave-one-line-out", "gene-disjoint")
Combination = tuple[str, str, str]


@cache
def _tables(sources: Path) -> Any:
    from rbio_kg.graph_builders.build.build import build_tables

    print("reading the sources", file=sys.stderr)
    return build_tables(sources)[0]


@cache
def _vectors(sources: Path) -> Any:
    from rbio_kg.verifiers.expression.embeddings import spectral_embeddings

    return spectral_embeddings(_tables(sources))


def measure(sources: Path, combination: Combination, seed: int) -> dict[str, Any]:
    """Fit on what the split scheme allows, score its test rows, and score the peers on them."""
    from rbio_kg.training.evaluation.leakage import Audit
    from rbio_kg.verifiers.expression.mlp import line_rows, mlp_scores
    from rbio_kg.verifiers.expression.verifier import ExpressionVerifier, fit_expression
    from rbio_kg.verifiers.splits import divide

    line, task, split_scheme = combination
    tables = _tables(sources)
    questions = tables["questions"].filter(pl.col("task") == task)
    division = divide(questions, split_scheme, line, seed=seed)
    train, rows = division.train, division.test.sort("pert", "gene")
    audit = Audit(rows, split_scheme, held_out=True)
    audit.training(train, None)
    audit.graph(tables["knockdowns"], None)
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        fit_expression(
            tables, Path(folder) / "model", questions=questions, seed=seed, split_scheme=split_scheme, cell_lines=[line]
        )
        fitting = time.process_time() - started
        verifier = ExpressionVerifier(Path(folder) / "model")
        audit.model(verifier.model, None)
        vectors, started = _vectors(sources), time.process_time()
        mlp = mlp_scores(vectors, line_rows(train, line), rows, seed=seed)
        mlp_seconds = time.process_time() - started
        document = compared(verifier, train, rows, {"mlp": mlp}, seed)
    return {
        **document,
        "cell_line": line,
        "task": task,
        "protocol": split_scheme,
        "fit_cpu_seconds": round(fitting, 1),
        "mlp_cpu_seconds": round(mlp_seconds, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def compared(
    verifier: Any, train: pl.DataFrame, rows: pl.DataFrame, peers: dict[str, Any], seed: int
) -> dict[str, Any]:
    """The verifier's measures on the test rows, those of the vote, the peers and the baselines, and its speed."""
    from rbio_kg.training.evaluation.comparison import compare_with_baselines
    from rbio_kg.verifiers.evaluation.baselines import baseline_scores
    from rbio_kg.verifiers.evaluation.scorecard import question_scores

    started = time.process_time()
    found = question_scores(verifier, rows)
    speed = len(rows) / (time.process_time() - started)
    baselines = baseline_scores(rows, train)
    prior = baselines["gene_prior"]
    # Who abstains gets the gene prior.
    scores, *others = (np.where(np.isnan(one), prior, one) for one in (found, *peers.values()))
    vote = plain_vote(verifier.model, rows)
    return {
        **compare_with_baselines(
            rows, scores, {"plain_vote": vote, **dict(zip(peers, others, strict=True)), **baselines}, seed
        ),
        "abstained": int(np.isnan(found).sum()),
        "claims_per_second": round(speed),
    }


def means(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The plain mean over the cell lines of every task and split scheme that has several."""
    for task, split_scheme in dict.fromkeys((found["task"], found["protocol"]) for found in documents):
        mine = [found for found in documents if (found["task"], found["protocol"]) == (task, split_scheme)]
        if len(mine) > 1:
            names = mine[0]["baselines"]
            yield {
                "task": task,
                "protocol": split_scheme,
                "cell_lines": [found["cell_line"] for found in mine],
                "per_gene_auroc": float(np.mean([found["per_gene_auroc"] for found in mine])),
                "ece": float(np.mean([found["ece"] for found in mine])),
                "baselines": {
                    name: {"per_gene_auroc": float(np.mean([f["baselines"][name]["per_gene_auroc"] for f in mine]))}
                    for name in names
                },
            }


_PEERS = ("plain_vote", "mlp", "pair_copy", "gene_prior")


def _row(found: dict[str, Any]) -> str:
    peers = " | ".join(f"{found['baselines'][name]['per_gene_auroc']:.3f}" for name in _PEERS)
    lead = found.get("differences", {}).get("plain_vote")
    gap = f"{lead['mean']:+.3f} [{lead['low']:+.3f}, {lead['high']:+.3f}]" if lead else ""
    interval = "[{:.3f}, {:.3f}]".format(*found["interval"]) if "interval" in found else ""
    costs = [found.get(key, "") for key in ("genes", "fit_cpu_seconds", "peak_mb", "claims_per_second")]
    cells = [found["task"], found["protocol"], found.get("cell_line", "mean"), f"{found['per_gene_auroc']:.3f}"]
    return "| " + " | ".join(map(str, [*cells, interval, f"{found['ece']:.3f}", peers, gap, *costs])) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--lines", nargs="+", default=["k562", "rpe1", "hepg2"])
    parser.add_argument("--tasks", nargs="+", default=["de", "dir"], choices=["de", "dir"])
    parser.add_argument("--split-schemes", nargs="+", default=list(SPLIT_SCHEMES), choices=SPLIT_SCHEMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes, about 2.5 GB each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    combinations = [
        (line, task, split_scheme)
        for split_scheme in options.split_schemes
        for task in options.tasks
        for line in options.lines
    ]
    arguments = [options.sources] * len(combinations), combinations, [options.seed] * len(combinations)
    if options.jobs > 1:
        with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
            found = list(pool.map(measure, *arguments))
    else:
        found = list(map(measure, *arguments))
    average = list(means(found))
    if options.json:
        print(json.dumps({"fits": found, "means": average}, indent=1, allow_nan=False))
        return
    title = [
        "task",
        "split scheme",
        "line",
        "per-gene AUROC",
        "interval",
        "ECE",
        *_PEERS,
        "lead over the vote",
        "genes",
    ]
    title += ["fit, CPU s", "peak MB", "claims/s"]
    print("| " + " | ".join(title) + " |\n|" + " --- |" * len(title))
    for document in [*found, *average]:
        print(_row(document))


if __name__ == "__main__":
    main()
