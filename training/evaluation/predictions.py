"""Leak-free evaluation of any model's predictions: the same metrics, baselines, split schemes and audit as ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import EvaluationError
from rbio_kg.training.data.perturbqa_csv import PAIR, Tables, approved_pairs, checked_line, read_question_file
from rbio_kg.training.evaluation.comparison import compare_with_baselines, difference, measure
from rbio_kg.training.evaluation.leakage import Audit
from rbio_kg.training.evaluation.results import Measures, PredictionsEvaluation, Rival, read_comparison
from rbio_kg.verifiers.evaluation.baselines import BASELINES, baseline_scores
from rbio_kg.verifiers.splits import divide

if TYPE_CHECKING:
    from rbio_kg.graph.store.store import GraphStore

_COLUMNS = ["pert", "gene", "label", "split", "cell_line", "task", "simulated"]


@dataclass(frozen=True)
class Predictions:
    """Scored rows.

    Args:
        frame: columns `pert,gene,label,score`; a higher score means that label 1 is more likely.
        where: the file they came from, for messages; None for a frame.
    """

    frame: pl.DataFrame
    where: Path | None = None


@dataclass(frozen=True)
class PredictionOptions:
    """What was predicted.

    Args:
        task: `de` or `dir`.
        cell_line: that was predicted.
        split_scheme: says what the baselines may know and, for `gene-disjoint`, which rows are measured.
        seed: of the intervals, and of the genes that `gene-disjoint` holds out.
    """

    task: str = "de"
    cell_line: str | None = None
    split_scheme: str = "official"
    seed: int = 0


def evaluate_predictions(
    predictions: Predictions,
    questions: pl.DataFrame | None = None,
    options: PredictionOptions = PredictionOptions(),
    *,
    against: Predictions | None = None,
    knockdowns: pl.DataFrame | None = None,
    store: GraphStore | None = None,
) -> PredictionsEvaluation:
    """Measure the predictions of any model.

    Args:
        predictions: the scored rows.
        questions: all lines and both splits, with the `questions` schema, for the baselines and the audit; without
            them, or without a cell line, the baselines that need train rows are None.
        options: what was predicted.
        against: another model's predictions of the same rows; its file is its name.
        knockdowns: KNOCKDOWN_CHANGES of the graph, to be audited.
        store: the graph database, to be audited.

    Returns:
        The measures; `ece` is None unless the scores are probabilities. With `against` its name is among the
        `differences`.

    Raises:
        EvaluationError: missing columns, labels other than 0 and 1 or other than in the questions, scores that are not
            finite, a pair twice, other rows in `against`, no gene with both labels, or a leak (see
            `rbio_kg.training.evaluation.leakage`).
        TrainingError: the split scheme is unknown, or leaves no train row for the baselines.
    """
    task, split_scheme, where = options.task, options.split_scheme, predictions.where
    rows = _checked(predictions.frame, where)
    other = None
    if against is not None:
        other = _same_rows(_checked(against.frame, against.where), rows, where, against.where)
    if other is not None:
        rows = rows.join(other.select(*PAIR, other="score"), on=PAIR)
    line = checked_line(options.cell_line) if options.cell_line else None
    rows = rows.sort(PAIR).with_columns(
        cell_line=pl.lit(line, pl.String), task=pl.lit(task), split=pl.lit("test"), simulated=pl.lit(value=False)
    )
    known = pl.DataFrame(schema=rows.select(_COLUMNS).schema)
    if questions is not None and line is not None:
        known = questions.filter(pl.col("task") == task).select(_COLUMNS)
    train, missing = known.filter(pl.col("split") == "train"), None
    if split_scheme != "official" or not train.is_empty():
        # Whatever the split scheme: who has seen the line's train rows may not be measured on them.
        Audit(rows, "official").training(train, where)
        division = divide(pl.concat([known, rows.select(_COLUMNS)]), split_scheme, line, seed=options.seed)
        train = division.train
        rows = rows.join(division.test.select(PAIR).unique(), on=PAIR, how="semi", maintain_order="left")
        tested = division.test.join(known.filter(pl.col("split") == "test"), on=["cell_line", *PAIR], how="semi")
        _same_labels(rows, tested, where)
        missing = len(tested.select(PAIR).unique().join(rows, on=PAIR, how="anti")) if len(tested) else None
    audit = Audit(rows, split_scheme)
    audit.training(train, where)
    if knockdowns is not None:
        audit.graph(knockdowns, "the graph's tables")
    if store is not None:
        audit.store(store)
    baselines: dict[str, NDArray[np.float64]] = {"all_no": np.zeros(len(rows)), "all_yes": np.ones(len(rows))}
    if not train.is_empty():
        baselines = baseline_scores(rows, train)
    document = compare_with_baselines(rows, rows["score"], baselines, options.seed)
    if not document["genes"]:
        raise EvaluationError("no gene has both labels, so nothing can be ranked", where=where, hint="give more rows")
    for name in BASELINES:
        document["baselines"].setdefault(name, None)
        document["differences"].setdefault(name, None)
    rival = None
    if other is not None and against is not None:
        rival_name = "against" if against.where is None else against.where.name
        rival = Rival(rival_name, Measures.from_json(measure(rows, rows["other"], options.seed)))
        lead = difference(rows, rows["score"], rows["other"], options.seed)
        document["differences"][rival_name] = lead
    return PredictionsEvaluation(
        **read_comparison(document),
        audit=audit.document,
        task=task,
        cell_line=line,
        split_scheme=split_scheme,
        simulated=bool(known["simulated"].any()),
        seed=options.seed,
        missing_rows=missing,
        against=rival,
    )


def evaluate_prediction_file(
    file: Path,
    tables: Tables | None = None,
    options: PredictionOptions = PredictionOptions(),
    *,
    questions_file: Path | None = None,
    against: Path | None = None,
    store: GraphStore | None = None,
) -> PredictionsEvaluation:
    """`evaluate_predictions` of CSV files (also .gz); the questions are the file's and the tables' other lines."""
    predictions = Predictions(_read(file, tables), file)
    other = None if against is None else Predictions(_read(against, tables), against)
    questions = None if tables is None else tables["questions"].select(_COLUMNS)
    if questions_file is not None:
        own = read_question_file(questions_file, options.task, options.cell_line, tables).select(_COLUMNS)
        line = str(own["cell_line"][0])
        options = replace(options, cell_line=line)
        rest = [] if questions is None else [questions.filter(pl.col("cell_line") != line)]
        questions = pl.concat([own, *rest])
    knockdowns = None if tables is None else tables["knockdowns"]
    return evaluate_predictions(predictions, questions, options, against=other, knockdowns=knockdowns, store=store)


def _read(file: Path, tables: Tables | None) -> pl.DataFrame:
    try:
        frame = pl.read_csv(file, infer_schema=False)
    except FileNotFoundError:
        raise EvaluationError(
            "there is no such file", where=file, hint="name a CSV with pert,gene,label,score"
        ) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise EvaluationError(f"is not a readable CSV ({_brief(error)})", where=file) from error
    return frame if tables is None else approved_pairs(frame, tables)


def _same_rows(other: pl.DataFrame, rows: pl.DataFrame, where: Path | None, against: Path | None) -> pl.DataFrame:
    hint = "score the same rows with both models"
    for first, second, place in ((rows, other, against), (other, rows, where)):
        absent = first.join(second, on=PAIR, how="anti").sort(PAIR)
        if len(absent):
            row = absent.row(0, named=True)
            raise EvaluationError(
                f"{len(absent)} rows of the other file are missing, first {row['pert']},{row['gene']}",
                where=place,
                hint=hint,
            )
    _same_labels(other, rows, against)
    return other


def _same_labels(rows: pl.DataFrame, known: pl.DataFrame, where: Path | None) -> None:
    both = rows.join(known.select(*PAIR, known="label"), on=PAIR).filter(pl.col("label") != pl.col("known")).sort(PAIR)
    if len(both):
        row = both.row(0, named=True)
        raise EvaluationError(
            f"{len(both)} labels differ from the known ones, first {row['pert']},{row['gene']}: {row['label']} for"
            f" {row['known']}",
            where=where,
            hint="check --task and --cell-line, and take the labels from the questions file",
        )


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
