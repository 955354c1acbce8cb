"""Columns of integers from 0 to 1000, in tables of many million rows.

`clean_rows` reads a block at once where every row of it is well formed; any other block is split row by row and goes
through `checked_scores`, which says which line is wrong. Both give the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from rbio_kg.graph_builders.parsing.rejections import Rejections

HIGHEST = 1000


def clean_rows(
    text: str, first_line: int, separator: str, names: Sequence[str], scores: Collection[str]
) -> pl.DataFrame | None:
    """`line` and every column, `scores` as Int16 and the others as strings; None where any row needs a check.

    Args:
        text: complete lines with `\\n` between them.
        first_line: number of the first.
        separator: one character between fields, which cannot be quoted.
        names: of all columns.
        scores: those that hold scores.
    """
    if any(blank in text for blank in "\t\v\f\r " if blank != separator):
        return None  # Blanks before a number would be passed over,
    if text.endswith(separator) or f"{separator}\n" in text:
        return None  # and so would an empty field at the end of a row.
    schema = {name: pl.Int16 if name in scores else pl.String for name in names}
    try:
        rows = pl.read_csv(text.encode(), has_header=False, separator=separator, schema=schema, quote_char=None)
    except pl.exceptions.PolarsError:
        return None
    lines = text.count("\n") + (not text.endswith("\n"))
    # A blank line, a field too few and an empty field all leave a null.
    if rows.height != lines or any(rows[name].null_count() for name in names):
        return None
    numbers = pl.col([name for name in names if name in scores])
    if not rows.select(pl.all_horizontal(numbers.is_between(0, HIGHEST).all())).item():
        return None
    return rows.select(pl.int_range(first_line, first_line + lines, dtype=pl.Int64).alias("line"), pl.all())


def checked_scores(rows: pl.DataFrame, scores: Collection[str], rejections: Rejections) -> pl.DataFrame:
    """`rows` with `scores` as Int16 instead of strings; rows with an invalid score go to `rejections`.

    A column that is null throughout (the file lacks it) stays so.
    """
    numbers = rows.with_columns(pl.col(scores).cast(pl.Int64, strict=False).name.suffix("_number"))
    wrong = pl.any_horizontal(
        pl.col(name).is_not_null() & ~pl.col(f"{name}_number").is_between(0, HIGHEST).fill_null(False)
        for name in scores
    )
    numbers = rejections.drop(numbers, wrong, f"a score is not a whole number from 0 to {HIGHEST}")
    return numbers.select(
        pl.col(f"{name}_number").cast(pl.Int16).alias(name) if name in scores else pl.col(name) for name in rows.columns
    )
