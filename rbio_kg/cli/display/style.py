"""Colours, bars, and the width of the output."""

from __future__ import annotations

import os
import shutil
import sys

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
BAR = 20
"""Characters of a probability of 1."""
PIPE = 160
"""Columns of a pipe or a file, which have no width of their own, unless COLUMNS says otherwise."""


def coloured() -> bool:
    """Whether standard output is a terminal that shows colours; NO_COLOR and TERM=dumb turn them off."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str) -> str:
    """The text in a colour or weight of `CODES`, or as it is where colours are off."""
    return f"\x1b[{CODES[style]}m{text}\x1b[0m" if text and coloured() else text


def width() -> int:
    """Columns of the output: COLUMNS, else those of the terminal, else 160."""
    return shutil.get_terminal_size((PIPE, 24)).columns if sys.stdout.isatty() else _columns()


def _columns() -> int:
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdigit() and int(given) else PIPE


def bar(probability: float) -> str:
    """A probability as a bar of 20 characters.

    >>> bar(0.25)
    '█████░░░░░░░░░░░░░░░'
    """
    full = round(BAR * min(1.0, max(0.0, probability)))
    return "█" * full + "░" * (BAR - full)
