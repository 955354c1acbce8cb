"""Ways in which a text file breaks on its way from a provider: each a function of its bytes and a seeded generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.support.source_files.base_files import Base, Kind

Outcome = Literal["refused", "same", "same graph", "counted", "either"]
SPOILT = 4
"""Rows that a mutation of single rows spoils."""


@dataclass(frozen=True)
class Broken:
    """A broken file.

    Args:
        data: its bytes.
        outcome: `refused` is an error, `same` gives what the complete file gives, `same graph` gives its graph
            though rows are rejected or merged, `counted` rejects `lost` rows more than
            the complete file, `either` is an error or a parsed source that accounts for every row.
        line: the line that the error must name.
        lost: rows to be rejected.
    """

    data: bytes
    outcome: Outcome
    line: int | None = None
    lost: int = 0


Mutation = Callable[[bytes, Base, Random], Broken]
TEXTS: tuple[Kind, ...] = ("table", "rows", "sets", "obo")
ROWS: tuple[Kind, ...] = ("table", "rows", "sets")
ALL: dict[str, tuple[tuple[Kind, ...], Mutation]] = {}


def mutation(name: str, *kinds: Kind) -> Callable[[Mutation], Mutation]:
    """Register a mutation for files of some kinds."""

    def register(function: Mutation) -> Mutation:
        ALL[name] = (kinds, function)
        return function

    return register


def mutations_of(base: Base) -> list[str]:
    """The mutations that apply to a file."""
    return [name for name, (kinds, _) in ALL.items() if base.kind in kinds and _applies(name, base)]


def broken(name: str, content: bytes, base: Base) -> Broken:
    """The file broken in one way; the same each time."""
    return ALL[name][1](content, base, Random(f"{name} {base.id}"))


def _applies(name: str, base: Base) -> bool:
    if name.startswith("number "):
        return bool(base.numbers)
    if name.startswith("quote "):
        return base.quoted
    if name.startswith("gaf "):
        return base.source == "GOA"
    return True


def lines_of(content: bytes) -> list[bytes]:
    return content.removesuffix(b"\n").split(b"\n")


def text_of(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def first_row(lines: list[bytes], base: Base) -> int:
    """Position of the first line that is neither header nor comment."""
    if base.kind == "table":
        return 1
    return next(position for position, line in enumerate(lines) if not line.startswith(b"!"))


def refused_when(name: str, *kinds: Kind) -> Callable[[Callable[[bytes], bytes]], None]:
    """Register a change of all bytes that must be refused."""

    def register(change: Callable[[bytes], bytes]) -> None:
        mutation(name, *kinds)(lambda content, base, rng: Broken(change(content), "refused"))

    return register


def same_when(name: str, *kinds: Kind) -> Callable[[Callable[[bytes, Random], bytes]], None]:
    """Register a change of all bytes that must make no difference."""

    def register(change: Callable[[bytes, Random], bytes]) -> None:
        mutation(name, *kinds)(lambda content, base, rng: Broken(change(content, rng), "same"))

    return register


def rejected_when(name: str, *kinds: Kind) -> Callable[[Callable[[bytes, Base], bytes]], None]:
    """Register a change of single rows that must be rejected, each with its line."""

    def register(change: Callable[[bytes, Base], bytes]) -> None:
        def apply(content: bytes, base: Base, rng: Random) -> Broken:
            lines = lines_of(content)
            candidates = [number for number in range(first_row(lines, base), len(lines)) if lines[number].strip()]
            chosen = sorted(rng.sample(candidates, min(SPOILT, len(candidates) - 1)))
            for position in chosen:
                lines[position] = change(lines[position], base)
            if base.strict:
                return Broken(text_of(lines), "refused", line=chosen[0] + 1)
            return Broken(text_of(lines), "counted", lost=len(chosen))

        mutation(name, *kinds)(apply)

    return register


def columns_of(content: bytes, base: Base) -> tuple[list[bytes], list[list[bytes]]]:
    separator = base.separator.encode()
    lines = lines_of(content)
    return lines[0].split(separator), [line.split(separator) for line in lines[1:]]


def joined(header: list[bytes], rows: list[list[bytes]], base: Base) -> bytes:
    separator = base.separator.encode()
    return text_of([separator.join(header), *(separator.join(row) for row in rows)])
