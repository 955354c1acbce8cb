"""Leak-free evaluation of the expression model on a questions file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rbio_kg.core.cell_lines import unknown_lines
from rbio_kg.core.errors import EvaluationError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.training.data.perturbqa_csv import PAIR, Tables, read_question_file
from rbio_kg.training.evaluation.comparison import compare_with_baselines
from rbio_kg.training.evaluation.leakage import Audit
from rbio_kg.training.evaluation.results import ExpressionEvaluation, read_comparison
from rbio_kg.training.evaluation.scored_rows import write_scored_rows
from rbio_kg.verifiers.evaluation.baselines import baseline_scores, with_folds
from rbio_kg.verifiers.evaluation.scorecard import question_scores
from rbio_kg.verifiers.expression.embeddings import read_embeddings, spectral_embeddings
from rbio_kg.verifiers.expression.fit import fit_expression
from rbio_kg.verifiers.expression.mlp import line_rows, mlp_scores
from rbio_kg.verifiers.expression.verifier import ExpressionVerifier
from rbio_kg.verifiers.splits import divide

if TYPE_CHECKING:
    from rbio_kg.graph.store.store import GraphStore

MODELS = ("graph", "mlp")


@dataclass(frozen=True)
class ExpressionOptions:
    """What is fitted and scored.

    Args:
        task: `de` or `dir`.
        cell_line: of the file; None to read it off the file's name.
        split: rows to score; train rows are scored out of fold.
        split_scheme: see `rbio_kg.verifiers.splits`.
        alone: leave other cell lines out.
        limit: at most about this many rows, as complete genes drawn by the seed.
        seed: of folds, draws and intervals.
        model: `graph`, the expression verifier; or `mlp`, the perceptron of `rbio_kg.verifiers.expression.mlp`, fitted
            on the line's own train rows (on the other lines' where it has none). It scores test rows only.
        embeddings: Parquet of gene vectors for the perceptron; None for the graph's spectral embedding.
        names: what is done about names in the file that are not recognised.
    """

    task: str = "de"
    cell_line: str | None = None
    split: str = "test"
    split_scheme: str = "official"
    alone: bool = False
    limit: int | None = None
    seed: int = 0
    model: str = "graph"
    embeddings: Path | None = None
    names: NameRules = DEFAULT_RULES

    def check(self) -> None:
        """Refuse what cannot be evaluated.

        Raises:
            EvaluationError: an unknown split or model, or options that exclude each other.
        """
        if self.split not in ("train", "test"):
            raise EvaluationError(f"unknown split {self.split!r}", hint="known: train, test")
        if self.model not in MODELS:
            raise EvaluationError(f"unknown model {self.model!r}", hint=f"known: {', '.join(MODELS)}")
        if self.model == "graph" and self.embeddings is not None:
            raise EvaluationError("only the mlp reads embeddings", where=self.embeddings, hint="add --model mlp")
        if self.model == "mlp" and self.split == "train":
            raise EvaluationError("the mlp has no answers out of fold", hint="evaluate it on the test split")


def evaluate_expression(
    tables: Tables,
    questions_file: Path,
    options: ExpressionOptions = ExpressionOptions(),
    *,
    models_dir: Path,
    predictions_out: Path | None = None,
    store: GraphStore | None = None,
    progress: Progress = silent,
) -> ExpressionEvaluation:
    """Fit the expression model on a file's train rows, score another split of it, and measure.

    Args:
        tables: the graph; of its `questions` only other cell lines' train rows are used (and, for the global split
            scheme, the names of their held-out perturbations).
        questions_file: PerturbQA CSV.
        options: what is fitted and scored.
        models_dir: the fitted model goes into `LINE-TASK-SCHEME` there.
        predictions_out: file of the scored rows, see `write_scored_rows`.
        store: the graph database, to look for test rows there as well.
        progress: called with a message and the finished share.

    Raises:
        EvaluationError: a wrong task, split or model; nothing to score; no metric can be computed; a leak (see
            `rbio_kg.training.evaluation.leakage`).
        TrainingError: an unknown split scheme, no train rows.
        SourceError: the file is unreadable or malformed.
    """
    task, split_scheme, seed = options.task, options.split_scheme, options.seed
    options.check()
    given = read_question_file(questions_file, task, options.cell_line, tables, options.names)
    file, line = given.frame, given.cell_line
    others = pl.DataFrame(schema=file.schema)
    if not options.alone:
        known = tables["questions"].select(file.columns)
        others = known.filter((pl.col("task") == task) & (pl.col("cell_line") != line))
    questions = pl.concat([file, others])
    division = divide(questions, split_scheme, line, seed=seed)
    train = division.train
    rows = division.test if options.split == "test" else train.filter(pl.col("cell_line") == line)
    if rows.is_empty():
        split, other = options.split, {"test": "train", "train": "test"}[options.split]
        hint = f"choose another --split (the file has {file.filter(split=other).height:,} {other} rows)"
        raise EvaluationError(f"the file has no {split} rows of {line}", where=questions_file, hint=hint)
    audit = Audit(rows, split_scheme, held_out=options.split == "test")
    audit.training(train, questions_file)
    audit.graph(tables["knockdowns"], "the graph's tables")
    if store is not None:
        audit.store(store)
    rows = _limited(rows, options.limit, seed).sort(PAIR)
    if options.model == "mlp":
        vectors = (
            spectral_embeddings(tables)
            if options.embeddings is None
            else read_embeddings(options.embeddings, GeneNames.of_tables(tables))
        )
        scores = mlp_scores(vectors, line_rows(train, line), rows, seed=seed, progress=progress)
    else:
        model_dir = Path(models_dir) / f"{line}-{task}-{split_scheme}"
        fit_expression(
            tables,
            model_dir,
            questions=questions,
            seed=seed,
            split_scheme=split_scheme,
            cell_lines=[line],
            progress=progress,
        )
        verifier = ExpressionVerifier(model_dir)
        audit.model(verifier.model, model_dir)
        progress("expression: scoring", None)
        scores = question_scores(verifier, rows)
    fold_seed = seed if options.split == "train" else None
    subgroups = None if fold_seed is None else with_folds(rows, fold_seed)["fold"].to_numpy()
    baselines = baseline_scores(rows, train, fold_seed=fold_seed)
    silent_rows = np.isnan(scores)
    scores = np.where(silent_rows, baselines["gene_prior"], scores)
    result = ExpressionEvaluation(
        **read_comparison(compare_with_baselines(rows, scores, baselines, seed, subgroups)),
        audit=audit.document,
        task=task,
        cell_line=line,
        split_scheme=split_scheme,
        simulated=bool(questions["simulated"].any()),
        seed=seed,
        model=options.model,
        abstained=int(silent_rows.sum()),
        split=options.split,
        alone=options.alone,
        train_rows=len(train),
        coverage={"expression" if options.model == "graph" else options.model: 1.0 - float(silent_rows.mean())},
        unrecognised={} if given.names is None else given.names.to_json(),
        remarks=(
            *unknown_lines([line], tables["cell_lines"]["name"].to_list()),
            *([] if given.names is None else given.names.remarks()),
        ),
    )
    if predictions_out is not None:
        write_scored_rows(Path(predictions_out), rows, scores, silent_rows, folds=subgroups)
    return result


def _limited(frame: pl.DataFrame, limit: int | None, seed: int) -> pl.DataFrame:
    """Complete genes in a seeded order until there are `limit` rows; the per-gene AUROC needs all rows of a gene."""
    if limit is None or len(frame) <= limit:
        return frame
    sizes = frame.group_by("gene").len().sort("gene")
    order = np.random.default_rng(seed).permutation(len(sizes))
    before = np.concatenate([[0], np.cumsum(sizes["len"].to_numpy()[order])[:-1]])
    chosen = sizes["gene"].gather(order[before < limit])
    return frame.filter(pl.col("gene").is_in(chosen.implode()))
