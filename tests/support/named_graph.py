"""A graph of a few genes with real-looking names, for tests that read texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot

_NAMED = ("ABCE1", "CAT", "CDKN1A", "HLA-A", "MDM2", "MYC", "REST", "SET", "SP1", "TP53", "WAS")
_FILLERS = tuple(f"FIL{i}" for i in range(30))
GENES = (*_NAMED, *_FILLERS)
TERMS = {
    "GO:0000001": ("biological_process", "biological_process", None),
    "GO:0000002": ("DNA repair", "biological_process", "GO:0000001"),
    "GO:0000003": ("double-strand break repair", "biological_process", "GO:0000002"),
    "GO:0000004": ("ribosome disassembly", "biological_process", "GO:0000001"),
    "GO:0000005": ("negative regulation of transcription by RNA polymerase II", "biological_process", "GO:0000001"),
    "GO:0000006": ("cell cycle", "biological_process", "GO:0000001"),
    "GO:0000007": ("protein folding", "biological_process", "GO:0000001"),
}
INTERACTIONS = [("MDM2", "TP53", 999), ("SP1", "TP53", 800), ("ABCE1", "SP1", 600), ("HLA-A", "TP53", 500)]
REGULATIONS = [("TP53", "CDKN1A", 1), ("TP53", "MYC", -1), ("SP1", "MDM2", 0), ("TP53", "MDM2", 1)]
ANNOTATIONS = [
    ("TP53", "GO:0000003"),
    ("TP53", "GO:0000006"),
    ("SP1", "GO:0000005"),
    ("ABCE1", "GO:0000004"),
    ("MYC", "GO:0000006"),
    *((symbol, "GO:0000007") for symbol in _FILLERS),
]
PATHWAYS = {"R-HSA-1": ("Cell Cycle", ["TP53", "CDKN1A"]), "R-HSA-2": ("G1/S Transition", ["TP53", "FIL1", "FIL2"])}


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    blank: dict[str, Any] = {name: [] if isinstance(kind, pl.List) else None for name, kind in schema.items()}
    return pl.DataFrame([blank | row for row in rows], schema=schema)


def named_tables() -> GraphTables:
    """The graph as tables."""
    bits = {"GO:0000001": 0.0, "GO:0000002": 5.0, "GO:0000007": 0.2}
    names = [(symbol, symbol, "approved") for symbol in GENES] + [
        ("p53", "TP53", "alias"),
        ("ABC38", "ABCE1", "previous"),
    ]
    rows: dict[str, list[dict[str, Any]]] = {
        "genes": [{"symbol": symbol, "name": symbol.lower()} for symbol in GENES],
        "names": [{"label": label, "symbol": symbol, "kind": kind} for label, symbol, kind in names],
        "terms": [
            {"id": key, "name": name, "namespace": space, "information_content": bits.get(key, 4.0)}
            for key, (name, space, _) in TERMS.items()
        ],
        "is_a": [{"start": key, "end": parent, "source": "go"} for key, (_, _, parent) in TERMS.items() if parent],
        "pathways": [{"id": key, "name": name, "source": "reactome"} for key, (name, _) in PATHWAYS.items()],
        "memberships": [
            {"start": gene, "end": key, "source": "reactome"} for key, (_, genes) in PATHWAYS.items() for gene in genes
        ],
        "sources": [{"name": name, "simulated": False} for name in ("collectri", "go", "goa", "reactome", "string")],
        "interactions": [
            {"start": a, "end": b, "score": score, "source": "string"}
            | dict.fromkeys(
                ("neighborhood", "fusion", "cooccurence", "coexpression", "experiments", "database", "textmining"), 0
            )
            for a, b, score in INTERACTIONS
        ],
        "regulations": [{"start": a, "end": b, "sign": sign, "source": "collectri"} for a, b, sign in REGULATIONS],
        "annotations": [
            {"start": a, "end": b, "evidence": ["IDA"], "qualifier": "involved_in", "source": "goa"}
            for a, b in ANNOTATIONS
        ],
    }
    return GraphTables({table: _frame(table, items) for table, items in rows.items()})


def named_snapshot(folder: Path) -> Snapshot:
    """The graph as a snapshot in `folder`."""
    write_snapshot(named_tables(), folder, "named")
    return Snapshot.open(folder)
