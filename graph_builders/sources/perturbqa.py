"""PerturbQA: does a knockdown of one gene change another's expression, and in which direction?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

import polars as pl

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.duplicates import merge_duplicates
from rbio_kg.graph.identity.unrecognised import SET_ASIDE, recognise
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, read_table, text_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "PerturbQA"
SIMULATED_NAME = "simulated knockdowns"
SIMULATED_LICENCE = "drawn from a model; no measurements"
LAYOUT = Layout(",", ("pert", "gene", "label", "split"), quoted=True)
_COLUMNS = tuple(TABLE_SCHEMAS["questions"])
_PAIR = ("pert", "gene")
_ANSWERS = ("label", "split")
_TASK_AT_END = re.compile(r"(?i)(?:^|[-_. ]+)(de|dir)\..*$")
_TABLE_ENDING = re.compile(r"(?i)\.(?:csv|tsv|txt)(?:\.(?:gz|zip))?$")


def question_rows(
    path: Path,
    task: Literal["de", "dir"],
    cell_line: str,
    *,
    simulated: bool = False,
    rejections: Rejections | None = None,
) -> pl.DataFrame:
    """Every row of one file of questions, with its own gene labels, in the order of the file.

    Args:
        path: CSV with `pert,gene,label,split`, also gzipped or zipped.
        task: `de` (label 1: expression changes) or `dir` (label 1: it increases).
        cell_line: the cell line, stored under its canonical name.
        simulated: True if the labels come from a model.
        rejections: counts the rows seen; none is ever rejected.

    Returns:
        A frame with the columns of the `questions` table, and the positions of the rows: `file` and `line`.

    Raises:
        SourceError: unreadable, a column is missing, or a row is malformed. Rows are not repaired or skipped, because
            that would change the evaluation.
    """
    rejections = rejections or Rejections(path)
    rows = read_table(path, LAYOUT, rejections).with_columns(pl.exclude("line").str.strip_chars())
    label = pl.col("label")
    checks = (
        (pl.col("pert") == "", "pert is empty"),
        (pl.col("gene") == "", "gene is empty"),
        (~label.is_in(["0", "1", "0.0", "1.0"]), "label is not 0 or 1"),
        (~pl.col("split").is_in(["train", "test"]), "split is not train or test"),
    )
    for bad, why in checks:
        rows = rejections.drop(rows, bad, why)
    if rejections.count:
        first = rejections.reasons[0]
        raise SourceError(
            first.why + (f" ({rejections.count} such rows)" if rejections.count > 1 else ""),
            where=path,
            line=first.line,
            hint="rows are pert,gene,label,split, for example SP1,TP53,1,train",
        )
    rejections.require_some(rows.height, "questions")
    return rows.select(
        "pert",
        "gene",
        label.cast(pl.Float64).cast(pl.Int64),
        "split",
        pl.lit(canonical_line(cell_line)).alias("cell_line"),
        pl.lit(task).alias("task"),
        pl.lit(simulated).alias("simulated"),
        pl.lit(str(path)).alias("file"),
        "line",
    )


def cell_line_of(path: Path) -> str:
    """The canonical name of the cell line in a file's name.

    Raises:
        SourceError: the name states none.

    Example:
        >>> {cell_line_of(Path(name)) for name in ("k562-de.csv.gz", "K-562_de.csv", "K562.dir.csv")}
        {'k562'}
    """
    named = _TASK_AT_END.sub("", path.name)
    cell_line = canonical_line(_TABLE_ENDING.sub("", named))
    if not cell_line:
        raise SourceError("the file's name states no cell line", where=path, hint="name it like k562-de.csv")
    return cell_line


def task_of(path: Path) -> Literal["de", "dir"] | None:
    """The task in a file's name; None where the name states none.

    Example:
        >>> [task_of(Path(name)) for name in ("k562-de.csv", "K562_dir.csv.gz", "mine.csv")]
        ['de', 'dir', None]
    """
    match = _TASK_AT_END.search(path.name)
    if match is None:
        return None
    return "dir" if match[1].lower() == "dir" else "de"


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `questions`, `knockdowns` and `cell_lines`.

    A gene takes its approved symbol; a name that is no gene stays as it is. Rows with a control or a missing value are
    left out. Rows of one question, under two names or in two files, are one. Knockdowns are the train rows with
    label 1, with the direction of the `dir` file's train rows.

    Raises:
        SourceError: a file is unreadable, a row is malformed, or two rows of one question have different labels or
            splits.
    """
    marker = files.maybe("simulated")
    model = _simulating_model(marker) if marker is not None else None
    simulated = model is not None
    parsed = ParsedSource(frames={}, rejections=[], simulated=simulated, version=model)
    if simulated:
        parsed.name, parsed.licence, parsed.url = SIMULATED_NAME, SIMULATED_LICENCE, ""
    parts = []
    tasks: tuple[Literal["de", "dir"], ...] = ("de", "dir")
    for task in tasks:
        for path in files.all(task):
            rejections = Rejections(path)
            parsed.rejections.append(rejections)
            rows = question_rows(path, task, cell_line_of(path), simulated=simulated, rejections=rejections)
            parts.append(_recognised(rows, rejections.file, context, parsed))
    questions = pl.concat(parts)
    keys = ("task", "cell_line", *_PAIR)
    merged = merge_duplicates(questions, keys, _ANSWERS, given=[f"given_{column}" for column in _PAIR])
    parsed.notes["duplicate rows merged"] = questions.height - merged.height
    parsed.notes["rows with a gene unknown to HGNC"] = merged.filter(~pl.col("known")).height
    parsed.frames["questions"] = merged.select(_COLUMNS)
    parsed.frames["cell_lines"] = merged.select(pl.col("cell_line").unique().sort().alias("name"))
    parsed.frames["knockdowns"] = _knockdowns(merged, parsed.name or NAME, parsed)
    return parsed


