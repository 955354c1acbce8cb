"""The assembled graph as typed polars tables, one per node label and relationship type, kept as Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from rbio_kg.core.errors import BuildError
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS, Kind, Property

_TYPES: dict[Kind, pl.DataType] = {
    "str": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "list": pl.List(pl.String()),
}


def _columns(properties: tuple[Property, ...]) -> dict[str, pl.DataType]:
    return {item.name: _TYPES[item.kind] for item in properties}


TABLE_SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    **{node.table: _columns(node.properties) for node in NODES},
    **{edge.table: {"start": pl.String(), "end": pl.String(), **_columns(edge.properties)} for edge in RELATIONSHIPS},
    # Not part of the graph and never loaded into a store: gene labels, and the benchmark's questions.
    "names": {"label": pl.String(), "symbol": pl.String(), "kind": pl.String()},
    "questions": {
        "pert": pl.String(),
        "gene": pl.String(),
        "label": pl.Int64(),
        "split": pl.String(),
        "cell_line": pl.String(),
        "task": pl.String(),
        "simulated": pl.Boolean(),
    },
}
"""Column names and types of every table. `names.kind` is approved, previous, alias, entrez, ensembl, uniprot, hgnc
or string; a label that several genes share is left out of `names` (it is listed in the manifest instead).
`questions` holds both splits of every benchmark file; only its train rows may reach the graph."""

SORT_KEYS: dict[str, list[str]] = {
    **{node.table: [node.key] for node in NODES},
    **{edge.table: ["start", "end", *edge.unique_by] for edge in RELATIONSHIPS},
    "names": ["label", "kind", "symbol"],
    "questions": ["task", "cell_line", "split", "pert", "gene"],
}


def stored(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with nulls for empty lists: a store holds neither, so that the same graph is the same on each."""
    lists = [name for name, kind in frame.schema.items() if kind == pl.List]
    return frame.with_columns(pl.when(pl.col(name).list.len() > 0).then(pl.col(name)) for name in lists)


def _is_sorted(frame: pl.DataFrame, keys: list[str]) -> bool:
    above, below = frame.select(keys).head(-1), frame.select(keys).tail(-1)
    if above.is_empty():
        return True
    in_order = pl.repeat(True, above.height, eager=True)
    for key in reversed(keys):
        in_order = (above[key] < below[key]) | ((above[key] == below[key]) & in_order)
    return in_order.all(ignore_nulls=False) is True


class GraphTables(Mapping[str, pl.DataFrame]):
    """All tables of one build. Each has exactly its declared columns and is sorted by its key.

    Raises:
        BuildError: a table is missing, or its columns or types differ from the declared ones.
    """

    def __init__(self, frames: Mapping[str, pl.DataFrame]) -> None:
        unknown = set(frames) - set(TABLE_SCHEMAS)
        if unknown:
            raise BuildError(f"unknown tables: {', '.join(sorted(unknown))}")
        self._frames: dict[str, pl.DataFrame] = {}
        for name, schema in TABLE_SCHEMAS.items():
            frame = frames[name] if name in frames else pl.DataFrame(schema=schema)
            _check(name, frame)
            # STRING's millions of rows come sorted: to look is cheaper than to sort again.
            self._frames[name] = frame if _is_sorted(frame, SORT_KEYS[name]) else frame.sort(SORT_KEYS[name])

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def rows(self) -> int:
        """How many nodes and relationships there are, of all kinds."""
        return sum(self._frames[item.table].height for item in NODES) + sum(
            self._frames[item.table].height for item in RELATIONSHIPS
        )

    def write(self, directory: Path) -> None:
        """Write one `NAME.parquet` per table; the same tables give the same bytes."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, frame in self._frames.items():
            frame.write_parquet(directory / f"{name}.parquet", compression="zstd", statistics=False)

    @classmethod
    def read(cls, directory: Path) -> GraphTables:
        """Read what `write` wrote."""
        return cls({name: read_table(directory, name) for name in TABLE_SCHEMAS})


def read_table(directory: Path, name: str) -> pl.DataFrame:
    """One table of those that `GraphTables.write` wrote.

    Raises:
        BuildError: it is missing, unreadable, or not as it is declared.
    """
    path = directory / f"{name}.parquet"
    try:
        frame = pl.read_parquet(path)
    except FileNotFoundError:
        raise BuildError("table is missing", where=path, hint="run rbio-kg build --fresh") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BuildError(f"cannot be read ({error})", where=path, hint="run rbio-kg build --fresh") from error
    _check(name, frame, path)
    return frame


def _check(name: str, frame: pl.DataFrame, path: Path | None = None) -> None:
    if dict(frame.schema) != TABLE_SCHEMAS[name]:
        raise BuildError(
            f"table {name} has the columns {dict(frame.schema)}, not {TABLE_SCHEMAS[name]}",
            where=path,
            hint="run rbio-kg build --fresh" if path else "",
        )
