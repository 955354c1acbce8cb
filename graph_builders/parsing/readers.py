"""Reads providers' files as text and as tables, with line numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.content import AGAIN, ENCODING, chunks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.score_columns import checked_scores, clean_rows

LONGEST_LINE = 1 << 24
"""Largest number of bytes in a line, 16 MiB; the longest lines, in gene sets, have a few thousand."""
MOST_COLUMNS = 1000
"""Largest number of columns in a header; HGNC has 54."""
MOST_LINES = 1 << 21
"""Largest number of lines in one block; blocks of usual lines have fewer."""
_BLOCK = 1 << 25


def text_blocks(path: Path, size: int = _BLOCK) -> Iterator[tuple[int, str]]:
    """Complete lines in blocks of about `size` bytes, each with the 1-based number of its first line.

    Line ends are `\\n`, whether the file has `\\n`, `\\r\\n` or `\\r`; a byte-order mark is dropped.

    Raises:
        SourceError: as `content.chunks`, or the file is empty, not UTF-8 text or has a line above `LONGEST_LINE`.
    """
    line, rest, first = 1, b"", True
    for chunk in chain(chunks(path, size), (b"",)):
        data = rest + chunk
        if first and data:
            data, first = data.removeprefix(b"\xef\xbb\xbf"), False
        _check_lengths(data, path, line)
        cut = _complete_lines(data) if chunk else len(data)
        block, rest = data[:cut], data[cut:]
        if block:
            for text in _pieces(_decode(block, path, line)):
                yield line, text
                line += text.count("\n")
    if first:
        raise SourceError("the file is empty", where=path, hint=AGAIN)


def _pieces(text: str) -> Iterator[str]:
    """A block in parts of about `MOST_LINES` complete lines: short lines need many times their bytes in memory."""
    count = text.count("\n") // MOST_LINES + 1
    start = 0
    for number in range(1, count + 1):
        end = text.find("\n", max(start, len(text) * number // count - 1)) + 1 or len(text)
        if end > start:
            yield text[start:end]
        start = end


def _complete_lines(data: bytes) -> int:
    """Length of the part that ends with a line end. A last `\\r` does not count: `\\n` may follow."""
    return data.rfind(b"\n") + 1 or data.rfind(b"\r", 0, -1) + 1


def _check_lengths(data: bytes, path: Path, line: int) -> None:
    start = 0
    while len(data) - start > LONGEST_LINE:
        window = start, start + LONGEST_LINE + 1
        end = data.rfind(b"\n", *window)
        if end < 0 and (end := data.rfind(b"\r", *window)) < 0:
            raise SourceError(
                f"the line has more than {LONGEST_LINE:,} bytes",
                where=path,
                line=line + _line_ends(data[:start]),
                hint="is it the right file?",
            )
        start = end + 1


def _line_ends(data: bytes) -> int:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")


def _decode(block: bytes, path: Path, line: int) -> str:
    nul = block.find(b"\0")
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start if nul < 0 else min(nul, error.start)
        raise SourceError(
            "the file is not UTF-8 text", where=path, line=line + _line_ends(block[:position]), hint=ENCODING
        ) from None
    if nul >= 0:
        raise SourceError(
            "the file is not text (it holds a NUL byte)",
            where=path,
            line=line + _line_ends(block[:nul]),
            hint=ENCODING,
        )
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every line with its 1-based number, without its line end. Raises as `text_blocks` does."""
    for start, block in text_blocks(path):
        yield from enumerate(block.removesuffix("\n").split("\n"), start)


@dataclass(frozen=True)
class Layout:
    """The layout of a provider's table.

    Args:
        separator: one character between fields.
        columns: the columns wanted. With a header they are looked up by name, else they name the first fields.
        header: True if the first line that is not a comment names the columns.
        optional: columns that may be missing from the header; they are then null throughout.
        fields: without a header, the least and most fields a row may have.
        comment: lines that begin with it are skipped; empty for none.
        quoted: True if fields may be in double quotes.
        scores: of the columns, those with integers from 0 to 1000, returned as Int16 (not for quoted fields).
        hint: where to find a file that has the columns.
    """

    separator: str
    columns: tuple[str, ...]
    header: bool = True
    optional: tuple[str, ...] = ()
    fields: tuple[int, int] = (0, 0)
    comment: str = ""
    quoted: bool = False
    scores: tuple[str, ...] = ()
    hint: str = ""


