"""Honest evaluation on PerturbQA: of the expression model, and of anyone's predictions, under the same metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.claims import Claim
from rbio_kg.errors import EvaluationError
from rbio_kg.files import write_text
from training.question_files import PAIR, Tables, approved_pairs, read_question_file
from verifiers.baselines import baseline_scores, with_folds
from verifiers.expression import ExpressionVerifier
from verifiers.expression_fit import fit_expression
from verifiers.metrics import summary
from verifiers.protocols import divide
from verifiers.scorecard import question_scores

Progress = Callable[[str, float | None], None]


def evaluate_expression(
    tables: Tables,
    questions_file: Path,
    *,
    task: str,
    cell_line: str | None = None,
    split: str = "test",
    protocol: str = "official",
    alone: bool = False,
    limit: int | None = None,
    seed: int = 0,
    predictions_out: Path | None = None,
    models_dir: Path,
    progress: Progress = lambda message, share: None,
) -> dict[str, Any]:
    """Fit the expression model on a file's train rows, score another split of it, and measure.

    Args:
        tables: the graph; of its `questions` only other cell lines' train rows are used (and, for the global protocol,
            the names of their held-out perturbations).
        questions_file: PerturbQA CSV.
        task: `de` or `dir`.
        cell_line: of the file; None to read it off the file's name.
        split: rows to score; train rows are scored out of fold.
        protocol: see `verifiers.protocols`.
        alone: leave other cell lines out.
        limit: at most about so many rows, as whole genes drawn by the seed.
        seed: of folds, draws and intervals.
        predictions_out: CSV `pert,gene,label,score` of the scored rows.
        models_dir: the fitted model goes into `LINE-TASK-PROTOCOL` there.
        progress: called with a message and the share done.

    Returns:
        `per_gene_auroc`, `interval`, `genes`, `rows`, `pooled`, `ece`, `brier`, `baselines`, `abstained` (rows answered
        by the gene prior instead), and what was evaluated. JSON-ready.

    Raises:
        EvaluationError: a wrong task or split; nothing to score; a scored pair among the train rows.
        TrainingError: an unknown protocol, no train rows.
        SourceError: the file is unreadable or malformed.
    """
    file = read_question_file(questions_file, task, cell_line, tables)
    line = str(file["cell_line"][0])
    if split not in ("train", "test"):
        raise EvaluationError(f"unknown split {split!r}", hint="known: train, test")
    others = pl.DataFrame(schema=file.schema)
    if not alone:
        known = tables["questions"].select(file.columns)
        others = known.filter((pl.col("task") == task) & (pl.col("cell_line") != line))
    questions = pl.concat([file, others])
    division = divide(questions, protocol, line, seed=seed)
    train = division.train
    asked = division.test if split == "test" else train.filter(pl.col("cell_line") == line)
    asked = _limited(asked, limit, seed)
    if asked.is_empty():
        raise EvaluationError(f"there are no {split} rows", where=questions_file, hint="choose another --split")
    if split == "test":
        _refuse_leaks(asked, train.filter(pl.col("cell_line") == line), questions_file)
    model_dir = Path(models_dir) / f"{line}-{task}-{protocol}"
    fit_expression(
        tables, model_dir, questions=questions, seed=seed, protocol=protocol, cell_lines=[line], progress=progress
    )
    progress("expression: scoring", None)
    verifier = ExpressionVerifier(model_dir)
    if task == "de":
        scores = question_scores(verifier, asked)
    else:
        scores = verifier.increase_if_changed(
            [Claim(pert, "increases", gene, line) for pert, gene in asked[PAIR].iter_rows()]
        )
    fold_seed = seed if split == "train" else None
    baselines = baseline_scores(asked, train, fold_seed=fold_seed)
    silent = np.isnan(scores)
    scores = np.where(silent, baselines["gene_prior"], scores)
    document = {
        **_measure(asked, scores, baselines, seed, fold_seed),
        "abstained": int(silent.sum()),
        "task": task,
        "cell_line": line,
        "split": split,
        "protocol": protocol,
        "alone": alone,
        "train_rows": len(train),
        "simulated": bool(questions["simulated"].any()),
        "seed": seed,
    }
    if predictions_out is not None:
        table = asked.select(*PAIR, "label").with_columns(score=pl.Series(scores)).sort(PAIR)
        write_text(Path(predictions_out), table.write_csv())
    return document


def evaluate_predictions(
    frame: pl.DataFrame,
    train: pl.DataFrame | None = None,
    *,
    task: str = "de",
    cell_line: str | None = None,
    seed: int = 0,
    where: Path | None = None,
) -> dict[str, Any]:
    """Measure anyone's predictions.

    Args:
        frame: columns `pert,gene,label,score`; a higher score means label 1 is likelier.
        train: train rows (`questions` schema) for the gene prior and pair copy; None leaves them null.
        task: `de` or `dir`.
        cell_line: whose train rows make the gene prior.
        seed: of the intervals.
        where: the file they came from, for messages.

    Returns:
        As `evaluate_expression`; `ece` is None unless the scores are probabilities.

    Raises:
        EvaluationError: missing columns, labels other than 0 and 1, scores that are not finite, a pair twice, no gene
            with both labels, or a pair that is among the train rows.
    """
    frame = _checked(frame, where)
    line = (cell_line or "").lower() or None
    asked = frame.with_columns(cell_line=pl.lit(line, pl.String), task=pl.lit(task))
    known: dict[str, NDArray[np.float64]] = {"all_no": np.zeros(len(frame)), "all_yes": np.ones(len(frame))}
    if train is not None and line is not None:
        train = train.filter((pl.col("split") == "train") & (pl.col("task") == task))
        _refuse_leaks(asked, train.filter(pl.col("cell_line") == line), where)
        if not train.filter(pl.col("cell_line") == line).is_empty():
            known = baseline_scores(asked, train)
    document = _measure(asked, asked["score"].to_numpy(), known, seed, None)
    for name in ("gene_prior", "pair_copy"):
        document["baselines"].setdefault(name, None)
    if not document["genes"]:
        raise EvaluationError("no gene has both labels, so nothing can be ranked", where=where, hint="give more rows")
    simulated = train is not None and bool(train["simulated"].any())
    return {**document, "task": task, "cell_line": line, "simulated": simulated, "seed": seed}


def evaluate_prediction_file(
    file: Path,
    tables: Tables | None = None,
    *,
    questions_file: Path | None = None,
    task: str = "de",
    cell_line: str | None = None,
    protocol: str = "official",
    seed: int = 0,
) -> dict[str, Any]:
    """`evaluate_predictions` of a CSV file; train rows come from the questions file, else from the tables.

    The protocol says which train rows the baselines may use (see `verifiers.protocols`).
    """
    try:
        frame = pl.read_csv(file, infer_schema=False)
    except FileNotFoundError:
        raise EvaluationError(
            "there is no such file", where=file, hint="name a CSV with pert,gene,label,score"
        ) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise EvaluationError(f"is not a readable CSV ({_brief(error)})", where=file) from error
    train = None if tables is None else tables["questions"]
    if tables is not None:
        frame = approved_pairs(frame, tables)
    if questions_file is not None:
        own = read_question_file(questions_file, task, cell_line, tables)
        cell_line = str(own["cell_line"][0])
        rest = None if train is None else train.select(own.columns).filter(pl.col("cell_line") != cell_line)
        train = own if rest is None else pl.concat([own, rest])
    if train is not None and (train["split"] == "train").any():
        train = divide(train, protocol, cell_line and cell_line.lower(), seed=seed).train
    document = evaluate_predictions(frame, train, task=task, cell_line=cell_line, seed=seed, where=file)
    return {**document, "protocol": protocol}


def _limited(frame: pl.DataFrame, limit: int | None, seed: int) -> pl.DataFrame:
    """Whole genes in a seeded order until there are `limit` rows; the per-gene AUROC needs all rows of a gene."""
    if limit is None or len(frame) <= limit:
        return frame
    sizes = frame.group_by("gene").len().sort("gene")
    order = np.random.default_rng(seed).permutation(len(sizes))
    before = np.concatenate([[0], np.cumsum(sizes["len"].to_numpy()[order])[:-1]])
    chosen = sizes["gene"].gather(order[before < limit])
    return frame.filter(pl.col("gene").is_in(chosen.implode()))


def _refuse_leaks(asked: pl.DataFrame, train: pl.DataFrame, where: Path | None) -> None:
    leaked = asked.join(train, on=PAIR, how="semi")
    if not leaked.is_empty():
        first = leaked.sort(PAIR).row(0, named=True)
        raise EvaluationError(
            f"{len(leaked)} scored pairs are among the train rows, first {first['pert']},{first['gene']}",
            where=where,
            hint="score rows that no training has seen",
        )


def _measure(
    asked: pl.DataFrame,
    scores: NDArray[np.float64],
    baselines: Mapping[str, NDArray[np.float64]],
    seed: int,
    fold_seed: int | None,
) -> dict[str, Any]:
    genes, labels = asked["gene"].to_list(), asked["label"].to_numpy()
    strata = None if fold_seed is None else with_folds(asked, fold_seed)["fold"].to_numpy()
    return {
        **summary(genes, labels, scores, seed=seed, strata=strata),
        "baselines": {
            name: summary(genes, labels, found, seed=seed, strata=strata) for name, found in baselines.items()
        },
    }


def _checked(frame: pl.DataFrame, where: Path | None) -> pl.DataFrame:
    missing = [name for name in ("pert", "gene", "label", "score") if name not in frame.columns]
    if missing:
        raise EvaluationError(
            f"the columns {', '.join(missing)} are missing", where=where, hint="it must have pert,gene,label,score"
        )
    if frame.is_empty():
        raise EvaluationError("there are no rows", where=where, hint="give rows pert,gene,label,score")
    numbers = frame.with_row_index("line", offset=2).with_columns(
        pl.col("label").cast(pl.Float64, strict=False), pl.col("score").cast(pl.Float64, strict=False)
    )
    checks = (
        (pl.col("pert").is_null() | pl.col("gene").is_null(), "pert or gene is empty"),
        (pl.col("label").is_null() | ~pl.col("label").is_in([0.0, 1.0]), "label is not 0 or 1"),
        (pl.col("score").is_null() | ~pl.col("score").is_finite(), "score is not a finite number"),
        (~pl.struct(PAIR).is_first_distinct(), "the pair occurs twice"),
    )
    for bad, why in checks:
        wrong = numbers.filter(bad)
        if not wrong.is_empty():
            line = int(wrong["line"][0]) if where is not None else None
            raise EvaluationError(
                why + (f" ({len(wrong)} such rows)" if len(wrong) > 1 else ""),
                where=where,
                line=line,
                hint="rows are pert,gene,label,score, for example SP1,TP53,1,0.7",
            )
    return numbers.select(*PAIR, pl.col("label").cast(pl.Int64), "score")


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
