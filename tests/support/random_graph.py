"""A random graph with something to ask of every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot

GENES = [f"GEN{i:03d}" for i in range(120)]
TERMS = [f"GO:{i:07d}" for i in range(1, 21)]
PATHWAYS = [f"R-HSA-{i}" for i in range(1, 7)]


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    blank: dict[str, Any] = {name: [] if isinstance(kind, pl.List) else None for name, kind in schema.items()}
    return pl.DataFrame([blank | row for row in rows], schema=schema)


def random_tables(seed: int = 0) -> GraphTables:
    """120 genes; each second term is a child of the one before it."""
    rng = np.random.default_rng(seed)

    def pairs(count: int, ends: list[str]) -> list[tuple[str, str]]:
        drawn = {(GENES[rng.integers(len(GENES))], ends[rng.integers(len(ends))]) for _ in range(count)}
        return sorted((a, b) for a, b in drawn if a != b)

    linked = sorted({(min(pair), max(pair)) for pair in pairs(900, GENES)})
    rows: dict[str, list[dict[str, Any]]] = {
        "genes": [{"symbol": symbol, "name": symbol.lower()} for symbol in GENES],
        "names": [{"label": symbol, "symbol": symbol, "kind": "approved"} for symbol in GENES]
        + [{"label": "OLD000", "symbol": "GEN000", "kind": "previous"}],
        "terms": [
            {
                "id": key,
                "name": f"process {key[-2:]}",
                "namespace": "biological_process",
                "information_content": 5.0 + i,
            }
            for i, key in enumerate(TERMS)
        ],
        "is_a": [{"start": TERMS[i + 1], "end": TERMS[i], "source": "go"} for i in range(0, len(TERMS) - 1, 2)],
        "pathways": [{"id": key, "name": f"Pathway {key}", "source": "reactome"} for key in PATHWAYS],
        "memberships": [{"start": a, "end": b, "source": "reactome"} for a, b in pairs(150, PATHWAYS)],
        "sources": [{"name": name, "simulated": False} for name in ("collectri", "go", "goa", "reactome", "string")],
        "interactions": [
            {"start": a, "end": b, "score": int(rng.integers(400, 1000)), "source": "string"}
            | dict.fromkeys(STRING_CHANNELS, 0)
            | {"experiments": int(rng.integers(0, 1000))}
            for a, b in linked
        ],
        "regulations": [
            {"start": a, "end": b, "sign": int(rng.integers(-1, 2)), "source": "collectri"}
            for a, b in pairs(500, GENES)
        ],
        "annotations": [
            {"start": a, "end": b, "evidence": ["IDA"], "qualifier": "involved_in", "source": "goa"}
            for a, b in pairs(300, TERMS)
        ],
    }
    return GraphTables({table: _frame(table, items) for table, items in rows.items()})


def random_snapshot(folder: Path, seed: int = 0) -> Snapshot:
    """The graph as a snapshot in `folder`."""
    write_snapshot(random_tables(seed), folder, "random")
    return Snapshot.open(folder)
