"""The information in each kind of open-book fact: logistic regressions on the facts of train questions.

    python -m benchmarks.policy.facts --workspace DIR [--cell-line k562] [--task de] [--rows 20000] [--seed 0] [--json]

Facts come from other folds than the question's own, and so do the rows on which a regression is fitted. Genes are
compared within a fold, because the rates of different folds are not on one scale. No test row is read. The regression
sees no gene name.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.policy.plain_readers import features, plain_regression
from benchmarks.policy.policy_trials import folds_of
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.models.loading import load_tokenizer, prepare_model
from rbio_kg.training.prompts.facts import DEFAULT_FACTS, FACT_KINDS, FactBook
from rbio_kg.verifiers.stats.metrics import bootstrap_interval, paired_bootstrap, per_gene_auroc
from rbio_kg.workspace import Workspace

COMBINATIONS = (
    ("rate",),
    ("estimate",),
    ("neighbours",),
    ("link",),
    ("two_step",),
    ("terms",),
    ("rate", "neighbours"),
    ("rate", "neighbours", "link"),
    ("rate", "neighbours", "link", "two_step"),
    ("rate", "neighbours", "link", "terms"),
    ("rate", "neighbours", "link", "two_step", "terms"),
    ("rate", "estimate"),
    ("rate", "estimate", "link"),
    ("rate", "estimate", "neighbours"),
    ("rate", "estimate", "neighbours", "link"),
    ("rate", "estimate", "neighbours", "link", "two_step", "terms"),
)


def read(table: list[dict[str, list[float]]], kinds: tuple[str, ...], labels: Any, folds: Any) -> Any:
    """Probabilities, (n,), by a regression fitted on the other folds."""
    numbers = np.array([[value for kind in kinds for value in row[kind]] for row in table])
    found = np.zeros(len(labels))
    for fold in np.unique(folds):
        own = folds == fold
        fit = plain_regression().fit(numbers[~own], labels[~own])
        found[own] = fit.predict_proba(numbers[own])[:, 1]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--cell-line", default="k562")
    parser.add_argument("--task", default="de")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    train = QuestionSet(workspace.tables["questions"]).select(
        split="train", cell_line=options.cell_line, task=options.task
    )
    train = train.complete_genes(rows=options.rows, seed=options.seed)
    claims = train.claims()
    book = FactBook.fit(workspace.fact_source(), workspace.snapshot, claims[:500], kinds=FACT_KINDS)
    snapshot = workspace.snapshot
    bits = dict(zip(snapshot.term_names, snapshot.information_content.tolist(), strict=True))
    shown = [book.facts(claim) for claim in claims]
    table = [features(facts, bits) for facts in shown]
    labels = train.frame["label"].to_numpy()
    folds = folds_of(workspace, train)
    tokenizer = load_tokenizer(prepare_model("smollm2", workspace.paths.models, lambda message, share: None))

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    genes = train.frame["gene"].to_numpy()
    measured = {
        kinds: per_gene_auroc(genes, labels, read(table, kinds, labels, folds), folds) for kinds in COMBINATIONS
    }
    document: dict[str, dict[str, Any]] = {}
    for kinds, found in measured.items():
        interval = bootstrap_interval(found.values, options.seed)
        gap = paired_bootstrap(found, measured[DEFAULT_FACTS], options.seed)
        if interval is None or gap is None:
            raise SystemExit("no gene has both labels within a fold: take more rows")
        document[", ".join(kinds)] = {
            "per_gene_auroc": found.mean,
            "interval": list(interval),
            "minus_default": [gap.mean, gap.low, gap.high],
            "tokens": float(np.mean([count(replace(facts, kinds=kinds).text()) for facts in shown[:2000]])),
        }
    if options.json:
        print(json.dumps(document, allow_nan=False))
        return
    print(f"{options.cell_line} {options.task}: {len(claims):,} train questions, seed {options.seed}")
    print("| facts | per-gene AUROC within folds | minus the default facts | SmolLM2 tokens |\n|" + " --- |" * 4)
    for name, row in document.items():
        (low, high), (mean, least, most) = row["interval"], row["minus_default"]
        print(
            f"| {name} | {row['per_gene_auroc']:.3f} [{low:.3f}, {high:.3f}] | "
            f"{mean:+.3f} [{least:+.3f}, {most:+.3f}] | {row['tokens']:.1f} |"
        )


if __name__ == "__main__":
    main()
