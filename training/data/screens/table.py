"""Reading a table of differential expression: CSV in any dialect, TSV or Parquet."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rbio_kg.core.atomic_io import text_content
from rbio_kg.core.errors import SourceError
from rbio_kg.training.data.screens.columns import NATURAL, RATIOS, ColumnNames, Columns, find_columns, plain_name

MISSING = ("", "na", "nan", "n/a", "null", "none", "#n/a", "<na>", "-")
"""What programs write for an absent number, in lower case."""
_DECIMAL_COMMA = r"^[+-]?\d+,\d+(?:[eE][+-]?\d+)?$"
_LINE = "line of the file"
_LOG2_E = 1.4426950408889634
SCHEMA = {"pert": pl.String(), "gene": pl.String(), "padj": pl.Float64(), "lfc": pl.Float64(), "line": pl.Int64()}


@dataclass(frozen=True)
class DeTable:
    """The rows of a differential-expression table.

    Args:
        frame: columns `pert`, `gene` (as they stand), `padj` (0 to 1), `lfc` (base 2), `line`; null where the table
            has no value.
        columns: where they come from.
        remarks: what people should know about how the values were read, a line each.
    """

    frame: pl.DataFrame
    columns: Columns
    remarks: tuple[str, ...] = ()


def read_de_table(path: Path, chosen: ColumnNames | None = None, *, pert: str | None = None) -> DeTable:
    """The rows of one file.

    Args:
        path: Parquet, or text with commas, semicolons, tabs or blanks between its fields; also gzipped.
        chosen: columns that the user names; the others are guessed.
        pert: the perturbation, where no column states it.

    Raises:
        SourceError: the file is unreadable, a column is not found, or a value is no number or out of range; the
            message names the line.
    """
    frame, first_line = _read(path)
    return de_rows(frame, path, chosen, pert=pert, first_line=first_line)


def de_rows(
    frame: pl.DataFrame,
    where: str | Path,
    chosen: ColumnNames | None = None,
    *,
    pert: str | None = None,
    first_line: int = 1,
) -> DeTable:
    """The rows of a frame of any columns; see `read_de_table`."""
    header = [column for column in frame.columns if column != _LINE]
    columns = find_columns(header, chosen or ColumnNames(), where, needs_perturbation=pert is None)
    numbered = pl.int_range(first_line, first_line + frame.height, eager=True, dtype=pl.Int64)
    line = frame[_LINE] if _LINE in frame.columns else numbered
    remarks: list[str] = []
    p_column = columns.padj or columns.pvalue
    assert p_column is not None  # find_columns refuses a table with neither
    p = _numbers(frame[p_column], line, where, remarks)
    outside = ((p < 0) | (p > 1)).fill_null(False)
    if outside.any():
        at = int(outside.arg_true()[0])
        raise SourceError(
            f"{p[at]:g} in the column {p_column!r} is no p-value ({int(outside.sum())} such rows)",
            where=where,
            line=int(line[at]),
            hint="p-values lie between 0 and 1: give them without logarithm or percent",
        )
    lfc = _fold_changes(_numbers(frame[columns.lfc], line, where, remarks), columns.lfc, where, remarks)
    if columns.perturbation is None:
        perts = pl.Series([pert] * frame.height, dtype=pl.String)
    else:
        perts = _perturbed(frame[columns.perturbation])
    rows = pl.DataFrame(
        {
            "pert": perts,
            "gene": frame[columns.gene].cast(pl.String).str.strip_chars(),
            "padj": p,
            "lfc": lfc,
            "line": line,
        },
        schema=SCHEMA,
    )
    if columns.padj is None:
        rows = rows.with_columns(padj=adjusted(rows))
        remarks.append(
            f"the table has no adjusted p-values: {columns.pvalue!r} was adjusted (Benjamini-Hochberg) for each "
            "perturbation"
        )
    return DeTable(rows, columns, tuple(dict.fromkeys(remarks)))


def adjusted(rows: pl.DataFrame) -> pl.Series:
    """Benjamini-Hochberg adjusted p-values within each perturbation, in the rows' order; null stays null.

    Args:
        rows: columns `pert` and `padj`, which holds p-values.
    """
    from scipy.stats import false_discovery_control

    numbered = rows.select("pert", "padj").with_row_index("row")
    parts = [numbered.filter(pl.col("padj").is_null()).select("row", "padj")]
    for group in numbered.drop_nulls("padj").partition_by("pert"):
        found = false_discovery_control(group["padj"].to_numpy())
        parts.append(group.select("row").with_columns(pl.Series("padj", found, dtype=pl.Float64)))
    return pl.concat(parts).sort("row")["padj"]


def _perturbed(labels: pl.Series) -> pl.Series:
    """Perturbations without the control that a contrast names: `TP53_vs_non-targeting` is `TP53`."""
    from rbio_kg.graph.identity.forms import is_control

    named = {}
    for label in labels.cast(pl.String).unique().drop_nulls():
        for joint in ("_vs_", " vs. ", " vs ", "-vs-", ".vs.", "_versus_", " versus "):
            left, found, right = label.partition(joint)
            if found and is_control(right.strip()):
                named[label] = left
                break
    return labels.cast(pl.String).replace(named).str.strip_chars()


def _fold_changes(values: pl.Series, column: str, where: str | Path, remarks: list[str]) -> pl.Series:
    """Logarithms to base 2."""
    name = plain_name(column)
    if name in NATURAL:
        remarks.append(f"{column!r} holds natural logarithms (Seurat before version 4): converted to base 2")
        return values * _LOG2_E
    if name not in RATIOS:
        return values
    if values.is_empty() or (values.fill_null(1.0) >= 0).all():
        remarks.append(f"{column!r} holds ratios of means: their logarithms to base 2 were taken")
        return values.log(2.0)
    if not (values.abs() < 1.0).any():
        raise SourceError(
            f"the column {column!r} holds signed fold changes (-2 for half)",
            where=where,
            hint="give logarithms to base 2, or ratios of means",
        )
    remarks.append(f"{column!r} has negative values: it was read as a logarithm to base 2")
    return values


def _numbers(values: pl.Series, line: pl.Series, where: str | Path, remarks: list[str]) -> pl.Series:
    """The numbers of a column; null where the value is absent or no number by IEEE's definition (NaN)."""
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_nan(None)
    text = values.cast(pl.String).str.strip_chars()
    text = text.set(text.str.to_lowercase().is_in(MISSING).fill_null(False), None)
    if text.str.contains(_DECIMAL_COMMA).fill_null(False).any() and not text.str.contains(r"\.").fill_null(False).any():
        text = text.str.replace(",", ".", literal=True)
        remarks.append(f"decimal commas in the column {values.name!r} were read as decimal points")
    numbers = text.cast(pl.Float64, strict=False)
    wrong = text.is_not_null() & numbers.is_null()
    if wrong.any():
        at = int(wrong.arg_true()[0])
        raise SourceError(
            f"{text[at]!r} in the column {values.name!r} is no number ({int(wrong.sum())} such rows)",
            where=where,
            line=int(line[at]),
            hint="write numbers with a decimal point and without thousands separators",
        )
    return numbers.fill_nan(None)


