"""Tables of figures, as Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, as_json: bool = False) -> None:
    """One line a row; what a row lacks stays empty. As JSON: the rows with all that they have."""
    if as_json:
        print(json.dumps(rows, indent=1, allow_nan=False))
        return
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(cell(row.get(name)) for name in columns) + " |")


def cell(value: Any) -> str:
    """A number, an interval, or a difference with its interval."""
    if isinstance(value, dict):
        return f"{value['mean']:+.3f} [{value['low']:+.3f}, {value['high']:+.3f}]"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(f"{item:.3f}" for item in value) + "]"
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
