"""PerturbQA: does a knockdown of one gene change another's expression, and in which direction?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

import polars as pl

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource
from rbio_kg.graph_builders.parsing.readers import Layout, read_table, text_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "PerturbQA"
SIMULATED_NAME = "simulated knockdowns"
SIMULATED_LICENCE = "drawn from a model; no measurements"
LAYOUT = Layout(",", ("pert", "gene", "label", "split"), quoted=True)
_COLUMNS = tuple(TABLE_SCHEMAS["questions"])


def read_questions(
    path: Path,
    task: Literal["de", "dir"],
    cell_line: str,
    *,
    simulated: bool = False,
    rejections: Rejections | None = None,
) -> pl.DataFrame:
    """One file of questions, with its own gene labels, in the order of the file.

    Args:
        path: CSV with `pert,gene,label,split`, also gzipped or zipped.
        task: `de` (label 1: expression changes) or `dir` (label 1: it increases).
        cell_line: the cell line, stored in lower case.
        simulated: True if the labels come from a model.
        rejections: counts the rows seen; none is ever rejected.

    Returns:
        A frame with the columns of the `questions` table and `line`, the row's line in the file; equal duplicates of a
        pair are one row.

    Raises:
        SourceError: unreadable, a column is missing, a row is malformed, or a pair has two rows with different
            labels or splits. Rows are not repaired or skipped, because that would change the evaluation.
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
    if not rejections.count:
        answers = rows.select("line", "pert", "gene", pl.struct("label", "split").alias("answer"))
        twice = pl.col("answer") != pl.col("answer").first().over("pert", "gene")
        rejections.drop(answers, twice, "an earlier row of this pair has another label or split")
    if rejections.count:
        first = rejections.reasons[0]
        raise SourceError(
            first.why + (f" ({rejections.count} such rows)" if rejections.count > 1 else ""),
            where=path,
            line=first.line,
            hint="rows are pert,gene,label,split, for example SP1,TP53,1,train",
        )
    rejections.require_some(rows.height, "questions")
    return rows.unique(["pert", "gene"], keep="first", maintain_order=True).select(
        "pert",
        "gene",
        label.cast(pl.Float64).cast(pl.Int64),
        "split",
        pl.lit(cell_line.lower()).alias("cell_line"),
        pl.lit(task).alias("task"),
        pl.lit(simulated).alias("simulated"),
        "line",
    )


def cell_line_of(path: Path) -> str:
    """The cell line in a file's name: `k562` for `k562-de.csv.gz`.

    Raises:
        SourceError: the name states none.
    """
    cell_line = re.sub(r"-(?:de|dir)\..*$", "", path.name.lower()).strip()
    if not cell_line:
        raise SourceError("the file's name states no cell line", where=path, hint="name it like k562-de.csv")
    return cell_line


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `questions`, `knockdowns` and `cell_lines`.

    Questions keep every row; a gene that HGNC knows under another symbol takes the approved one, any other keeps its
    label. Knockdowns are the train rows with label 1, with the direction of the `dir` file's train rows.

    Raises:
        SourceError: a file is unreadable or a row malformed.
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
            parts.append(read_questions(path, task, cell_line_of(path), simulated=simulated, rejections=rejections))
    parsed.notes["duplicate rows merged"] = parsed.rows_read - sum(part.height for part in parts)
    questions = _approved(pl.concat(parts), context, parsed)
    parsed.frames["questions"] = questions.select(_COLUMNS)
    parsed.frames["cell_lines"] = questions.select(pl.col("cell_line").unique().sort().alias("name"))
    parsed.frames["knockdowns"] = _knockdowns(questions, parsed.name or NAME, parsed)
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


def _approved(questions: pl.DataFrame, context: BuildContext, parsed: ParsedSource) -> pl.DataFrame:
    names = context.gene_names()
    for column in ("pert", "gene"):
        questions = names.resolve(questions, {column: SYMBOL_KINDS}, f"{column}_symbol")
        unknown = questions.filter(pl.col(f"{column}_symbol").is_null())
        parsed.unmapped.note(unknown[column])
    parsed.notes["rows with a gene unknown to HGNC"] = questions.filter(
        pl.col("pert_symbol").is_null() | pl.col("gene_symbol").is_null()
    ).height
    renamed = questions.with_columns(
        known=pl.col("pert_symbol").is_not_null() & pl.col("gene_symbol").is_not_null(),
        new_pert=pl.coalesce("pert_symbol", "pert"),
        new_gene=pl.coalesce("gene_symbol", "gene"),
    )
    # Two labels of one gene could make two rows of one question; then both keep their labels.
    clash = pl.len().over("task", "cell_line", "new_pert", "new_gene") > 1
    parsed.notes["rows whose symbols clash when approved"] = renamed.filter(clash).height
    return renamed.with_columns(
        pl.when(clash).then("pert").otherwise("new_pert").alias("pert"),
        pl.when(clash).then("gene").otherwise("new_gene").alias("gene"),
        pl.col("known") & ~clash,
    )


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


def _files(task: str) -> tuple[SourceFile, ...]:
    return tuple(
        SourceFile(
            task,
            f"{line}-{task}.csv",
            (f"*-{task}.csv",),
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
