"""Hierarchies of terms and of pathways: a check for cycles, and all ancestors."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl

from rbio_kg.core.errors import SourceError


def require_acyclic(edges: pl.DataFrame, relation: str, path: Path, hint: str) -> None:
    """Raise where edges from child (`start`) to parent (`end`) form a cycle.

    Args:
        edges: columns `start` and `end`.
        relation: name of the edges in messages.
        path: their file.
        hint: what to do about it.

    Raises:
        SourceError: they form a cycle, which the message names.
    """
    try:
        TopologicalSorter(_parents(edges)).prepare()
    except CycleError as error:
        # graphlib lists each node before the one that needs it.
        cycle = " -> ".join(reversed(error.args[1]))
        raise SourceError(f"{relation} form a cycle: {cycle}", where=path, hint=hint) from None


def ancestors(edges: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
    """Every key with itself and all its ancestors.

    Args:
        edges: columns `start` (child) and `end` (parent); acyclic, and between these keys only.
        keys: each once.

    Returns:
        Columns `key` and `ancestor` (UInt32, positions in `keys`), one row per pair, in any order.
    """
    position = {key: number for number, key in enumerate(keys)}
    parents: dict[int, set[int]] = {number: set() for number in position.values()}
    for start, end in edges.select("start", "end").iter_rows():
        parents[position[start]].add(position[end])
    closure: dict[int, set[int]] = {}
    for key in TopologicalSorter(parents).static_order():  # Parents come before their children.
        closure[key] = {key}.union(*(closure[parent] for parent in parents[key]))
    sizes = np.fromiter(map(len, closure.values()), np.int64, len(closure))
    return pl.DataFrame(
        {
            "key": np.repeat(np.fromiter(closure, np.uint32, len(closure)), sizes),
            "ancestor": np.fromiter(chain.from_iterable(closure.values()), np.uint32, sizes.sum()),
        }
    )


def _parents(edges: pl.DataFrame) -> dict[str, list[str]]:
    parents: dict[str, list[str]] = {}
    for start, end in edges.select("start", "end").iter_rows():
        parents.setdefault(start, []).append(end)
    return parents
