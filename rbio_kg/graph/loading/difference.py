"""The difference between two builds: elements added, removed and changed, table by table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS, NodeType, RelationshipType
from rbio_kg.graph.schema.tables import SORT_KEYS, read_table

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class TableDifference:
    """One table's difference. Every frame has all columns of the table and is sorted by its key.

    Args:
        kind: the label or relationship type that the table holds.
        added: rows whose key is new.
        removed: rows whose key is gone, as they were.
        changed: rows with an old key and other properties, as they are now.
        before: the rows of `changed` as they were, in the same order.
    """

    kind: NodeType | RelationshipType
    added: pl.DataFrame
    removed: pl.DataFrame
    changed: pl.DataFrame
    before: pl.DataFrame

    @property
    def name(self) -> str:
        """The label or type."""
        return self.kind.label if isinstance(self.kind, NodeType) else self.kind.type

    @property
    def rows(self) -> int:
        """The number of elements that differ."""
        return self.added.height + self.removed.height + self.changed.height


def differences(old: Path, new: Path) -> Iterator[TableDifference]:
    """The tables of nodes and relationships that differ, in the order of the schema, one at a time in memory.

    Args:
        old: folder of the tables of the earlier build.
        new: folder of the tables of the later build.

    Raises:
        BuildError: a table is missing or unreadable.
    """
    kinds: list[NodeType | RelationshipType] = [*NODES, *RELATIONSHIPS]
    for kind in kinds:
        if not _same_bytes(old / f"{kind.table}.parquet", new / f"{kind.table}.parquet"):
            found = table_difference(kind, read_table(old, kind.table), read_table(new, kind.table))
            if found.rows:
                yield found


def table_difference(kind: NodeType | RelationshipType, old: pl.DataFrame, new: pl.DataFrame) -> TableDifference:
    """The difference of two tables of one kind. A null and an empty list are the same: no value."""
    keys = SORT_KEYS[kind.table]
    before, after = (_with_content(frame, keys) for frame in (old, new))
    both = after.join(before, on=keys, how="inner", suffix="_before", maintain_order="left")
    moved = both.filter(pl.col("content") != pl.col("content_before")).select(keys)

    def rows(frame: pl.DataFrame, keyed: pl.DataFrame, how: str) -> pl.DataFrame:
        return frame.join(keyed, on=keys, how=how, maintain_order="left")  # type: ignore[arg-type]

    return TableDifference(
        kind,
        added=rows(new, before, "anti").select(new.columns),
        removed=rows(old, after, "anti").select(old.columns),
        changed=rows(new, moved, "semi"),
        before=rows(old, moved, "semi"),
    )


def _with_content(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The keys, and one text that holds all other columns."""
    parts = [pl.lit("")]
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.List):
            parts.append(pl.col(name).list.join(_SEPARATOR).fill_null(""))
        elif name not in keys:
            parts.append(pl.col(name).cast(pl.String).fill_null(_SEPARATOR))  # No text of the graph equals it.
    return frame.select(*keys, pl.concat_str(parts, separator=f"{_SEPARATOR}|").alias("content"))


def _same_bytes(first: Path, second: Path) -> bool:
    try:
        if first.stat().st_size != second.stat().st_size:
            return False
        with first.open("rb") as one, second.open("rb") as other:
            while block := one.read(1 << 20):
                if block != other.read(1 << 20):
                    return False
        return True
    except OSError:
        return False  # Parsing the tables will raise the right error.
