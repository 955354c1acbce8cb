"""Rows that turn out to be the same question: merged where they agree, refused where they contradict."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rbio_kg.core.errors import SourceError


def merge_duplicates(
    frame: pl.DataFrame, keys: Sequence[str], answers: Sequence[str], *, given: Sequence[str] = ()
) -> pl.DataFrame:
    """The first row of each key.

    Args:
        frame: rows with the columns `file` and `line`, their positions.
        keys: columns that state the question.
        answers: columns in which rows of one question must agree.
        given: columns with the names as they were given, for the message.

    Raises:
        SourceError: two rows of one question disagree; both positions are named.
    """
    first = pl.struct(answers).first().over(keys)
    different = frame.filter(pl.struct(answers) != first)
    if not different.is_empty():
        later = different.row(0, named=True)
        earlier = frame.join(different.head(1).select(keys), on=list(keys), how="semi", nulls_equal=True).row(
            0, named=True
        )
        column = next(name for name in answers if earlier[name] != later[name])
        names = [",".join(str(row[name]) for name in given) for row in (earlier, later)]
        called = f" ({names[0]} and {names[1]})" if given and names[0] != names[1] else ""
        more = f" ({different.height} such rows)" if different.height > 1 else ""
        place = "line" if later["file"] == earlier["file"] else f"{earlier['file']}, line"
        raise SourceError(
            f"the row of {place} {earlier['line']} is the same question{called} with another {column}: "
            f"{earlier[column]} there, {later[column]} here{more}",
            where=later["file"],
            line=later["line"],
            hint="keep one of them",
        )
    return frame.unique(list(keys), keep="first", maintain_order=True)
