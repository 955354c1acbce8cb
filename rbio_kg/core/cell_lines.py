"""One name for each cell line, whatever the spelling."""

from __future__ import annotations

import re

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
