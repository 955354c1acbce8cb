"""The vocabulary that every part shares: what is claimed, who judged it, and what the judge cites."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from rbio_kg.core.errors import ClaimError


class Relation(StrEnum):
    """The relations a claim can state.

    The first five say what a *knockdown* of the subject does to the object's expression: `increases` that it changes
    and rises, `increases_if_changed` that it rises, given that it changes. The next four say what the subject itself
    does; `takes_part_in` joins a gene to a GO term or a pathway.
    """

    CHANGES_EXPRESSION_OF = "changes_expression_of"
    INCREASES = "increases"
    DECREASES = "decreases"
    INCREASES_IF_CHANGED = "increases_if_changed"
    DECREASES_IF_CHANGED = "decreases_if_changed"
    INTERACTS_WITH = "interacts_with"
    REGULATES = "regulates"
    ACTIVATES = "activates"
    REPRESSES = "represses"
    TAKES_PART_IN = "takes_part_in"


IF_CHANGED = frozenset({Relation.INCREASES_IF_CHANGED, Relation.DECREASES_IF_CHANGED})
"""The direction alone: that the object changes is given, and is no part of what is judged."""
RISES = frozenset({Relation.INCREASES, Relation.INCREASES_IF_CHANGED})
FALLS = frozenset({Relation.DECREASES, Relation.DECREASES_IF_CHANGED})
KNOCKDOWN_RELATIONS = RISES | FALLS | {Relation.CHANGES_EXPRESSION_OF}
TASK_RELATION: Mapping[str, Relation] = MappingProxyType(
    {"de": Relation.CHANGES_EXPRESSION_OF, "dir": Relation.INCREASES_IF_CHANGED}
)
"""What label 1 of a benchmark's task claims; `dir` is asked of genes that did change."""
RELATION_TASKS: Mapping[Relation, tuple[str, ...]] = MappingProxyType(
    {
        Relation.CHANGES_EXPRESSION_OF: ("de",),
        **dict.fromkeys((RISES | FALLS) - IF_CHANGED, ("de", "dir")),
        **dict.fromkeys(IF_CHANGED, ("dir",)),
    }
)
"""The tasks whose probabilities make up a knockdown relation's, as a product: `de` P(change), `dir` P(direction |
change)."""


class Status(StrEnum):
    """How a verifier answered. `abstain` is no answer, `error` a fault; neither is ever a silent 0.5."""

    OK = "ok"
    ABSTAIN = "abstain"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that can be judged.

    Args:
        subject: gene symbol.
        relation: a `Relation` or its value.
        object: gene symbol, GO term id or pathway id.
        cell_line: lower-case name of the cell line, or None where the claim is not about one.

    Raises:
        ClaimError: an unknown relation, or an empty subject or object.
    """

    subject: str
    relation: str
    object: str
    cell_line: str | None = None

    def __post_init__(self) -> None:
        for name in ("subject", "object"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ClaimError(f"a claim's {name} must be a name, not {value!r}")
            object.__setattr__(self, name, value.strip())
        try:
            object.__setattr__(self, "relation", Relation(self.relation))
        except ValueError:
            known = ", ".join(Relation)
            raise ClaimError(f"unknown relation {self.relation!r}", hint=f"known: {known}") from None
        line = (self.cell_line or "").strip().lower()
        object.__setattr__(self, "cell_line", line or None)

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the claim's content, the same on every machine."""
        text = "\t".join((self.subject, self.relation, self.object, self.cell_line or ""))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        place = f" in {self.cell_line}" if self.cell_line else ""
        return f"{self.subject} {self.relation} {self.object}{place}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph, by label and key (never by an id that only the database knows)."""

    label: str
    key: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One cited element of the graph: the relationship `start -[type]-> end`.

    Args:
        start: where the relationship begins.
        type: relationship type, for example `INTERACTS_WITH`.
        end: where it ends.
        weight: how much it counted, 0 (hardly) to 1 (most).
        path: elements of one path share a number; the path's first step comes first.
        detail: what the relationship says (score, sign, direction, source, ...); plain JSON values only.
    """

    start: Node
    type: str
    end: Node
    weight: float
    path: int = 0
    detail: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __reduce__(self) -> tuple[object, ...]:
        return Evidence, (self.start, self.type, self.end, self.weight, self.path, dict(self.detail))

    def to_json(self) -> dict[str, Any]:
        """The element as plain JSON values."""
        return {
            "start": {"label": self.start.label, "key": self.start.key},
            "type": self.type,
            "end": {"label": self.end.label, "key": self.end.key},
            "weight": self.weight,
            "path": self.path,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """One verifier's answer to one claim.

    Args:
        score: probability that the claim holds, 0 to 1; None unless `status` is ok.
        status: ok, abstain or error.
        evidence: the graph elements that decided, most weighty first (steps of one path stay together).
        reason: one line for people.
        verifier: who says so.
    """

    score: float | None
    status: Status
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""
    verifier: str = ""

    def __post_init__(self) -> None:
        if (self.score is None) is (self.status is Status.OK):
            raise ClaimError(f"a verdict of status {self.status} cannot have the score {self.score}")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ClaimError(f"a verdict's score must lie between 0 and 1, not {self.score}")

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {
            "verifier": self.verifier,
            "score": self.score,
            "status": str(self.status),
            "reason": self.reason,
            "evidence": [element.to_json() for element in self.evidence],
        }
