"""Anyone's questions files, in PerturbQA's format, brought to the graph's gene symbols."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

import polars as pl

from rbio_kg.core.atomic_io import write_bytes
from rbio_kg.core.errors import EvaluationError
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph_builders.sources.perturbqa import cell_line_of, read_questions

Tables = Mapping[str, pl.DataFrame]
PAIR = ["pert", "gene"]
"""The columns that hold gene names."""


def read_question_file(path: Path, task: str | None, cell_line: str | None, tables: Tables | None) -> pl.DataFrame:
    """The rows of one file, with the schema of the `questions` table.

    Args:
        path: CSV with `pert,gene,label,split`, also gzipped or zipped.
        task: `de` or `dir`; None to read it off the file's name (`k562-dir.csv`), `de` where that says nothing.
        cell_line: None to read it off the file's name.
        tables: the graph, for approved symbols; None leaves the names as they are.

    Raises:
        EvaluationError: an unknown task, or a name that no cell line can have.
        SourceError: the file is unreadable or malformed.
    """
    path = Path(path)
    if task is None:
        task = "dir" if "-dir." in path.name.lower() else "de"
    if task not in ("de", "dir"):
        raise EvaluationError(f"unknown task {task!r}", hint="known: de, dir")
    line = checked_line(cell_line or cell_line_of(path))
    simulated = (path.parent / "simulated.json").is_file()
    frame = read_questions(path, cast(Literal["de", "dir"], task), line, simulated=simulated)
    return frame if tables is None else approved_pairs(frame, tables)


def checked_line(name: str) -> str:
    """A cell line's name in lower case.

    Raises:
        EvaluationError: models could not be stored under it.
    """
    if not re.fullmatch(r"\w[\w .+-]{0,79}", name):
        raise EvaluationError(
            f"a cell line cannot be called {name!r}", hint="use letters, digits, blanks, dots, dashes and underscores"
        )
    return name.lower()


def write_rows(path: Path, frame: pl.DataFrame) -> None:
    """Rows as CSV, gzipped where the name ends in `.gz`; the same rows give the same bytes."""
    content = frame.write_csv().encode()
    write_bytes(path, gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content)


def approved_pairs(frame: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Approved symbols instead of other names; two names of one gene that would make one pair of two rows stay."""
    if not set(PAIR) <= set(frame.columns):
        return frame
    names = GeneNames.of_tables(tables)
    renamed = frame.with_columns(
        pl.coalesce(names.symbols(frame[column]), column).alias(f"new_{column}") for column in PAIR
    )
    clash = pl.len().over("new_pert", "new_gene") > 1
    return renamed.with_columns(
        pl.when(clash).then(column).otherwise(f"new_{column}").alias(column) for column in PAIR
    ).drop("new_pert", "new_gene")
