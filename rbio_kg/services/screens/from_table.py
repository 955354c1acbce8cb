"""Questions from a table of differential expression."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import SourceError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.services.screens.result import ScreenOutput, ScreenQuestions, ScreenSource, check_outputs, write_screen

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.data.screens.columns import ColumnNames
    from rbio_kg.training.data.screens.labels import LabelRules
    from rbio_kg.training.data.screens.table import DeTable


def questions_from_de(
    workspace: WorkspaceBase,
    tables: Any,
    output: ScreenOutput | None = None,
    rules: LabelRules | None = None,
    columns: ColumnNames | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> ScreenQuestions:
    """Make questions from differential expression.

    Args:
        workspace: the graph, whose names are used.
        tables: a file, several, or a polars or pandas frame. Where no column states the perturbation, the file's name
            does (`TP53.csv`).
        output: files to write, cell line, handling of names.
        rules: thresholds, split and negatives.
        columns: columns that are not to be guessed.
        say: called with the columns before work starts.
        progress: called with a message and the finished share.

    Raises:
        SourceError: a table is unreadable, has no such column, or gives no questions.
        SelectionError: too many names are not recognised.
        ConfigError: a setting is out of range.
    """
    import polars as pl

    from rbio_kg.graph.identity.gene_names import GeneNames
    from rbio_kg.training.data.screens.labels import LabelRules, label_rows
    from rbio_kg.training.data.screens.table import de_rows, read_de_table

    rules, output = rules or LabelRules(), output or ScreenOutput()
    check_outputs(output)
    genes = GeneNames.of_tables(workspace.tables)
    files: list[Path] = []
    read: list[DeTable] = []
    if hasattr(tables, "columns"):
        frame = tables if isinstance(tables, pl.DataFrame) else _polars(tables)
        read.append(de_rows(frame, "the frame", columns))
        say(str(read[-1].columns))
    else:
        files = [Path(path) for path in ([tables] if isinstance(tables, (str, Path)) else tables)]
        if not files:
            raise SourceError("no table is named", hint="name a CSV, TSV or Parquet file")
        for number, path in enumerate(files):
            progress(f"reading {path.name}", number / len(files))
            read.append(read_de_table(path, columns, pert=_named_after(path, several=len(files) > 1, genes=genes)))
            say(f"{path.name}: {read[-1].columns}")
    where = files[0] if len(files) == 1 else (f"{len(files)} tables" if files else "the frame")
    rows = pl.concat([table.frame for table in read])
    remarks = list(dict.fromkeys(remark for table in read for remark in table.remarks))
    for remark in remarks:
        say(remark)
    progress(f"labelling {rows.height:,} rows", None)
    found = label_rows(rows, genes, where, rules, output.names)
    source = ScreenSource("from-de", files, rows.height, {"columns": read[0].columns.to_json()})
    return write_screen(workspace, found, source, rules, output, remarks=remarks)


def _named_after(path: Path, *, several: bool, genes: Any) -> str | None:
    """The perturbation that a file is named after, where its table need not state it."""
    stem = path.name.split(".", maxsplit=1)[0]
    return stem if several or genes.symbol(stem) is not None else None


def _polars(frame: Any) -> pl.DataFrame:
    """A pandas frame, with its row names as the column `index` where they are names."""
    import polars as pl

    names = frame.index
    if names.dtype.kind in "iu":
        return pl.from_pandas(frame)
    return pl.from_pandas(frame.rename_axis(names.name or "index").reset_index())
