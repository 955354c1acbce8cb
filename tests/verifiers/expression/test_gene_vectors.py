"""Gene vectors as another similarity: used where they help on train rows, reported, and harmless otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.verifiers.expression.embeddings import Embeddings
from rbio_kg.verifiers.expression.similarity import NEAREST, gene_profiles, vector_profiles
from rbio_kg.verifiers.expression.verifier import ExpressionVerifier, fit_expression
from tests.support.graphs import small_tables

GENES = 48


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=5, genes=GENES)


@pytest.fixture(scope="module")
def bare(tables: GraphTables) -> GraphTables:
    """The same questions in a graph that knows nothing of its genes."""
    empty = {name: pl.DataFrame(schema=TABLE_SCHEMAS[name]) for name in ("interactions", "annotations", "memberships")}
    return GraphTables({**{name: tables[name] for name in TABLE_SCHEMAS}, **empty})


def communities(tables: GraphTables, noise: float, seed: int = 0) -> Embeddings:
    """Vectors that show which community a gene belongs to, with noise; all have a large common part."""
    symbols = tables["genes"]["symbol"].to_list()
    known = np.arange(len(symbols)) % max(3, GENES // 15)
    vectors = np.eye(known.max() + 1)[known] + 100.0
    vectors += noise * np.random.default_rng(seed).normal(size=vectors.shape)
    return Embeddings(tuple(symbols), vectors.astype(np.float32), "vectors.parquet")


def scores(folder: Path, tables: GraphTables) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rows = tables["questions"].filter((pl.col("task") == "de") & (pl.col("split") == "test"))
    columns = rows.select("pert", "gene", "cell_line").iter_rows()
    return ExpressionVerifier(folder).score([Claim(a, "changes_expression_of", b, line) for a, b, line in columns])


def test_they_are_used_where_they_help(bare: GraphTables, tmp_path: Path) -> None:
    vectors = communities(bare, 0.05)
    metrics = fit_expression(bare, tmp_path / "m", questions=bare["questions"], vectors=vectors)
    found = metrics["gene_vectors"]
    assert found["used"] is True and found["genes"] == 1.0
    assert found["per_gene_auroc"]["with"] > found["per_gene_auroc"]["without"] + 0.05
    limits = ExpressionVerifier(tmp_path / "m").card.limits
    assert "Gene vectors of vectors.parquet are used" in limits
    fit_expression(bare, tmp_path / "plain", questions=bare["questions"])
    assert np.abs(scores(tmp_path / "m", bare) - scores(tmp_path / "plain", bare)).max() > 0.01


def test_they_are_left_out_where_they_do_not(tables: GraphTables, tmp_path: Path) -> None:
    fit_expression(tables, tmp_path / "plain", questions=tables["questions"])
    rejected = None
    for seed in range(3):
        vectors = communities(tables, 1e4, seed)
        metrics = fit_expression(tables, tmp_path / f"m{seed}", questions=tables["questions"], vectors=vectors)
        found = metrics["gene_vectors"]
        assert found["used"] is (found["per_gene_auroc"]["with"] > found["per_gene_auroc"]["without"])
        if not found["used"]:
            rejected = tmp_path / f"m{seed}"
            break
    assert rejected is not None
    np.testing.assert_array_equal(scores(rejected, tables), scores(tmp_path / "plain", tables))
    assert "are not used" in ExpressionVerifier(rejected).card.limits


def test_the_profile_is_centred_and_symmetric_in_scale() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(120, 6))
    vectors[7] = 0.0
    found = vector_profiles(vectors).toarray()
    shifted = vectors + np.where(np.arange(120) == 7, 0.0, 5.0)[:, None]
    np.testing.assert_allclose(vector_profiles(shifted).toarray(), found, atol=1e-5)
    assert found[7].sum() == found[:, 7].sum() == 0.0
    assert ((found > 0).sum(axis=1) <= NEAREST).all() and (found >= 0).all()
    own = vectors[np.arange(120) != 7]
    own = own - own.mean(axis=0)
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    cosines = own @ own.T
    present = [i for i in range(120) if i != 7]
    for row in (0, 50, 118):
        wanted = sorted(np.argsort(-cosines[row])[:NEAREST].tolist())
        wanted = [i for i in wanted if cosines[row, i] > 0]
        assert np.flatnonzero(found[present[row]]).tolist() == [present[i] for i in wanted]


def test_genes_without_vectors_keep_their_other_similarities(tables: GraphTables) -> None:
    symbols = sorted(tables["genes"]["symbol"].to_list())
    none = gene_profiles(tables, symbols, np.zeros((len(symbols), 3)))
    plain = gene_profiles(tables, symbols)
    at = np.arange(10)
    np.testing.assert_array_equal(none.similarity(at, at), plain.similarity(at, at))