def table_blocks(path: Path, layout: Layout, rejections: Rejections) -> Iterator[pl.DataFrame]:
    """The table in blocks: `line` (Int64, 1-based) and the wanted columns as strings, in the order of the file.

    Blank lines are skipped; rows with a wrong number of fields, or with an invalid score, go to `rejections`.

    Raises:
        SourceError: as `text_blocks`, or the header is missing or lacks a wanted column.
    """
    header: list[str] | None = None
    wanted = (*layout.columns, *layout.optional)
    for start, block in text_blocks(path):
        if layout.header and header is None:
            header, start, block = _past_header(path, start, block, layout)
            if header is None:
                continue
        names = header if header is not None else list(layout.columns)
        if layout.scores:
            clean = clean_rows(block, start, layout.separator, names, layout.scores)
            if clean is not None:
                rejections.seen += clean.height
                kinds = {name: pl.Int16 if name in layout.scores else pl.String for name in wanted if name not in names}
                absent = (pl.lit(None, dtype=kind).alias(name) for name, kind in kinds.items())
                yield clean.with_columns(absent).select("line", *wanted)
                continue
        lines = (
            pl.Series("text", [block], dtype=pl.String)
            .str.split("\n")
            .explode()
            .to_frame()
            .select(pl.int_range(start, start + pl.len(), dtype=pl.Int64).alias("line"), "text")
            .filter(pl.col("text").str.strip_chars() != "")
        )
        if layout.comment:
            lines = lines.filter(~pl.col("text").str.starts_with(layout.comment))
        rejections.seen += lines.height
        fields = (len(names), len(names)) if layout.header else layout.fields
        table = _split(lines, layout, fields, rejections).select(
            "line",
            *(
                pl.col(f"field_{names.index(name)}").fill_null("").alias(name)
                if name in names
                else pl.lit(None, dtype=pl.String).alias(name)
                for name in wanted
            ),
        )
        yield checked_scores(table, layout.scores, rejections) if layout.scores else table
    if layout.header and header is None:
        raise SourceError("the file has no header line", where=path, hint=AGAIN)


def read_table(path: Path, layout: Layout, rejections: Rejections) -> pl.DataFrame:
    """All blocks of `table_blocks` as one frame."""
    frames = list(table_blocks(path, layout, rejections))
    if frames:
        return pl.concat(frames)
    return pl.DataFrame(schema={"line": pl.Int64, **dict.fromkeys((*layout.columns, *layout.optional), pl.String)})


def _past_header(path: Path, start: int, block: str, layout: Layout) -> tuple[list[str] | None, int, str]:
    """The columns' names (None where the block has no header), and the lines after it with the number of the first."""
    at = 0
    while at < len(block):
        end = block.find("\n", at)
        text, at = block[at : end if end >= 0 else len(block)], end + 1 if end >= 0 else len(block)
        start += 1
        if text.strip() and not (layout.comment and text.startswith(layout.comment)):
            return _header(path, start - 1, text, layout), start, block[at:]
    return None, start, ""


def _header(path: Path, number: int, text: str, layout: Layout) -> list[str]:
    names = [name.strip().strip('"') for name in text.lstrip("#").split(layout.separator, MOST_COLUMNS)]
    if len(names) > MOST_COLUMNS:
        raise SourceError(
            f"the header names more than {MOST_COLUMNS} columns", where=path, line=number, hint="is it the right file?"
        )
    twice = [name for name in (*layout.columns, *layout.optional) if names.count(name) > 1]
    if twice:
        raise SourceError(
            f"the header names the column {', '.join(twice)} twice", where=path, line=number, hint="leave the one meant"
        )
    missing = [name for name in layout.columns if name not in names]
    if missing:
        shown = ", ".join(repr(name[:40]) for name in names[:12])
        raise SourceError(
            f"the header lacks the column {', '.join(missing)} (it has {shown})",
            where=path,
            line=number,
            hint=layout.hint or f"expected at least {layout.separator.join(layout.columns)!r}",
        )
    return names


def _split(lines: pl.DataFrame, layout: Layout, fields: tuple[int, int], rejections: Rejections) -> pl.DataFrame:
    """`line` and `field_0`, `field_1`, ...; rows without the right number of fields are rejected."""
    quoted = pl.col("text").str.contains('"', literal=True) if layout.quoted else pl.lit(False)
    parts = [
        _split_plain(lines.filter(~quoted), layout.separator, fields, rejections),
        _split_quoted(lines.filter(quoted), layout.separator, fields, rejections),
    ]
    return pl.concat(parts).sort("line") if layout.quoted else parts[0]


def _miscounted(fields: tuple[int, int]) -> str:
    least, most = fields
    return f"the row does not have {least if least == most else f'{least} to {most}'} fields"


def _split_plain(lines: pl.DataFrame, separator: str, fields: tuple[int, int], rejections: Rejections) -> pl.DataFrame:
    text = pl.col("text")
    count = text.str.count_matches(separator, literal=True) + 1
    lines = rejections.drop(lines, ~count.is_between(*fields), _miscounted(fields))
    return lines.select("line", text.str.split_exact(separator, fields[1] - 1)).unnest("text")


def _unquoted(cell: str) -> str:
    """A field without the quotes around it."""
    whole = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if whole else cell


def _split_quoted(lines: pl.DataFrame, separator: str, fields: tuple[int, int], rejections: Rejections) -> pl.DataFrame:
    least, most = fields
    rows: list[Sequence[str | int | None]] = []
    for number, text in lines.iter_rows():
        try:
            cells = next(csv.reader([text], delimiter=separator), [])
        except csv.Error:
            cells = []
        if not least <= len(cells) <= most and '"' in (plain := text.split(separator)):
            # A field that is one double quote opens no quotation.
            cells = [_unquoted(cell) for cell in plain]
        if least <= len(cells) <= most:
            rows.append((number, *cells, *(None,) * (most - len(cells))))
        else:
            rejections.add(number, _miscounted(fields))
    schema = {"line": pl.Int64, **{f"field_{position}": pl.String for position in range(most)}}
    return pl.DataFrame(rows, schema=schema, orient="row")
