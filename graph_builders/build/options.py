"""The options of a build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rbio_kg.core.errors import ConfigError
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules


@dataclass(frozen=True)
class BuildOptions:
    """What a build depends on besides the files.

    Args:
        min_score: lowest STRING score to keep, 0 to 1000.
        textmining: whether STRING's combined score counts text mining.
        commercial_only: leave out sources whose licence forbids commercial use.
        names: what is done about names that are no gene. Suggestions are taken in questions files only, and the largest
            share of rows is that of each source.

    Raises:
        ConfigError: a value is out of range.
    """

    min_score: int = 400
    textmining: bool = True
    commercial_only: bool = False
    names: NameRules = DEFAULT_RULES

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1000:
            raise ConfigError(f"min_score must be between 0 and 1000, not {self.min_score}")
        if not 0 <= self.names.most <= 1:
            raise ConfigError(f"the largest share of unrecognised names must be between 0 and 1, not {self.names.most}")

    @property
    def recorded(self) -> dict[str, Any]:
        """Those that change the graph, for the build's id and its manifest."""
        options = {
            "min_score": self.min_score,
            "textmining": self.textmining,
            "commercial_only": self.commercial_only,
        }
        return options | ({"accept_suggestions": True} if self.names.accept else {})
