"""Anyone's questions files, in PerturbQA's format, brought to the graph's names."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import polars as pl

from rbio_kg.core.atomic_io import write_bytes
from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.errors import EvaluationError
from rbio_kg.graph.identity.duplicates import merge_duplicates
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.graph.identity.unrecognised import SET_ASIDE, Unrecognised, recognise
from rbio_kg.graph_builders.sources.perturbqa import cell_line_of, question_rows, task_of

Tables = Mapping[str, pl.DataFrame]
PAIR = ["pert", "gene"]
"""The columns that hold gene names."""
ANSWERS = ["label", "split"]
"""The columns in which two rows of one question must agree."""


@dataclass(frozen=True)
class QuestionFile:
    """The questions of one file.

    Args:
        frame: rows with the schema of the `questions` table, in the order of the file. Controls and missing names are
            set aside; any other name that is not recognised stays as it is.
        names: what was not recognised; None where no graph was given.
    """

    frame: pl.DataFrame
    names: Unrecognised | None

    @property
    def cell_line(self) -> str:
        """The canonical name of its cell line."""
        return str(self.frame["cell_line"][0])


def read_question_file(
    path: Path, task: str | None, cell_line: str | None, tables: Tables | None, rules: NameRules = DEFAULT_RULES
) -> QuestionFile:
    """The rows of one file.

    Args:
        path: CSV with `pert,gene,label,split`, also gzipped or zipped.
        task: `de` or `dir`; None to read it off the file's name (`k562-dir.csv`), `de` where that says nothing.
        cell_line: None to read it off the file's name.
        tables: the graph, for approved symbols; None leaves the names as they are.
        rules: what is done about names that are not recognised.

    Raises:
        EvaluationError: an unknown task, or a name that no cell line can have.
        SelectionError: too many names are not recognised.
        SourceError: the file is unreadable or malformed, or two rows are one question and contradict each other.
    """
    frame, names = _read(Path(path), task, cell_line, tables, rules)
    return QuestionFile(frame.drop("file", "line"), names)


def _read(
    path: Path, task: str | None, cell_line: str | None, tables: Tables | None, rules: NameRules
) -> tuple[pl.DataFrame, Unrecognised | None]:
    if task is None:
        task = task_of(path) or "de"
    if task not in ("de", "dir"):
        raise EvaluationError(f"unknown task {task!r}", hint="known: de, dir")
    line = checked_line(cell_line or cell_line_of(path))
    simulated = (path.parent / "simulated.json").is_file()
    kind = cast(Literal["de", "dir"], task)
    rows = question_rows(path, kind, line, simulated=simulated)
    if tables is None:
        return merge_duplicates(rows, PAIR, ANSWERS), None
    # Rows of controls are set aside before rows are compared.
    return settled_pairs(rows, tables, path, rules, ANSWERS)


def read_question_files(
    paths: Sequence[Path], tables: Tables, rules: NameRules = DEFAULT_RULES
) -> tuple[pl.DataFrame, list[Unrecognised]]:
    """The rows of several files, a question of two files once, and what was not recognised in each.

    Raises:
        SelectionError: too many names of a file are not recognised.
        SourceError: a file is unreadable or malformed, or two rows are one question and contradict each other.
    """
    read = [_read(Path(path), None, None, tables, rules) for path in paths]
    frame = merge_duplicates(pl.concat([rows for rows, _ in read]), ["task", "cell_line", *PAIR], ANSWERS)
    return frame.drop("file", "line"), [names for _, names in read if names is not None]


def settled_pairs(
    frame: pl.DataFrame, tables: Tables, where: Path, rules: NameRules, answers: Sequence[str]
) -> tuple[pl.DataFrame, Unrecognised]:
    """Approved symbols in `pert` and `gene`, each pair once, without controls and missing names; with a column `file`.

    Args:
        frame: columns `pert`, `gene`, `line` and `answers`.
        tables: the graph.
        where: the file.
        rules: what is done about names that are not recognised.
        answers: columns in which two rows of one pair must agree.

    Raises:
        SelectionError: too many names are not recognised.
        SourceError: two rows are one pair and contradict each other.
    """
    names = GeneNames.of_tables(tables)
    found, report = recognise(frame, names, PAIR, where, accept=rules.accept)
    report.check(rules.most)
    given = [f"given_{column}" for column in PAIR]
    found = (
        found.with_columns(**{name: frame[column] for name, column in zip(given, PAIR, strict=True)})
        .filter(~report.stands(PAIR, SET_ASIDE))
        .with_columns(file=pl.lit(str(where)))
    )
    return merge_duplicates(found, PAIR, answers, given=given).drop(given), report


def checked_line(name: str) -> str:
    """The canonical name of a cell line.

    Raises:
        EvaluationError: it has neither letters nor digits.
    """
    line = canonical_line(name)
    if not line or len(line) > 80:
        raise EvaluationError(f"a cell line cannot be called {name!r}", hint="use letters and digits")
    return line


def write_rows(path: Path, frame: pl.DataFrame) -> None:
    """Rows as CSV, gzipped where the name ends in `.gz`; the same rows give the same bytes."""
    content = frame.write_csv().encode()
    write_bytes(path, gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content)
