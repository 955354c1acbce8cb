"""Peak memory, seconds, recall and false discovery rate of `questions from-h5ad` on a file of at least 2 GB.

    python -m benchmarks.screens.from_h5ad --workspace workspace --file screen.h5ad [--control-cells 20000]
        [--perturbations 100] [--cells-each 1000] [--genes 4000] [--method wilcoxon] [--max-memory 2] [--json]

The file is drawn from the model of `benchmarks.screens.simulated_screen` unless it is there. The genes of the
workspace's graph come first; further ones have invented names. Perturbations are genes of the graph. Each process is
started anew, so that the peak is that of the command alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.markdown import print_table


def model_of(options: argparse.Namespace) -> Any:
    """The model with names of the workspace's graph."""
    import numpy as np

    from benchmarks.screens.simulated_screen import ScreenModel
    from rbio_kg.workspace import Workspace

    with Workspace(options.workspace) as workspace:
        known = sorted(workspace.tables["genes"]["symbol"].to_list())
    known = np.random.default_rng(options.seed).permutation(known).tolist()[: options.genes]
    names = [*known, *(f"NOGENE{number}" for number in range(options.genes - len(known)))]
    return ScreenModel(
        known[: options.perturbations],
        names,
        control_cells=options.control_cells,
        cells_each=options.cells_each,
        depth=options.depth,
        seed=options.seed,
    )


def generate(options: argparse.Namespace) -> None:
    """Write the file."""
    from benchmarks.screens.simulated_screen import draw_screen, write_screen

    write_screen(draw_screen(model_of(options)), options.file)


def quality(questions: Path, options: argparse.Namespace) -> dict[str, float]:
    """Recall and false discovery rate of label 1 against the model's effects."""
    import polars as pl

    from benchmarks.screens.simulated_screen import draw_screen

    truth = draw_screen(model_of(options)).truth
    found = pl.read_csv(questions).join(truth, on=["pert", "gene"], how="left")
    known = truth.filter((pl.col("effect") != 0) & (pl.col("pert") != pl.col("gene")))
    known = known.filter(pl.col("gene").is_in(found["gene"].unique().to_list()))
    called = found.filter(pl.col("label") == 1)
    true = called.filter(pl.col("effect") != 0)
    return {"recall": true.height / known.height, "false_discovery_rate": 1.0 - true.height / called.height}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--control-cells", type=int, default=20_000)
    parser.add_argument("--perturbations", type=int, default=100)
    parser.add_argument("--cells-each", type=int, default=1000)
    parser.add_argument("--genes", type=int, default=4000)
    parser.add_argument("--depth", type=float, default=8000.0)
    parser.add_argument("--method", default="wilcoxon")
    parser.add_argument("--max-memory", default="2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--stage", choices=["all", "generate", "command", "quality"], default="all", help=argparse.SUPPRESS
    )
    parser.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    out = options.file.with_suffix(".csv")
    if options.stage == "generate":
        generate(options)
        return
    if options.stage == "command":
        subprocess.run(options.command, check=True)
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        return
    if options.stage == "quality":
        print(json.dumps(quality(out, options)))
        return
    own = [sys.executable, "-m", "benchmarks.screens.from_h5ad", *sys.argv[1:]]
    if not options.file.exists():
        subprocess.run([*own, "--stage", "generate"], check=True)
    command = [
        sys.executable,
        "-m",
        "rbio_kg",
        "questions",
        "from-h5ad",
        str(options.file),
        "--out",
        str(out),
        "--json",
    ]
    command += ["--workspace", str(options.workspace), "--method", options.method, "--max-memory", options.max_memory]
    command += ["--max-unrecognised", "1.0"]
    start = time.perf_counter()
    done = subprocess.run([*own, "--stage", "command", "--", *command], check=True, stdout=subprocess.PIPE)
    seconds = time.perf_counter() - start
    output, peak = done.stdout.decode().rsplit("\n", 2)[:2]
    document = json.loads(output)
    row = {
        "method": options.method,
        "file_gb": options.file.stat().st_size / 1e9,
        "cells": document["cells"],
        "perturbations": document["perturbations"],
        "peak_mb": int(peak) / 1024,
        "seconds": seconds,
    }
    measured = subprocess.run([*own, "--stage", "quality"], check=True, stdout=subprocess.PIPE)
    row |= json.loads(measured.stdout)
    print_table(list(row), [row], as_json=options.json)


if __name__ == "__main__":
    main()
