"""Cited relationships in words: the list next to the picture, and the titles in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rbio_kg.core.claims import Evidence, Node, Verdict
from rbio_kg.report.phrases import RELATIONSHIPS, digits, visible


@dataclass(frozen=True)
class Citation:
    """One line of the list of cited elements."""

    text: str
    source: str
    detail: str
    weight: float


def citations(verdict: Verdict, names: Mapping[str, str]) -> list[Citation]:
    """A verdict's evidence in words, in its order."""
    return [
        Citation(
            sentence(element, names),
            visible(element.detail.get("source") or "source not stated"),
            _detail(element),
            element.weight,
        )
        for element in verdict.evidence
    ]


def sentence(element: Evidence, names: Mapping[str, str]) -> str:
    """A relationship as a sentence without a full stop; terms and pathways by name where it is known."""
    verb = RELATIONSHIPS.get(element.type, element.type.replace("_", " ").lower())
    if element.type == "REGULATES":
        verb = {1: "activates", -1: "represses"}.get(element.detail.get("sign", 0), "regulates")
    return visible(f"{_named(element.start, names)} {verb} {_named(element.end, names)}")


def _named(node: Node, names: Mapping[str, str]) -> str:
    if node.label != "Gene" and node.key in names:
        return f"{names[node.key]} ({node.key})"
    return node.key


def _detail(element: Evidence) -> str:
    """What the relationship says besides its ends and its source, as `name value` pairs in the order of the names."""
    pairs = [(key, value) for key, value in sorted(element.detail.items()) if key not in ("source", "sign")]
    known = [(key, value) for key, value in pairs if value not in (None, "", [], {})]
    return visible(", ".join(f"{key.replace('_', ' ')} {_value(value)}" for key, value in known))


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return "/".join(map(str, value[:5])) + ("/…" if len(value) > 5 else "")
    return str(value)


def summary(element: Evidence) -> str:
    """Source, details and weight of a relationship in one line."""
    parts = [
        str(element.detail.get("source") or "source not stated"),
        _detail(element),
        f"weight {digits(element.weight)}",
    ]
    return visible("; ".join(part for part in parts if part))
