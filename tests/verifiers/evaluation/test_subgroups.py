"""Where a verifier is wrong most, and how far two agree."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.evaluation.subgroups import MIN_GENES, measured_subgroups, named_subgroups, rank_agreement
from rbio_kg.verifiers.stats.metrics import per_gene_auroc
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(2, genes=80)


@pytest.fixture(scope="module")
def questions(tables: GraphTables) -> pl.DataFrame:
    return tables["questions"].filter(pl.col("task") == "de", pl.col("split") == "train")


def test_parts_are_what_their_names_say(tables: GraphTables, questions: pl.DataFrame) -> None:
    found = named_subgroups(questions, tables)
    pairs = set()
    for name in ("interactions", "regulations"):
        for a, b in tables[name].select("start", "end").iter_rows():
            pairs |= {(a, b), (b, a)}
    partners = {gene: sum(a == gene for a, _ in pairs) for gene in tables["genes"]["symbol"].to_list()}
    pairs_in_order = list(questions.select("pert", "gene").iter_rows())
    np.testing.assert_array_equal(found["pairs that interact or regulate"], [pair in pairs for pair in pairs_in_order])
    (few,) = [mask for name, mask in found.items() if "at most" in name]
    (many,) = [mask for name, mask in found.items() if "knockdowns of genes with over" in name]
    degrees = np.array([partners[pert] for pert, _ in pairs_in_order])
    assert degrees[few].max() < degrees[many].min()
    for ending in (" partners", "%", "knockdowns", "regulate", "touch"):
        assert any(name.endswith(ending) for name in found)
    thirds = [mask for name, mask in found.items() if "partners" in name]
    assert (np.sum(thirds, axis=0) == 1).all()


def test_parts_are_measured_as_the_whole_is(questions: pl.DataFrame) -> None:
    rng = np.random.default_rng(0)
    labels, scores = questions["label"].to_numpy(), rng.random(len(questions))
    genes = (questions["gene"] + " " + questions["cell_line"]).to_numpy().astype(np.str_)
    bad = rng.random(len(questions)) < 0.5
    scores[~bad] = 0.5 * scores[~bad] + 0.5 * labels[~bad]
    rest = np.arange(len(labels)) < 3
    parts = measured_subgroups(
        {"good": ~bad, "bad": bad, "few": rest, "none": bad & ~bad}, genes, labels, scores, None, 0
    )
    assert [part["subgroup"] for part in parts] == ["bad", "good"]
    worst = parts[0]
    assert worst["per_gene_auroc"] == per_gene_auroc(genes[bad], labels[bad], scores[bad]).mean
    assert worst["gap"] == pytest.approx(scores[bad].mean() - labels[bad].mean())
    assert worst["interval"][0] <= worst["per_gene_auroc"] <= worst["interval"][1]
    assert all(part["genes"] >= MIN_GENES for part in parts)


def test_agreement_is_spearmans_where_both_speak() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 9, 60).astype(float), rng.random(60)
    b[:30] += a[:30]
    a[5:9], b[8:14] = np.nan, np.nan
    both = ~np.isnan(a) & ~np.isnan(b)
    found = rank_agreement(a, b)
    assert found["rows"] == both.sum()
    assert found["spearman"] == pytest.approx(spearmanr(a[both], b[both]).statistic)
    assert rank_agreement(np.ones(5), np.arange(5.0)) == {"spearman": None, "rows": 5}
    assert rank_agreement(np.full(5, np.nan), np.arange(5.0)) == {"spearman": None, "rows": 0}
