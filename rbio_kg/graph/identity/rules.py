"""What is done about names that are not recognised."""

from __future__ import annotations

from dataclasses import dataclass

WARN = 0.02
"""Share of rows with an unrecognised name above which people are warned."""
MOST = 0.20
"""Share of rows with an unrecognised name above which a table is refused."""


@dataclass(frozen=True)
class NameRules:
    """What is done about names that are not recognised.

    Args:
        accept: take the suggested gene where there is exactly one (`--accept-suggestions`).
        most: share of rows, 0 to 1, above which a table is refused (`--max-unrecognised`).
    """

    accept: bool = False
    most: float = MOST


DEFAULT_RULES = NameRules()
"""No suggestion is applied, and a fifth of the rows may be lost."""
