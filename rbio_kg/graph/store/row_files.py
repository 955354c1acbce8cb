"""Writes a stream of rows to a JSON Lines, CSV or Parquet file, chosen by the file's ending; atomic."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from rbio_kg.core.atomic_io import atomic_path
from rbio_kg.core.errors import ConfigError
from rbio_kg.core.progress import Progress

Row = Mapping[str, Any]

ENDINGS = (".jsonl", ".csv", ".parquet")

_BATCH = 5_000
_ORDER: dict[type, int] = {bool: 1, int: 2, float: 3, str: 4}
_LARGE = 6
_SCALARS = {1: pl.Boolean(), 2: pl.Int64(), 3: pl.Float64(), 4: pl.String()}


def check_ending(path: Path) -> None:
    """Raise ConfigError unless the file's ending names a format."""
    if path.suffix not in ENDINGS:
        raise ConfigError("the file's ending says no format", where=path, hint=f"use one of {', '.join(ENDINGS)}")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Row], progress: Progress) -> int:
    """Write all rows; the file appears when it is complete. At most a few thousand rows are in memory.

    In CSV and Parquet, a value that is a map or a list of lists becomes JSON text. The type of a Parquet column is
    integer, number, text, truth value, or a list of one of these. A column of several types becomes JSON text.

    Args:
        path: ends in .jsonl, .csv or .parquet.
        columns: the rows' keys, in the order of the columns.
        rows: plain JSON values.
        progress: called with the number of rows written.

    Returns:
        The number of rows.

    Raises:
        ConfigError: the path has another ending.
    """
    check_ending(path)
    writers = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
    with atomic_path(path) as temporary:
        count = writers[path.suffix](temporary, columns, _reported(rows, progress))
    progress(f"{count:,} rows written", 1.0)
    return count


def _reported(rows: Iterable[Row], progress: Progress) -> Iterator[Row]:
    for count, row in enumerate(rows):
        if count % _BATCH == 0:
            progress(f"{count:,} rows written", None)
        yield row


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _write_jsonl(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(_text(dict(row)) + "\n")
            count += 1
    return count


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            values = [row[name] for name in columns]
            writer.writerow([_text(value) if isinstance(value, (list, dict)) else value for value in values])
            count += 1
    return count


def _write_parquet(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Types are known only at the end, so the rows are first written as JSON lines to a second temporary file."""
    waiting = path.with_name(path.name + ".jsonl")
    kinds: dict[str, set[tuple[bool, int]]] = {name: set() for name in columns}
    try:
        with waiting.open("w", encoding="utf-8") as stream:
            count = 0
            for row in rows:
                for name in columns:
                    kinds[name] |= _kinds(row[name])
                stream.write(_text([row[name] for name in columns]) + "\n")
                count += 1
        schema = {name: _column(found) for name, found in kinds.items()}

        def frames(*_: Any) -> Iterator[pl.DataFrame]:
            with waiting.open(encoding="utf-8") as lines:
                while part := list(islice(lines, _BATCH)):
                    yield _frame([json.loads(line) for line in part], kinds, schema)

        register_io_source(frames, schema=schema).sink_parquet(path)
    finally:
        waiting.unlink(missing_ok=True)
    return count


def _kinds(value: Any) -> set[tuple[bool, int]]:
    """Kinds in a value, as (in a list, kind)."""
    if value is None:
        return set()
    if isinstance(value, list):
        return {(True, _kind(item)) for item in value} or {(True, 0)}
    return {(False, _kind(value))}


def _kind(value: Any) -> int:
    """The kind of a scalar: 0 for None, 5 for what only JSON text holds, 6 for an integer that no float64 equals."""
    if type(value) is int and int(float(value)) != value:
        return _LARGE
    return _ORDER.get(type(value), 0 if value is None else 5)


def _column(kinds: set[tuple[bool, int]]) -> pl.DataType:
    listed = {inside for inside, _ in kinds}
    found = {kind for _, kind in kinds if kind}
    if _LARGE in found:
        # Next to a float it would be rounded, so such a column becomes text.
        found = {2} if found <= {2, _LARGE} else {5}
    if len(listed) > 1 or 5 in found or (len(found) > 1 and found != {2, 3}):
        return pl.String()
    scalar = _SCALARS[max(found, default=4)]
    return pl.List(scalar) if listed == {True} else scalar


def _frame(
    rows: list[list[Any]], kinds: Mapping[str, set[tuple[bool, int]]], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    series = []
    for place, (name, kind) in enumerate(schema.items()):
        values = [row[place] for row in rows]
        if kind == pl.String() and kinds[name] - {(False, 4)}:
            values = [None if value is None else _text(value) for value in values]
        series.append(pl.Series(name, values, dtype=kind, strict=False))
    return pl.DataFrame(series)
