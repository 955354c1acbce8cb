"""Tables for people, on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def show_value(value: Any) -> str:
    """A number with a sensible count of digits, `-` for what is absent."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(item, float) for item in value):
        return f"[{value[0]:.3f}, {value[1]:.3f}]"
    return str(value)


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
