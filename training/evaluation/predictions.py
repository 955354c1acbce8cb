"""Leak-free evaluation of any model's predictions: the same metrics, baselines, split schemes and audit as ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.atomic_io import read_table
from rbio_kg.core.cell_lines import unknown_lines
from rbio_kg.core.errors import EvaluationError, MetricError, SourceError
from rbio_kg.graph.identity.gene_names import UNRECOGNISED
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.graph.identity.unrecognised import Unrecognised
from rbio_kg.training.data.perturbqa_csv import PAIR, Tables, checked_line, read_question_file, settled_pairs
from rbio_kg.training.evaluation.comparison import compare_with_baselines, difference, measure
from rbio_kg.training.evaluation.leakage import Audit
from rbio_kg.training.evaluation.results import Measures, PredictionsEvaluation, Rival, read_comparison
from rbio_kg.training.evaluation.scored_rows import write_scored_rows
from rbio_kg.verifiers.evaluation.baselines import BASELINES, baseline_scores
from rbio_kg.verifiers.splits import divide

if TYPE_CHECKING:
    from rbio_kg.graph.store.store import GraphStore

MOST_MISSING = 0.20
"""Largest share of test rows that predictions may leave out."""
_SCHEMA = {
    "pert": pl.String(),
    "gene": pl.String(),
    "label": pl.Int64(),
    "split": pl.String(),
    "cell_line": pl.String(),
    "task": pl.String(),
    "simulated": pl.Boolean(),
}
_COLUMNS = list(_SCHEMA)


@dataclass(frozen=True)
class Predictions:
    """Scored rows.

    Args:
        frame: columns `pert,gene,score`; a higher score means that label 1 is more likely. `label` may be missing
            where the test rows are known.
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
        allow_missing: measure predictions that leave out more than `MOST_MISSING` of the test rows.
        names: what is done about names in the files that are not recognised.
    """

    task: str = "de"
    cell_line: str | None = None
    split_scheme: str = "official"
    seed: int = 0
    allow_missing: bool = False
    names: NameRules = DEFAULT_RULES


def evaluate_predictions(
    predictions: Predictions,
    questions: pl.DataFrame | None = None,
    options: PredictionOptions = PredictionOptions(),
    *,
    against: Predictions | None = None,
    predictions_out: Path | None = None,
    knockdowns: pl.DataFrame | None = None,
    store: GraphStore | None = None,
) -> PredictionsEvaluation:
    """Measure the predictions of any model, on exactly the test rows of the questions where these are known.

    Predicted rows that are no test rows are left out and counted. Test rows that were not predicted get the gene prior
    and are counted.

    Args:
        predictions: the scored rows.
        questions: all lines and both splits, with the `questions` schema, for the baselines and the audit; without
            them, or without a cell line, the baselines that need train rows are None.
        options: what was predicted.
        against: another model's predictions of the same rows; its file is its name.
        predictions_out: file of the measured rows, see `write_scored_rows`.
        knockdowns: KNOCKDOWN_CHANGES of the graph, to be audited.
        store: the graph database, to be audited.

    Returns:
        The measures; `ece` is None unless the scores are probabilities. With `against` its name is among the
        `differences`.

    Raises:
        MetricError: no gene has both labels.
        EvaluationError: more than `MOST_MISSING` of the test rows are not predicted; missing columns, labels other than
            0 and 1 or other than in the questions, scores that are not finite, a pair twice, other rows in `against`,
            or a leak (see
            `rbio_kg.training.evaluation.leakage`).
        TrainingError: the split scheme is unknown, or leaves no train row for the baselines.
    """
    task, split_scheme, where = options.task, options.split_scheme, predictions.where
    line = checked_line(options.cell_line) if options.cell_line else None
    known = pl.DataFrame(schema=_SCHEMA)
    if questions is not None and line is not None:
        known = questions.filter(pl.col("task") == task).select(_COLUMNS).cast(pl.Schema(_SCHEMA))
    train = known.filter(pl.col("split") == "train")
    here = known.filter(pl.col("cell_line") == (line or ""))
    tested = here.filter(pl.col("split") == "test")
    rows = _checked(predictions.frame, where, tested)
    other = None
    if against is not None:
        other = _same_rows(_checked(against.frame, against.where, tested), rows, where, against.where)
        rows = rows.join(other.select(*PAIR, other="score"), on=PAIR)
    scored = ["score"] if other is None else ["score", "other"]
    rows = rows.sort(PAIR).with_columns(
        cell_line=pl.lit(line, pl.String), task=pl.lit(task), split=pl.lit("test"), simulated=pl.lit(value=False)
    )
    if split_scheme != "official" or not train.is_empty():
        division = divide(
            known if len(tested) else pl.concat([known, rows.select(_COLUMNS)]), split_scheme, line, seed=options.seed
        )
        if tested.is_empty():
            # Whatever the split scheme: who has seen the line's train rows may not be measured on them.
            Audit(rows, "official").training(train, where)
            rows = rows.join(division.test.select(PAIR).unique(), on=PAIR, how="semi", maintain_order="left")
        else:
            tested = division.test
        train = division.train
    extra, missing, remarks = None, None, []
    if len(tested):
        _same_labels(rows, tested, where)
        given, rows = rows, tested.unique(PAIR).sort(PAIR).join(rows.select(*PAIR, *scored), on=PAIR, how="left")
        extra, missing = len(given.join(tested, on=PAIR, how="anti")), rows["score"].null_count()
        remarks = _row_remarks(given, tested, here.filter(pl.col("split") == "train"), missing, where)
        _refuse_missing(rows, missing, options, where)
    audit = Audit(rows, split_scheme)
    audit.training(train, where)
    if knockdowns is not None:
        audit.graph(knockdowns, "the graph's tables")
    if store is not None:
        audit.store(store)
    baselines: dict[str, NDArray[np.float64]] = {"all_no": np.zeros(len(rows)), "all_yes": np.ones(len(rows))}
    if not train.is_empty():
        baselines = baseline_scores(rows, train)
    covered = {name: 1.0 - rows[name].null_count() / len(rows) for name in scored}
    probabilities = bool(rows["score"].drop_nulls().is_between(0, 1).all())
    if not probabilities:
        remarks.append(
            "warning: the scores are no probabilities (some lie outside 0 to 1): metrics that need a threshold or a "
            "probability are left out"
        )
    prior = baselines.get("gene_prior", np.full(len(rows), 0.5))
    abstained = rows["score"].is_null()
    rows = rows.with_columns(pl.Series(name, _filled(rows[name], prior)) for name in scored)
    try:
        document = compare_with_baselines(rows, rows["score"], baselines, options.seed)
    except MetricError as error:
        raise MetricError(error.what, where=where, hint=error.hint) from None
    if predictions_out is not None:
        write_scored_rows(Path(predictions_out), rows, rows["score"], abstained)
    for name in BASELINES:
        document["baselines"].setdefault(name, None)
        document["differences"].setdefault(name, None)
    rival = None
    coverage = {"predictions": covered["score"]}
    if other is not None and against is not None:
        rival_name = "against" if against.where is None else against.where.name
        rival = Rival(rival_name, Measures.from_json(measure(rows, rows["other"], options.seed)))
        lead = difference(rows, rows["score"], rows["other"], options.seed)
        document["differences"][rival_name] = lead
        coverage[rival_name] = covered["other"]
    return PredictionsEvaluation(
        **read_comparison(document),
        audit=audit.document,
        task=task,
        cell_line=line,
        split_scheme=split_scheme,
        simulated=bool(known["simulated"].any()),
        seed=options.seed,
        missing_rows=missing,
        extra_rows=extra,
        probabilities=probabilities,
        against=rival,
        coverage=coverage,
        remarks=tuple(remarks),
    )


def _row_remarks(
    given: pl.DataFrame, tested: pl.DataFrame, train: pl.DataFrame, missing: int, where: Path | None
) -> list[str]:
    """Lines for people on the predicted rows that are no test rows, and on the test rows that were not predicted."""
    found = []
    extra = given.join(tested, on=PAIR, how="anti")
    name = "the predictions" if where is None else str(where)
    if len(extra):
        trained = len(extra.join(train, on=PAIR, how="semi"))
        of_train = f", {trained:,} of them train rows" if trained else ""
        found.append(
            f"{name}: {len(extra):,} of {len(given):,} rows are no test rows of the questions{of_train}: left out"
        )
    if missing:
        found.append(f"{name}: {missing:,} of {len(tested):,} test rows are not predicted: they get the gene prior")
    return found


def _refuse_missing(rows: pl.DataFrame, missing: int, options: PredictionOptions, where: Path | None) -> None:
    if options.allow_missing or missing <= MOST_MISSING * len(rows):
        return
    first = rows.filter(pl.col("score").is_null()).row(0, named=True)
    raise EvaluationError(
        f"{missing:,} of {len(rows):,} test rows of the questions are not predicted, more than {MOST_MISSING:.0%}; the "
        f"first is {first['pert']},{first['gene']}",
        where=where,
        hint="predict them, check --task and --cell-line, or give the others the gene prior (--allow-missing)",
    )


def _filled(scores: pl.Series, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores, and where one is missing the gene prior: as it is, or as a quantile of scores on another scale."""
    values = scores.to_numpy().astype(np.float64)
    absent = np.isnan(values)
    if absent.all() or not absent.any():
        return np.where(absent, prior, values)
    present = values[~absent]
    likely = bool(((present >= 0) & (present <= 1)).all())
    return np.where(absent, prior if likely else np.quantile(present, prior), values)


