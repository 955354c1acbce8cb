"""Finds properties in a statement that the graph does not have; a server gives null for them, without an error."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rbio_kg.graph.schema.schema import EVIDENCE_NODES, NODES, RELATIONSHIPS

_NOT_CODE = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_READ = re.compile(r"(?<![\w.$`])[A-Za-z_]\w*\.([A-Za-z_]\w*)(?![\w.]|\s*\()")
_PATTERN = re.compile(r"[(\[]\s*\w*\s*(?::[\w|:&!]+)?\s*(?:\*[\d.]*)?\s*\{([^{}]*)\}")
_KEY = re.compile(r"(?:^|[{,])\s*([A-Za-z_]\w*)\s*:")
_OTHERS = (
    *("id", "complete", "base"),  # of the Build node, which says which graph a store holds
    *("completions", "first_step", "last_step", "reward"),  # of PRODUCED, and of STATED those that follow
    *("finding", "polarity", "certainty"),
    *("rank", "side", "path", "weight", "type"),  # of CITES
)
"""Properties that the schema of the graph does not list."""


def schema_properties() -> set[str]:
    """Names of all properties of nodes and relationships, of evidence and of the Build node."""
    nodes = [item.properties for item in (*NODES, *EVIDENCE_NODES)]
    return {item.name for items in (*nodes, *(kind.properties for kind in RELATIONSHIPS)) for item in items} | {
        *_OTHERS
    }


def unknown_properties(cypher: str, parameters: Mapping[str, Any] | None = None) -> list[str]:
    """One line for each property in a statement that no node or relationship has; keys of the statement's maps count.

    >>> unknown_properties("MATCH (g:Gene {symbl: 'TP53'}) RETURN g.name")
    ["the graph has no property 'symbl'; did you mean symbol?"]
    """
    code = _NOT_CODE.sub("''", cypher)
    known = schema_properties()
    inside = {key for keys in _PATTERN.findall(code) for key in _KEY.findall(keys)}
    maps = {*_KEY.findall(_PATTERN.sub("", code))} | {*_keys(parameters or {})}
    lines = []
    for name in sorted((inside | ({*_READ.findall(code)} - maps)) - known):
        near = difflib.get_close_matches(name, sorted(known), 1)
        lines.append(f"the graph has no property {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
    return lines


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)
