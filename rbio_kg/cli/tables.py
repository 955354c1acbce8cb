"""Tables for people, on standard output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

LARGE = 1e9
"""Larger numbers are shown with an exponent."""


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
    """Print a plain table; numbers to the right."""
    kept = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        numeric = any(isinstance(row[place], (int, float)) for row in kept)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in kept:
        table.add_row(*(show_value(value) for value in row))
    # A pipe or a file has no width of its own; 80 columns would fold every number.
    width = None if sys.stdout.isatty() else 160
    console = Console(markup=False, highlight=False, width=width)
    if title:
        console.print(title, style="italic")
    console.print(table)


def show_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print a query's rows under their column names."""
    if not rows:
        print("no rows")
        return
    columns = list(rows[0])
    show_table(columns, [[row.get(name) for name in columns] for row in rows])
