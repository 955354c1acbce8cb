"""GO ids: the live terms, and where alternative and obsolete ids lead."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class OntologyTerms:
    """Where GO ids lead.

    Args:
        redirects: columns `label` (live, alternative or replaced id) and `id` (the live term).
        obsolete: ids of obsolete terms that no single live term replaces.
    """

    redirects: pl.DataFrame
    obsolete: frozenset[str]
