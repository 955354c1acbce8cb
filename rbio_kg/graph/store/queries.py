"""The named queries: Cypher files that say what they are for and which parameters they take.

A file begins with comments: `// NAME: PURPOSE`, then one line a parameter, `// $NAME [= DEFAULT]: MEANING[, for
example EXAMPLE]`, with default and example in JSON. The rest is one statement that only reads.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from rbio_kg.core.errors import QueryError

_PARAMETER = re.compile(r"\$(?P<name>\w+)(?: = (?P<default>[^:]+?))?: (?P<doc>.+?)(?:, for example (?P<example>.+))?$")


@dataclass(frozen=True)
class Parameter:
    """A value that a named query takes; without a default it must be given."""

    name: str
    doc: str
    required: bool
    default: Any = None
    example: Any = None

    @property
    def sample(self) -> Any:
        """A value to try."""
        return self.example if self.required else self.default

    @property
    def kind(self) -> str:
        """What its values are; one that is null by default is text."""
        kinds = {bool: "true or false", int: "an integer", float: "a number", list: "a list of texts"}
        return kinds.get(type(self.sample), "text")

    def takes(self, value: Any) -> bool:
        """Whether a value is of its kind."""
        if value is None:
            return not self.required and self.default is None
        if isinstance(self.sample, list):
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        if isinstance(self.sample, float):
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        return type(value) is type("" if self.sample is None else self.sample)


@dataclass(frozen=True)
class NamedQuery:
    """A statement under a name; its `cypher` has the values as parameters."""

    name: str
    purpose: str
    parameters: tuple[Parameter, ...]
    cypher: str

    def values(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All parameters' values: the given ones and the defaults.

        Raises:
            QueryError: one that must be given is missing, unknown or of another kind.
        """
        given = given or {}
        names = [item.name for item in self.parameters]
        unknown = sorted(set(given) - set(names))
        missing = [item for item in self.parameters if item.required and item.name not in given]
        if unknown:
            raise QueryError(
                f"has no parameter {unknown[0]!r}", where=f"query {self.name}", hint=f"it has: {', '.join(names)}"
            )
        if missing:
            raise QueryError(
                f"needs the parameter {missing[0].name!r} ({missing[0].doc})",
                where=f"query {self.name}",
                hint=f"for example {missing[0].name}={json.dumps(missing[0].example)}",
            )
        for item in self.parameters:
            if item.name in given and not item.takes(given[item.name]):
                raise QueryError(
                    f"the parameter {item.name!r} takes {item.kind}, not {json.dumps(given[item.name])}",
                    where=f"query {self.name}",
                    hint=f"for example {item.name}={json.dumps(item.sample)}",
                )
        return {**{item.name: item.default for item in self.parameters}, **given}

    def example(self) -> dict[str, Any]:
        """Values to try it with."""
        return {item.name: item.sample for item in self.parameters}

    def to_json(self) -> dict[str, Any]:
        """What a list of queries shows."""
        parameters = [
            {"name": item.name, "meaning": item.doc, "required": item.required, "default": item.default}
            for item in self.parameters
        ]
        return {"name": self.name, "purpose": self.purpose, "parameters": parameters}


def parse_query(name: str, text: str) -> NamedQuery:
    """Read a query file.

    Raises:
        QueryError: its header is not as it should be.
    """
    lines = text.strip().splitlines()
    header = [line[2:].strip() for line in lines if line.startswith("//")]
    start = f"{name}: "
    if not header or not header[0].startswith(start):
        raise QueryError(f"the first line must be '// {start}' and the purpose", where=f"{name}.cypher", line=1)
    parameters = []
    for number, line in enumerate(header[1:], start=2):
        match = _PARAMETER.match(line)
        try:
            if match is None:
                raise ValueError("it is not '// $NAME [= DEFAULT]: MEANING'")
            default, example = match["default"], match["example"]
            parameters.append(
                Parameter(
                    match["name"],
                    match["doc"],
                    required=default is None,
                    default=None if default is None else json.loads(default),
                    example=None if example is None else json.loads(example),
                )
            )
        except ValueError as error:
            raise QueryError(f"a parameter's line is wrong ({error})", where=f"{name}.cypher", line=number) from None
    cypher = "\n".join(lines[len(header) :]).strip()
    return NamedQuery(name, header[0].removeprefix(start), tuple(parameters), cypher)


@cache
def named_queries() -> Mapping[str, NamedQuery]:
    """All named queries by name, in the order of their names."""
    folder = files("rbio_kg.graph.store").joinpath("queries")
    texts = {
        item.name.removesuffix(".cypher"): item.read_text(encoding="utf-8")
        for item in folder.iterdir()
        if item.name.endswith(".cypher")
    }
    return {name: parse_query(name, texts[name]) for name in sorted(texts)}


def named_query(name: str) -> NamedQuery:
    """One named query.

    Raises:
        QueryError: there is none of this name; the nearest ones are named.
    """
    queries = named_queries()
    if name not in queries:
        near = difflib.get_close_matches(name, queries, 3) or list(queries)
        raise QueryError(f"there is no query named {name!r}", hint=f"did you mean {', '.join(near)}?")
    return queries[name]