def _simulating_model(marker: Path) -> str | None:
    """The model that drew the labels, None if the marker says that they are measured."""
    form = 'it must be {"simulated": true or false, "model": "..."}'
    try:
        content = json.loads("".join(text for _, text in text_blocks(marker)))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the marker of simulated labels is not JSON ({error})", where=marker, hint=form) from error
    simulated = content.get("simulated") if isinstance(content, dict) else None
    if not isinstance(simulated, bool):
        raise SourceError("the marker does not say whether labels are simulated", where=marker, hint=form)
    return str(content.get("model") or "not named") if simulated else None


def _recognised(rows: pl.DataFrame, where: str, context: BuildContext, parsed: ParsedSource) -> pl.DataFrame:
    """The rows of one file under approved symbols, with `known` (both are genes) and the labels as given.

    Controls and missing values are set aside; other names that are no gene stay as they are.
    """
    renamed, report = recognise(rows, context.gene_names(), _PAIR, where, accept=context.accept_suggestions)
    parsed.unrecognised.append(report)
    kept = renamed.with_columns(rows.select(pl.col(column).alias(f"given_{column}") for column in _PAIR))
    for kind, called in SET_ASIDE.items():
        kept = leave_out(kept, report.stands(_PAIR, [kind]), called, parsed.left_out)
    return kept.with_columns(known=pl.all_horizontal(~pl.col(column).is_in(report.labels(column)) for column in _PAIR))


def _knockdowns(questions: pl.DataFrame, source: str, parsed: ParsedSource) -> pl.DataFrame:
    train = questions.filter(pl.col("split") == "train")
    keys = ["cell_line", "pert", "gene"]
    directions = train.filter(pl.col("task") == "dir").select(
        *keys, pl.when(pl.col("label") == 1).then(pl.lit("increase")).otherwise(pl.lit("decrease")).alias("direction")
    )
    changed = train.filter((pl.col("task") == "de") & (pl.col("label") == 1))
    usable = changed.filter("known")
    parsed.notes["knockdowns without both genes in HGNC"] = changed.height - usable.height
    return (
        usable.select(*keys)
        .join(directions, on=keys, how="left")
        .select(
            pl.col("pert").alias("start"),
            pl.col("gene").alias("end"),
            "cell_line",
            pl.col("direction").fill_null("unknown"),
            pl.lit(source).alias("source"),
        )
        .sort("start", "end", "cell_line")
    )


_DATASETS = "https://raw.githubusercontent.com/Genentech/PerturbQA/main/perturbqa/datasets"


def _any_case_pattern(task: str) -> str:
    """A shell pattern of names such as `k562-de.csv`, `K562_DE.csv` and `k562.de.csv`."""
    return "*[-_. ]" + "".join(f"[{letter}{letter.upper()}]" for letter in task) + ".csv"


def _files(task: str) -> tuple[SourceFile, ...]:
    return tuple(
        SourceFile(
            task,
            f"{line}-{task}.csv",
            (_any_case_pattern(task),),
            f"{_DATASETS}/{line}-{task}.csv",
            required=False,
            many=True,
        )
        for line in ("k562", "rpe1", "hepg2", "jurkat")
    )


SOURCE = SourceEntry(
    name=NAME,
    title="questions on the effects of knockdowns, with measured answers",
    folder="perturbqa",
    files=(*_files("de"), *_files("dir"), SourceFile("simulated", "simulated.json", required=False)),
    licence="CC BY 4.0",
    commercial=True,
    url="https://github.com/Genentech/PerturbQA",
    required=False,
    read=read,
)
