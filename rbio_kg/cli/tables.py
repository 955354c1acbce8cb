"""Tables for people, on standard output."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rbio_kg.cli.display.style import styled, width

LARGE = 1e9
"""Larger numbers are shown with an exponent."""
GAP = 2
"""Spaces between columns."""
TEXT = 16
"""The least width that a column of text is wrapped to."""


def show_value(value: Any) -> str:
    """A number with a sensible count of digits, `-` for what is absent, maps and nested lists as JSON.

    >>> [show_value(value) for value in (None, True, 1234, 0.12345, 1.5e300, [1, None], {"gene": "TP53"})]
    ['-', 'yes', '1,234', '0.123', '1.5e+300', '[1, -]', '{"gene": "TP53"}']
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        plain = value == 0.0 or not math.isfinite(value) or 0.0005 <= abs(value) < LARGE
        return f"{value:.3f}" if plain else f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict) or (isinstance(value, (list, tuple)) and any(map(_nested, value))):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(show_value, value)) + "]"
    return str(value)


def _nested(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Print a table; numbers to the right.

    No number and no word is ever split. Text wraps between words. Where the columns do not fit, the rows are stacked:
    each is a block with one line per column.
    """
    kept = [list(row) for row in rows]
    cells = [[show_value(value) for value in row] for row in kept]
    if title:
        print(styled(title, "bold"))
    widths = _widths(columns, kept, cells)
    if widths is None:
        _show_stacked(columns, cells)
        return
    right = [any(isinstance(row[place], (int, float)) for row in kept) for place in range(len(columns))]
    for number, row in enumerate([list(columns), *cells]):
        wrapped = [_wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        for line in range(max(map(len, wrapped), default=0)):
            parts = [text[line] if line < len(text) else "" for text in wrapped]
            aligned = [
                text.rjust(size) if flush else text.ljust(size)
                for text, size, flush in zip(parts, widths, right, strict=True)
            ]
            shown = (" " * GAP).join(aligned).rstrip()
            print(styled(shown, "bold") if number == 0 else shown)


def _wrap(text: str, size: int) -> list[str]:
    lines = []
    for line in text.splitlines() or [""]:
        lines += textwrap.wrap(line, max(size, 1), break_long_words=False, break_on_hyphens=False) or [""]
    return lines


def _widths(columns: Sequence[str], rows: Sequence[Sequence[Any]], cells: Sequence[Sequence[str]]) -> list[int] | None:
    """The width of each column; None where they do not fit even with all texts wrapped."""
    most, least = [], []
    for place, name in enumerate(columns):
        heads, texts = name.split() or [""], [row[place] for row in cells]
        whole = [len(line) for text in texts for line in text.splitlines()]
        most.append(max([len(name), *whole]))
        words = [
            len(word)
            for row, text in zip(rows, texts, strict=True)
            for word in (text.split() if isinstance(row[place], str) else [text])
        ]
        least.append(max([*map(len, heads), *words, min(most[-1], TEXT if most[-1] > TEXT else 0)]))
    space = width() - GAP * (len(columns) - 1)
    while sum(most) > space:
        wide = [place for place in range(len(most)) if most[place] > least[place]]
        if not wide:
            return None
        most[max(wide, key=lambda place: most[place])] -= 1
    return most


def _show_stacked(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    left = max(len(name) for name in columns[1:]) if len(columns) > 1 else 0
    for row in cells:
        print(styled(row[0], "bold"))
        for name, text in zip(columns[1:], row[1:], strict=True):
            first, *more = _wrap(text, max(TEXT, width() - left - 2 * GAP))
            print(f"{' ' * GAP}{name.ljust(left)}{' ' * GAP}{first}".rstrip())
            for line in more:
                print(" " * (left + 2 * GAP) + line)


def flat(document: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Nested maps as rows of a path and a plain value; lists of maps as their number of items.

    >>> flat({"grpo": {"steps": 2, "parts": [{"a": 1}]}, "name": "first"})
    [('grpo.steps', 2), ('grpo.parts', '1 item'), ('name', 'first')]
    """
    rows: list[tuple[str, Any]] = []
    for key, value in document.items():
        path = f"{before}{key}"
        if isinstance(value, Mapping):
            rows += flat(value, f"{path}.") or [(path, None)]
        elif isinstance(value, (list, tuple)) and any(map(_nested, value)):
            rows.append((path, f"{len(value)} item{'s' if len(value) != 1 else ''}"))
        elif isinstance(value, (list, tuple)) and value and all(isinstance(item, str) for item in value):
            rows.append((path, ", ".join(value)))
        else:
            rows.append((path, value))
    return rows


def show_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print a query's rows under their column names."""
    if not rows:
        print("no rows")
        return
    columns = list(rows[0])
    show_table(columns, [[row.get(name) for name in columns] for row in rows])
