from __future__ import annotations

import polars as pl

from rbio_kg.graph.identity.gene_names import LABELS, GeneNames
from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.names import Unmapped

_ROWS = [("A", "A", "approved"), ("B", "B", "approved"), ("both", "A", "previous"), ("both", "B", "alias")]
KNOWN = GeneNames.of(pl.DataFrame(_ROWS, schema=LABELS, orient="row"))


def test_unmapped_counts_rows_and_labels() -> None:
    frame = KNOWN.resolve(pl.DataFrame({"label": ["x", "x", "both", "A"]}), {"label": SYMBOL_KINDS}, "symbol")
    unmapped = Unmapped()
    assert unmapped.drop(frame, {"symbol": "label"})["label"].to_list() == ["A"]
    assert unmapped.rows == 3
    assert unmapped.ranked() == [("x", 2), ("both", 1)]
