"""Gene vectors: what a table may look like, and what is said of one that may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.gene_names import LABELS, GeneNames
from rbio_kg.verifiers.expression.embeddings import read_embeddings, spectral_embeddings
from tests.support.graphs import small_tables


def _written(path: Path, genes: Any, vectors: Any) -> Path:
    pl.DataFrame({"gene": genes, "vector": vectors}).write_parquet(path)
    return path


def test_a_table_is_read_with_other_names_settled(tmp_path: Path) -> None:
    file = _written(
        tmp_path / "v.parquet", ["OLD1", "B", "OLD2", "C"], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
    )
    rows = [("A", "A", "approved"), ("B", "B", "approved"), ("OLD1", "A", "alias"), ("OLD2", "B", "previous")]
    found = read_embeddings(file, GeneNames.of(pl.DataFrame(rows, schema=LABELS, orient="row")))
    assert found.genes == ("A", "B", "C")
    np.testing.assert_array_equal(found.vectors, [[1, 2], [3, 4], [7, 8]])
    assert found.indices(["C", "Z", "A"]).tolist() == [2, -1, 0]


def test_arrays_and_whole_numbers_are_vectors_too(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"gene": ["A", "B"], "vector": [[1, 2], [3, 4]]}, schema_overrides={"vector": pl.Array(pl.Int64, 2)}
    )
    frame.write_parquet(tmp_path / "v.parquet")
    np.testing.assert_array_equal(read_embeddings(tmp_path / "v.parquet").vectors, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("genes", "vectors", "message"),
    [
        (["A", "B"], [[1.0, 2.0], [1.0]], r"row 2, gene B, has a vector of another length"),
        (["A", "B"], [[1.0, 2.0], [1.0, float("nan")]], r"row 2, gene B, has a number .* not finite"),
        (["A", "B"], [[1.0, 2.0], [1.0, None]], r"row 2, gene B, has a number .* not finite"),
        (["A", "A"], [[1.0], [2.0]], r"gene A, occurs twice \(2 such rows\)"),
        (["A", None], [[1.0], [2.0]], r"row 2, gene \(empty\), has no gene"),
        (["A", "B"], [[1.0], None], r"row 2, gene B, has no vector"),
        (["A", "B"], [1.0, 2.0], r"wrong types"),
        ([1, 2], [[1.0], [2.0]], r"wrong types"),
        (["A"], [["x"]], r"wrong types"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, genes: Any, vectors: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_embeddings(_written(tmp_path / "v.parquet", genes, vectors))


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_embeddings(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("gene,vector\n")
    with pytest.raises(SourceError, match="not readable Parquet"):
        read_embeddings(tmp_path / "text.parquet")
    pl.DataFrame({"symbol": ["A"], "x": [1]}).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(SourceError, match="gene and vector is missing"):
        read_embeddings(tmp_path / "c.parquet")


def test_the_graphs_own_vectors(tmp_path: Path) -> None:
    tables = small_tables(seed=3, genes=30)
    found, again = spectral_embeddings(tables), spectral_embeddings(tables)
    assert found.genes == tuple(sorted(tables["genes"]["symbol"]))
    np.testing.assert_array_equal(found.vectors, again.vectors)
    lengths = np.linalg.norm(found.vectors, axis=1)
    assert lengths.max() <= 1 + 1e-5 and lengths.max() > 0.5
