"""The types that every part shares: a claim, a verifier's verdict on it, and the evidence that the verdict cites."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from types import MappingProxyType
from typing import Any, NoReturn, Self

from rbio_kg.core.cell_lines import canonical_line
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

    @classmethod
    def parse(cls, name: str) -> Relation:
        """The relation of that name; a `Relation` is returned as it is.

        Raises:
            ClaimError: there is none.
        """
        try:
            return cls(name)
        except ValueError:
            raise ClaimError(f"unknown relation {name!r}", hint=f"known: {', '.join(cls)}") from None


IF_CHANGED = frozenset({Relation.INCREASES_IF_CHANGED, Relation.DECREASES_IF_CHANGED})
"""These state the direction only: that the object changes is given, and is not part of the claim."""
RISES = frozenset({Relation.INCREASES, Relation.INCREASES_IF_CHANGED})
FALLS = frozenset({Relation.DECREASES, Relation.DECREASES_IF_CHANGED})
KNOCKDOWN_RELATIONS = RISES | FALLS | {Relation.CHANGES_EXPRESSION_OF}
TASK_RELATION: Mapping[str, Relation] = MappingProxyType(
    {"de": Relation.CHANGES_EXPRESSION_OF, "dir": Relation.INCREASES_IF_CHANGED}
)
"""What label 1 of a benchmark's task claims. The task `dir` has questions about changed genes only."""
RELATION_TASKS: Mapping[Relation, tuple[str, ...]] = MappingProxyType(
    {
        Relation.CHANGES_EXPRESSION_OF: ("de",),
        **dict.fromkeys((RISES | FALLS) - IF_CHANGED, ("de", "dir")),
        **dict.fromkeys(IF_CHANGED, ("dir",)),
    }
)
"""The tasks whose probabilities make up a knockdown relation's, as a product: `de` P(change), `dir` P(direction |
change)."""


_set_frozen = object.__setattr__  # Inside `Claim`, `object` is a field.


class Status(StrEnum):
    """How a verifier answered. `abstain` means no answer, `error` a fault; neither becomes a score of 0.5."""

    OK = "ok"
    ABSTAIN = "abstain"
    ERROR = "error"


@dataclass(frozen=True, slots=True, init=False)
class Claim:
    """A statement that a verifier can score.

    Args:
        subject: gene symbol.
        relation: a `Relation` or its name.
        object: gene symbol, GO term id or pathway id.
        cell_line: name of the cell line in any spelling, kept in that of `canonical_line`; None where the claim is not
            about one.

    Raises:
        ClaimError: an unknown relation, or an empty subject or object.

    Example:
        >>> claim = Claim("TP53", "increases", "MDM2", "K562")
        >>> print(claim)
        TP53 increases MDM2 in k562
        >>> claim.relation
        <Relation.INCREASES: 'increases'>
        >>> claim == Claim("TP53", Relation.INCREASES, "MDM2", "k562")
        True
    """

    subject: str
    relation: Relation
    object: str
    cell_line: str | None

    def __init__(self, subject: str, relation: Relation | str, object: str, cell_line: str | None = None) -> None:
        values = {
            "subject": _name("subject", subject),
            "relation": Relation.parse(relation),
            "object": _name("object", object),
            "cell_line": canonical_line(cell_line or "") or None,
        }
        for name, value in values.items():
            _set_frozen(self, name, value)

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the claim's content, the same on every machine."""
        text = "\t".join((self.subject, self.relation, self.object, self.cell_line or ""))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        line = f" in {self.cell_line}" if self.cell_line else ""
        return f"{self.subject} {self.relation} {self.object}{line}"