def evaluate_prediction_file(
    file: Path,
    tables: Tables | None = None,
    options: PredictionOptions = PredictionOptions(),
    *,
    questions_file: Path | None = None,
    against: Path | None = None,
    predictions_out: Path | None = None,
    store: GraphStore | None = None,
) -> PredictionsEvaluation:
    """`evaluate_predictions` of CSV (also .gz) or Parquet files; the questions are the file's and the tables' others.

    Raises:
        SelectionError: too many names of a file are not recognised.
        SourceError: a file is unreadable, or two rows are one pair and contradict each other.
        EvaluationError, TrainingError: as `evaluate_predictions`.
    """
    reports: list[Unrecognised] = []

    def read(path: Path) -> Predictions:
        frame, names = _read(path, tables, options.names)
        reports.extend([] if names is None else [names])
        return Predictions(frame, path)

    predictions = read(file)
    other = None if against is None else read(against)
    questions = None if tables is None else tables["questions"].select(_COLUMNS)
    if questions_file is not None:
        given = read_question_file(questions_file, options.task, options.cell_line, tables, options.names)
        reports.extend([] if given.names is None else [given.names])
        options = replace(options, cell_line=given.cell_line)
        rest = [] if questions is None else [questions.filter(pl.col("cell_line") != given.cell_line)]
        questions = pl.concat([given.frame.select(_COLUMNS), *rest])
    knockdowns = None if tables is None else tables["knockdowns"]
    result = evaluate_predictions(
        predictions,
        questions,
        options,
        against=other,
        predictions_out=predictions_out,
        knockdowns=knockdowns,
        store=store,
    )
    lines = [] if tables is None else unknown_lines([result.cell_line], tables["cell_lines"]["name"].to_list())
    remarks = (*lines, *(remark for report in reports for remark in report.remarks()), *result.remarks)
    counts = [report.to_json() for report in reports]
    unrecognised = {kind: sum(count.get(kind, 0) for count in counts) for kind in UNRECOGNISED}
    return replace(result, remarks=remarks, unrecognised={kind: rows for kind, rows in unrecognised.items() if rows})


