"""The trivial predictors on PerturbQA's test splits, under every split scheme: what a model has to beat.

    python -m benchmarks.verifiers.baselines ../shared/sources [--lines k562 rpe1] [--tasks de]
        [--split-schemes global] [--json]

Prints one row per cell line, task and split scheme: genes and rows measured, per-gene AUROC of pair copy and of
perturbation strength with their intervals over genes, and pooled F1 and MCC of the gene
prior (its per-gene AUROC is 0.5).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.training.data.perturbqa_csv import read_question_file
from rbio_kg.training.evaluation.comparison import measure
from rbio_kg.verifiers.evaluation.baselines import baseline_scores
from rbio_kg.verifiers.splits import SPLIT_SCHEMES, divide


def measured(questions: pl.DataFrame, line: str, split_scheme: str, seed: int) -> dict[str, Any]:
    """The baselines of one cell line under one split scheme."""
    division = divide(questions, split_scheme, line, seed=seed)
    scores = baseline_scores(division.test, division.train)
    return {
        "cell_line": line,
        "task": str(questions["task"][0]),
        "protocol": split_scheme,
        "train_rows": len(division.train),
        "seed": seed,
        "baselines": {name: measure(division.test, found, seed) for name, found in scores.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--lines", nargs="+", help="lines to measure; all lend their labels")
    parser.add_argument("--tasks", nargs="+", default=["de", "dir"], choices=["de", "dir"])
    parser.add_argument("--split-schemes", nargs="+", default=list(SPLIT_SCHEMES), choices=SPLIT_SCHEMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = []
    for task in options.tasks:
        files = sorted((options.sources / "perturbqa").glob(f"*-{task}.csv*"))
        questions = pl.concat([read_question_file(file, task, None, None).frame for file in files])
        for line in options.lines or questions["cell_line"].unique().sort().to_list():
            found += [measured(questions, line, split_scheme, options.seed) for split_scheme in options.split_schemes]
    if options.json:
        print(json.dumps(found, indent=1, allow_nan=False))
        return
    print("line   task split scheme        genes    rows  pair copy            strength             prior F1    MCC")
    for item in found:
        prior, *others = (item["baselines"][name] for name in ("gene_prior", "pair_copy", "perturbation_strength"))
        spread = "  ".join(
            f"{one['per_gene_auroc']:.3f} [{one['interval'][0]:.3f}, {one['interval'][1]:.3f}]" for one in others
        )
        print(
            f"{item['cell_line']:6} {item['task']:4} {item['protocol']:18} {prior['genes']:6} {prior['rows']:7}"
            f"  {spread} {prior['pooled']['f1']:8.3f} {prior['pooled']['mcc']:6.3f}"
        )


if __name__ == "__main__":
    main()
