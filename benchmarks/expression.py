"""Quality of the expression model on the real PerturbQA test splits, beside the trivial baselines.

    python benchmarks/expression.py ../shared/sources [--lines k562 rpe1] [--tasks de] [--protocols official] [--json]

Prints one row per cell line, task and protocol: per-gene AUROC with its interval over genes, pooled AUROC and MCC,
calibration error, the baselines' per-gene AUROC and pooled MCC, and the seconds of fitting and scoring (one thread of a
possibly busy machine: compare them within one run only). Test splits are for looking at once: settings are chosen on
train rows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

PROTOCOLS = ("official", "alone", "global")
"""`alone` is the official split without the other cell lines."""


def measure(sources: Path, lines: list[str], tasks: list[str], protocols: list[str], seed: int) -> list[dict[str, Any]]:
    """One document of `evaluate expression` per combination that has a questions file."""
    from graph_builders.build import build_tables
    from training.evaluation import evaluate_expression

    print("reading the sources", file=sys.stderr)
    tables, _ = build_tables(sources)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for line in lines:
            for task in tasks:
                for protocol in protocols:
                    file = sources / "perturbqa" / f"{line}-{task}.csv"
                    if not file.is_file():
                        print(f"{file} is not there: left out", file=sys.stderr)
                        continue
                    started = time.perf_counter()
                    document = evaluate_expression(
                        tables,
                        file,
                        task=task,
                        cell_line=line,
                        protocol="global" if protocol == "global" else "official",
                        alone=protocol == "alone",
                        seed=seed,
                        models_dir=Path(folder),
                    )
                    document["protocol"] = protocol
                    found.append({**document, "seconds": round(time.perf_counter() - started, 1)})
                    print(_row(found[-1]), file=sys.stderr)
    return found


def _row(document: dict[str, Any]) -> str:
    low, high = document["interval"]
    prior, copy = document["baselines"]["gene_prior"], document["baselines"]["pair_copy"]
    return (
        f"{document['cell_line']:6} {document['task']:4} {document['protocol']:9}"
        f" {document['per_gene_auroc']:.3f} [{low:.3f}, {high:.3f}] {document['genes']:6}"
        f" {document['pooled']['auroc']:7.3f} {document['pooled']['mcc']:6.3f} {document['ece']:6.3f}"
        f" {prior['per_gene_auroc']:6.3f} {prior['pooled']['mcc']:6.3f} {copy['per_gene_auroc']:6.3f}"
        f" {document['seconds']:7.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--lines", nargs="+", default=["k562", "rpe1", "hepg2", "jurkat"])
    parser.add_argument("--tasks", nargs="+", default=["de", "dir"], choices=["de", "dir"])
    parser.add_argument("--protocols", nargs="+", default=list(PROTOCOLS), choices=PROTOCOLS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.sources, options.lines, options.tasks, options.protocols, options.seed)
    if options.json:
        print(json.dumps(found, indent=1, allow_nan=False))
        return
    print("line   task protocol  per-gene AUROC         genes  pooled    MCC    ECE  prior   MCC    copy  seconds")
    for document in found:
        print(_row(document))


if __name__ == "__main__":
    main()
