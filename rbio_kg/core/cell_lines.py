"""One name for each cell line, whatever the spelling."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

ALIASES = {
    "htertrpe1": "rpe1",
    "rpe1htert": "rpe1",
    "293": "hek293",
    "293t": "hek293t",
    "293ft": "hek293ft",
}
"""Other common names of cell lines, as letters and digits in lower case, and the name used here."""


def canonical_line(name: str) -> str:
    """The letters and digits of a cell line's name, in lower case, under its common name.

    The result is empty for a name without letters and digits.

    Example:
        >>> {canonical_line(name) for name in ("K562", "K-562", " k_562 ", "k562")}
        {'k562'}
        >>> canonical_line("hTERT-RPE1")
        'rpe1'
    """
    plain = re.sub(r"[\W_]", "", name).lower()
    return ALIASES.get(plain, plain)


def known_lines_hint(line: str, known: Collection[str]) -> str:
    """What to say about a line that is not among the known ones: the one of most similar name, and all of them."""
    near = difflib.get_close_matches(line, known, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"it knows {', '.join(sorted(known)) or 'none'}"


def unknown_lines(lines: Iterable[str | None], known: Collection[str]) -> list[str]:
    """A warning for each line that a graph with some known lines does not have; None is no line.

    Example:
        >>> unknown_lines(["k526", "rpe1", None], ["k562", "rpe1"])
        ['warning: the graph knows no cell line k526; did you mean k562? it knows k562, rpe1']
    """
    lost = sorted({line for line in lines if line is not None and line not in known})
    return [f"warning: the graph knows no cell line {line}; {known_lines_hint(line, known)}" for line in lost]