def _name(part: str, value: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ClaimError(f"a claim's {part} must be a name, not {value!r}")
    return value.strip()


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph, by label and key (never by an id that only the database knows)."""

    label: str
    key: str

    def to_json(self) -> dict[str, Any]:
        """The node as plain JSON values."""
        return {"label": self.label, "key": self.key}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            ClaimError: `value` is malformed.
        """
        try:
            return cls(str(value["label"]), str(value["key"]))
        except _MALFORMED as error:
            _refuse("node", error)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One cited element of the graph: the relationship `start -[type]-> end`.

    Args:
        start: where the relationship begins.
        type: relationship type, for example `INTERACTS_WITH`.
        end: where it ends.
        weight: how much it counted, 0 (hardly) to 1 (most).
        path: elements of one path share a number; the path's first step comes first.
        detail: the relationship's properties (score, sign, direction, source, ...); plain JSON values only. It takes
            part in comparison but not in the hash.
    """

    start: Node
    type: str
    end: Node
    weight: float
    path: int = 0
    detail: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __reduce__(self) -> tuple[object, ...]:
        return Evidence, (self.start, self.type, self.end, self.weight, self.path, dict(self.detail))

    def to_json(self) -> dict[str, Any]:
        """The element as plain JSON values."""
        return {
            "start": self.start.to_json(),
            "type": self.type,
            "end": self.end.to_json(),
            "weight": self.weight,
            "path": self.path,
            "detail": dict(self.detail),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; `path` and `detail` may be missing.

        Raises:
            ClaimError: `value` is malformed, or its weight is not finite.
        """
        try:
            start, end = Node.from_json(value["start"]), Node.from_json(value["end"])
            weight, path = float(value["weight"]), int(value.get("path") or 0)
            if not math.isfinite(weight):
                raise ValueError("a weight is not finite")
            return cls(start, str(value["type"]), end, weight, path, dict(value.get("detail") or {}))
        except _MALFORMED as error:
            _refuse("citation", error)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One verifier's answer to one claim.

    Args:
        score: probability that the claim holds, 0 to 1; None unless `status` is ok.
        status: ok, abstain or error.
        evidence: the graph elements that decided, largest weight first (steps of one path stay together).
        reason: one line for people.
        verifier: the verifier's name.
        simulated: whether the score rests on labels that come from a model instead of a laboratory.

    Raises:
        ClaimError: the score does not fit the status, or is outside 0 to 1.
    """

    score: float | None
    status: Status
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""
    verifier: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        if (self.score is None) is (self.status is Status.OK):
            raise ClaimError(f"a verdict of status {self.status} cannot have the score {self.score}")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ClaimError(f"a verdict's score must lie between 0 and 1, not {self.score}")

    def __repr__(self) -> str:
        score = "" if self.score is None else f" {self.score:.3f}"
        cited = f", {len(self.evidence)} pieces of evidence" if self.evidence else ""
        mark = ", simulated labels" if self.simulated else ""
        return f"<Verdict {self.verifier or 'of a verifier'}: {self.status}{score}{mark}; {self.reason}{cited}>"

    def _repr_html_(self) -> str:
        """The score as a bar, the reason and the evidence, for notebooks."""
        score = "" if self.score is None else f"{self.score:.3f} <progress value='{self.score:.3f}'></progress>"
        mark = " <b>simulated labels</b>" if self.simulated else ""
        cited = "".join(
            f"<li>{escape(f'{item.start.key} {item.type} {item.end.key}')} ({item.weight:.2f}; "
            f"{escape(str(item.detail.get('source', 'source not stated')))})</li>"
            for item in self.evidence
        )
        head = f"<p><b>{escape(self.verifier)}</b> {self.status} {score}{mark}<br>{escape(self.reason)}</p>"
        return head + (f"<ul>{cited}</ul>" if cited else "")

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {
            "verifier": self.verifier,
            "score": self.score,
            "status": str(self.status),
            "simulated": self.simulated,
            "reason": self.reason,
            "evidence": [element.to_json() for element in self.evidence],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; `reason`, `evidence` and `simulated` may be missing.

        Raises:
            ClaimError: `value` is malformed.
        """
        try:
            return cls(
                score=None if value["score"] is None else float(value["score"]),
                status=Status(value["status"]),
                evidence=tuple(Evidence.from_json(element) for element in value.get("evidence") or ()),
                reason=str(value.get("reason") or ""),
                verifier=str(value["verifier"]),
                simulated=bool(value.get("simulated")),
            )
        except _MALFORMED as error:
            _refuse("verdict", error)


_MALFORMED = (KeyError, TypeError, ValueError, AttributeError)


def _refuse(what: str, error: Exception) -> NoReturn:
    raise ClaimError(f"a {what} is malformed ({type(error).__name__}: {error})") from error