def _read(file: Path, tables: Tables | None, rules: NameRules) -> tuple[pl.DataFrame, Unrecognised | None]:
    try:
        frame = read_table(file, what="file of predictions")
    except SourceError as error:
        hint = "name a CSV or Parquet file with pert,gene,label,score"
        raise EvaluationError(error.what, where=error.where, hint=hint) from error
    frame = frame.rename({name: name.strip().lstrip("\ufeff") for name in frame.columns}).with_columns(
        pl.col(pl.String).str.strip_chars()
    )
    if tables is None or not {*PAIR, "score"} <= set(frame.columns):
        return frame, None
    answers = [name for name in ("label", "score") if name in frame.columns]
    frame = frame.with_columns(pl.col(PAIR).cast(pl.String)).with_row_index("line", offset=2)
    found, names = settled_pairs(frame, tables, file, rules, answers)
    return found.drop("file", "line"), names


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


def _checked(frame: pl.DataFrame, where: Path | None, tested: pl.DataFrame) -> pl.DataFrame:
    """Columns `pert,gene,label,score`; labels of the test rows where the frame has none, null for other rows."""
    labelled = "label" in frame.columns
    needed = ("pert", "gene", "score") if len(tested) else ("pert", "gene", "label", "score")
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        labels = "" if len(tested) or labelled else "; without label, name a file with --questions that has the labels"
        raise EvaluationError(
            f"the columns {', '.join(missing)} are missing",
            where=where,
            hint=f"it must have pert,gene,label,score{labels}",
        )
    if frame.is_empty():
        raise EvaluationError("there are no rows", where=where, hint="give rows pert,gene,label,score")
    if not labelled:
        frame = frame.join(tested.select(*PAIR, "label").unique(PAIR), on=PAIR, how="left", maintain_order="left")
    numbers = frame.with_row_index("line", offset=2).with_columns(
        pl.col("label").cast(pl.Float64, strict=False), pl.col("score").cast(pl.Float64, strict=False)
    )
    checks = (
        (pl.col("pert").is_null() | pl.col("gene").is_null(), "pert or gene is empty"),
        ((pl.col("label").is_null() | ~pl.col("label").is_in([0.0, 1.0])) & labelled, "label is not 0 or 1"),
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
