"""Gene sets in GMT: one set per line with its name, a description and its members, separated by tabs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from rbio_kg.graph_builders.parsing.readers import numbered_lines
from rbio_kg.graph_builders.parsing.rejections import Rejections

Heading = Callable[[str, str], tuple[str, str] | str]
"""(first field, second field) -> (pathway id, pathway name), or why the line is unusable."""


def read_gmt(path: Path, heading: Heading, rejections: Rejections) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sets and their members.

    Returns:
        sets: `line`, `id`, `name`, one row per set. members: `line`, `id`, `member`, one row per member of a set.

    Raises:
        SourceError: the file is unreadable or no line is a set.
    """
    sets: list[tuple[int, str, str]] = []
    members: list[tuple[int, str, str]] = []
    seen: dict[str, int] = {}
    for line, text in numbered_lines(path):
        if not text.strip():
            continue
        fields = [item.strip() for item in text.split("\t")]
        rejections.seen += 1
        head = heading(fields[0], fields[1]) if len(fields) > 2 else "the line has no name, description and members"
        if isinstance(head, str):
            rejections.add(line, head)
        elif head[0] in seen:
            rejections.add(line, f"{head[0]} is given twice, first on line {seen[head[0]]}")
        else:
            seen[head[0]] = line
            sets.append((line, *head))
            members.extend((line, head[0], member) for member in dict.fromkeys(fields[2:]) if member)
    rejections.require_some(len(sets), "gene sets")
    rejections.seen += len(members)
    return (
        pl.DataFrame(sets, schema={"line": pl.Int64, "id": pl.String, "name": pl.String}, orient="row"),
        pl.DataFrame(members, schema={"line": pl.Int64, "id": pl.String, "member": pl.String}, orient="row"),
    )