def _read(path: Path) -> tuple[pl.DataFrame, int]:
    """A table, and the line of its first row."""
    if path.is_dir():
        raise SourceError("this is a folder, not a table", where=path, hint="name the files in it")
    lower = path.name.lower()
    if lower.endswith((".h5ad", ".h5")):
        raise SourceError(
            "this is a single-cell file, not a table", where=path, hint="run rbio-kg questions from-h5ad on it"
        )
    try:
        if lower.endswith((".parquet", ".pq")):
            return _parquet(path), 1
        content = text_content(path)
    except FileNotFoundError:
        raise SourceError("there is no such table", where=path) from None
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"cannot be read as a table ({' '.join(str(error).split())[:200]})", where=path) from error
    return _text_table(content, path)


def _parquet(path: Path) -> pl.DataFrame:
    frame = pl.read_parquet(path)
    # pandas stores row names in a column of its own.
    names = [name for name in frame.columns if name.startswith("__index_level_")]
    if len(names) == 1 and "gene" not in frame.columns:
        frame = frame.rename({names[0]: "index" if "index" not in frame.columns else ""})
    return frame


def _text_table(content: bytes, path: Path) -> tuple[pl.DataFrame, int]:
    """The rows of a text file, every column as text, and the line of the first row."""
    if content.startswith(b"PK\x03\x04"):
        raise SourceError("this is an Excel workbook or a zip archive", where=path, hint="save it as CSV UTF-8")
    text = content.decode("utf-8").removeprefix("\ufeff")
    skipped = 0
    separator = ""
    lines = text.split("\n", 2)
    first = lines[0].strip("\r")
    if first.lower().startswith("sep=") and len(first) == 5:  # Excel's own line
        separator, skipped = first[4], 1
        text = text.split("\n", 1)[1] if "\n" in text else ""
    while text.startswith(("#", "\n", "\r\n")):
        text, skipped = (text.split("\n", 1)[1] if "\n" in text else ""), skipped + 1
    header = text.split("\n", 1)[0].rstrip("\r")
    if not header.strip():
        raise SourceError("the file is empty", where=path, hint="give a table with a header line")
    separator = separator or _separator(header)
    names = next(csv.reader([header], delimiter=separator))
    rest = text.split("\n", 1)[1] if "\n" in text else ""
    row = next(csv.reader(io.StringIO(rest), delimiter=separator), [])
    if len(row) == len(names) + 1:
        names = ["", *names]  # write.table of R leaves the row names without a header
    taken: dict[str, int] = {}
    unique = []
    for name in (name.strip() for name in names):
        taken[name] = taken.get(name, 0) + 1
        unique.append(name if taken[name] == 1 else f"{name}_{taken[name]}")
    plain = separator.join(f"c{number}" for number in range(len(unique)))
    try:
        frame = pl.read_csv(f"{plain}\n{rest}".encode(), separator=separator, infer_schema=False)
        frame.columns = unique
    except pl.exceptions.PolarsError as error:
        raise SourceError(
            f"cannot be read as a table ({' '.join(str(error).split())[:160]})",
            where=path,
            hint="each line needs as many fields as the header",
        ) from error
    line = pl.int_range(skipped + 2, skipped + 2 + frame.height, eager=True, dtype=pl.Int64).alias(_LINE)
    return frame.with_columns(line).filter(~pl.all_horizontal(pl.col(unique).is_null())), skipped + 2


def _separator(header: str) -> str:
    """The separator of a header: what splits it into most fields; a blank where nothing else does."""
    counts = {mark: len(next(csv.reader([header], delimiter=mark))) for mark in ("\t", ";", ",")}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] > 1 else " "
