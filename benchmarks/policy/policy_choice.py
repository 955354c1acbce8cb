"""Finished runs on train questions of none of their trainings: which run shall be evaluated on the test rows.

    python -m benchmarks.policy.policy_choice RUN... --workspace DIR [--lines k562 rpe1 hepg2] [--rows 480]

No test row is read. Genes on which a run was trained in a line are left out. Of the others at most `--per-gene` rows
are evaluated, with facts from other folds than the question's own. Genes are compared within a fold. Each run is
evaluated after SFT and after GRPO, by the likelihood of yes and as stated. `above v`: the mean minus the mean of the
reward's v (for the likelihood: the share of yes minus it). `gap`: the root of the mean squared distance from v.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.markdown import print_table
from benchmarks.policy.policy import READ_OUTS, EvaluatedRun, read_outs
from benchmarks.policy.policy_trials import folds_of, gap, measures, pooled, report, some_of_each
from rbio_kg.core.progress import silent
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.models.decoding import likelihood
from rbio_kg.workspace import Workspace

STAGES = ("warmup", "grpo")
COLUMNS = ("run", "cell_line", "predictor", "per_gene_auroc", "brier", "ece", "mean", "above v", "gap", "rows")


def untrained_questions(runs: Sequence[EvaluatedRun], line: str, rows: int, per_gene: int) -> QuestionSet:
    """About `rows` train questions of a line, of genes with both labels on which no run was trained there."""
    train = QuestionSet(runs[0].workspace.tables["questions"]).select(split="train", cell_line=line, task="de")
    trained = pl.concat([evaluated.run.read_questions() for evaluated in runs]).filter(pl.col("cell_line") == line)
    others = QuestionSet(train.frame.join(trained.select("gene").unique(), on="gene", how="anti"))
    return some_of_each(others, rows, per_gene)


def table(evaluated: EvaluatedRun, rows: QuestionSet, name: str, line: str) -> list[dict[str, Any]]:
    """One row per stage and read-out of a run, and one of its reward's v."""
    evaluation_rows = evaluated.as_trained(rows)
    subgroups = folds_of(evaluated.workspace, evaluation_rows)
    pooled_v = np.nan_to_num(pooled(evaluated.reward, evaluation_rows), nan=0.5)
    found = {"the reward's v": pooled_v}
    for stage in STAGES:
        read = read_outs(likelihood(*evaluated.prompts(stage, evaluation_rows), progress=silent))
        found |= {stage + ending: read[key] for key, ending in READ_OUTS.items()}
        report(f"{name}, {line}, {stage}: {len(evaluation_rows)} questions")
    return [
        {
            "run": name,
            "cell_line": line,
            "predictor": predictor,
            **measures(evaluation_rows.frame, scores, subgroups),
            "above v": float(np.mean(scores) - pooled_v.mean()),
            "gap": gap(scores, pooled_v),
        }
        for predictor, scores in found.items()
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", default=["k562", "rpe1", "hepg2"])
    parser.add_argument("--rows", type=int, default=480, help="questions of a line, about")
    parser.add_argument("--per-gene", type=int, default=12, help="of them of one gene, at most")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    runs = {name: EvaluatedRun(workspace, name) for name in options.runs}
    rows: list[dict[str, Any]] = []
    for line in options.lines:
        questions = untrained_questions(list(runs.values()), line, options.rows, options.per_gene)
        for name, evaluated in runs.items():
            rows += table(evaluated, questions, name, line)
    print_table(COLUMNS, rows, as_json=options.json)


if __name__ == "__main__":
    main()
