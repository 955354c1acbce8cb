"""How claim verifiers are best pooled: calibration and ranking of v on train questions, out of fold.

    python -m benchmarks.verifiers.pooling --workspace DIR [--lines k562 rpe1 hepg2] [--rows 12000] [--seed 0] [--json]

All rows of train genes with both labels, about `--rows` a line. With a proper rule the policy learns v,
so the Brier score of v comes first. Genes are compared within a fold; no test row is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.markdown import print_table
from benchmarks.policy.policy_trials import folds_of
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.comparison import measure
from rbio_kg.verifiers.pooling import Pooling, pool
from rbio_kg.workspace import Workspace

NAMES = ("graph_path", "link_predictor", "expression")
POOLED: tuple[tuple[tuple[float, ...], Pooling], ...] = tuple(
    (weights, how)
    for weights in ((0.2, 0.2, 0.6), (0.1, 0.1, 0.8), (0.05, 0.05, 0.9), (0.02, 0.02, 0.96))
    for how in ("mean", "log_odds")
)


def rows(workspace: Workspace, line: str, count: int, seed: int) -> list[dict[str, Any]]:
    """One row a way to pool, of one cell line."""
    train = QuestionSet(workspace.tables["questions"]).select(split="train", cell_line=line, task="de")
    train = train.complete_genes(rows=count, seed=seed)
    claims = train.claims()
    scores = {name: workspace.verifier(name).score(claims) for name in NAMES}
    expression = workspace.verifier("expression")
    folds = folds_of(workspace, train)
    prior = [expression.rate(claim) for claim in claims]  # type: ignore[attr-defined]
    ways = {name: np.where(np.isnan(values), np.nanmean(values), values) for name, values in scores.items()}
    ways |= {
        f"{' / '.join(map(str, weights))}, {how}": pool(np.stack(list(scores.values())), weights, how)[0]
        for weights, how in POOLED
    }
    found = []
    for name, values in (ways | {"gene prior": np.array(prior)}).items():
        measured = measure(train.frame, values, seed, folds)
        found.append({"cell_line": line, "pooled": name, **{key: measured[key] for key in COLUMNS[2:]}})
    return found


COLUMNS = ("cell_line", "pooled", "brier", "ece", "per_gene_auroc", "interval")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", default=["k562", "rpe1", "hepg2"])
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    found = [row for line in options.lines for row in rows(workspace, line, options.rows, options.seed)]
    if not options.json:
        print("graph_path / link_predictor / expression")
    print_table(COLUMNS, found, as_json=options.json)


if __name__ == "__main__":
    main()
