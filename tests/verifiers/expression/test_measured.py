"""The experiment verifier: train labels as they are, nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim
from rbio_kg.core.errors import BuildError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.expression.measured import ExperimentVerifier
from tests.contracts.verifier import VerifierContract, assert_directions_sum_to_the_change
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=2)


def _claims(rows: pl.DataFrame, relation: str) -> list[Claim]:
    return [Claim(p, relation, g, line) for p, g, line in rows.select("pert", "gene", "cell_line").iter_rows()]


class TestExperiment(VerifierContract):
    @pytest.fixture
    def verifier(self, tables: GraphTables, tmp_path: Path) -> ExperimentVerifier:
        tables.write(tmp_path / "tables")
        return ExperimentVerifier(tmp_path / "tables")

    @pytest.fixture
    def claims(self, tables: GraphTables) -> list[Claim]:
        train = tables["questions"].filter((pl.col("split") == "train") & (pl.col("task") == "de"))
        few = pl.concat([train.filter(pl.col("label") == label)[:8] for label in (0, 1)])
        relations = ("changes_expression_of", "decreases", "increases_if_changed")
        return [claim for relation in relations for claim in _claims(few, relation)]


def test_scores_are_the_train_labels(tables: GraphTables) -> None:
    verifier = ExperimentVerifier(tables["questions"])
    train = tables["questions"].filter(pl.col("split") == "train")
    de, turned = (train.filter(pl.col("task") == task) for task in ("de", "dir"))
    np.testing.assert_array_equal(verifier.score(_claims(de, "changes_expression_of")), de["label"].to_numpy())
    np.testing.assert_array_equal(verifier.score(_claims(turned, "increases")), turned["label"].to_numpy())
    np.testing.assert_array_equal(verifier.score(_claims(turned, "decreases")), 1 - turned["label"].to_numpy())
    up = _claims(turned, "increases_if_changed")
    np.testing.assert_array_equal(verifier.score(up), turned["label"].to_numpy())
    assert_directions_sum_to_the_change(verifier, [(claim.subject, claim.object, claim.cell_line) for claim in up])
    unchanged = de.filter(pl.col("label") == 0)
    assert np.isnan(verifier.score(_claims(unchanged, "increases_if_changed"))).all(), "what did not change"
    assert not verifier.score([*_claims(unchanged, "increases"), *_claims(unchanged, "decreases")]).any()


def test_test_rows_are_never_read(tables: GraphTables) -> None:
    test = tables["questions"].filter(pl.col("split") == "test")
    for relation in KNOCKDOWN_RELATIONS:
        assert np.isnan(ExperimentVerifier(tables["questions"]).score(_claims(test, relation))).all()


def test_a_change_of_unknown_direction_answers_no_direction(tables: GraphTables) -> None:
    only_de = tables["questions"].filter((pl.col("task") == "de") & (pl.col("split") == "train"))
    changed = only_de.filter(pl.col("label") == 1)
    verifier = ExperimentVerifier(only_de)
    assert np.isnan(verifier.score(_claims(changed, "increases"))).all()
    verdict = verifier.explain(_claims(changed, "changes_expression_of")[0])
    assert verdict.score == 1.0 and verdict.evidence[0].detail["direction"] == "unknown"


def test_a_missing_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="run rbio-kg build"):
        ExperimentVerifier(tmp_path).score([Claim("A", "increases", "B", "k562")])


@pytest.mark.parametrize("simulated", [False, True])
def test_the_reason_says_whether_labels_are_simulated(tables: GraphTables, tmp_path: Path, simulated: bool) -> None:
    questions = tables["questions"].with_columns(simulated=pl.lit(simulated))
    tables.write(tmp_path / "tables")
    questions.write_parquet(tmp_path / "tables" / "questions.parquet")
    train = questions.filter((pl.col("split") == "train") & (pl.col("task") == "de") & (pl.col("label") == 1))
    for source in (questions, tmp_path / "tables"):
        verdict = ExperimentVerifier(source).explain(_claims(train[:1], "changes_expression_of")[0])
        assert verdict.simulated is simulated
        assert verdict.reason.startswith("SIMULATED, not measured" if simulated else "measured in")
        assert verdict.evidence[0].detail["source"]
        assert verdict.evidence[0].detail.get("simulated", False) is simulated
