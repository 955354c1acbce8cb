"""Scorecards of oracles, coins and silent verifiers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation, Status, Verdict
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Card, Verifier
from rbio_kg.verifiers.evaluation.baselines import BASELINES
from rbio_kg.verifiers.evaluation.scorecard import question_scores, scorecard
from rbio_kg.verifiers.expression.measured import ExperimentVerifier
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def questions() -> pl.DataFrame:
    return small_tables(seed=6)["questions"]


class Fixed(Verifier):
    """Returns given scores, by relation."""

    name = "fixed"

    def __init__(self, answers: dict[str, float], relations: frozenset[Relation] = KNOCKDOWN_RELATIONS) -> None:
        self.answers, self.relations = answers, relations

    @property
    def card(self) -> Card:
        return Card("nothing", self.relations, "often", ("none",), "none", "none")

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        return np.array([self.answers.get(claim.relation, np.nan) for claim in claims], dtype=np.float64)

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        return Verdict(None, Status.ABSTAIN)


class Reader(Fixed):
    kind = "text"


def test_an_oracle_is_perfect_and_a_constant_ranks_nothing(questions: pl.DataFrame) -> None:
    oracle = scorecard(ExperimentVerifier(questions), questions, seed=0)
    assert oracle["coverage"] == oracle["per_gene_auroc"] == oracle["pooled"]["mcc"] == 1.0
    assert oracle["ece"] == oracle["brier"] == 0.0
    assert "label itself" in oracle["reason"] and oracle["simulated"]
    constant = scorecard(Fixed({"changes_expression_of": 0.3}), questions, seed=0)
    assert constant["per_gene_auroc"] == 0.5 == constant["baselines"]["gene_prior"]["per_gene_auroc"]
    assert constant["rows"] == len(questions.filter((pl.col("split") == "train") & (pl.col("task") == "de")))
    assert 0 < constant["coverage"] < 1
    json.dumps([oracle, constant], allow_nan=False)


def test_baselines_are_measured_on_the_answered_rows(questions: pl.DataFrame) -> None:
    card = scorecard(Fixed({"increases_if_changed": 0.5}), questions, seed=0)
    assert {found["rows"] for found in card["baselines"].values()} == {card["rows"]}
    assert set(card["baselines"]) == set(BASELINES)
    assert sum(item["n"] for item in card["reliability"]) == card["rows"]


def test_a_direction_is_asked_given_a_change(questions: pl.DataFrame) -> None:
    turned = questions.filter(pl.col("task") == "dir")
    assert question_scores(Fixed({"increases_if_changed": 0.75, "increases": 0.3}), turned) == pytest.approx(0.75)
    assert np.isnan(question_scores(Fixed({"increases": 0.3}), turned)).all(), "P(change and increase) is no answer"


@pytest.mark.parametrize(
    ("verifier", "split", "coverage", "reason"),
    [
        (Reader({}), "train", None, "texts"),
        (Fixed({}), "train", 0.0, "abstains"),
        (Fixed({}, frozenset({Relation.REGULATES})), "train", 0.0, "knockdowns"),
        (Fixed({}), "validation", None, "no validation questions"),
    ],
)
def test_a_card_without_figures_says_why(
    questions: pl.DataFrame, verifier: Verifier, split: str, coverage: float | None, reason: str
) -> None:
    card = scorecard(verifier, questions, seed=0, split=split)
    assert card["coverage"] == coverage and reason in card["reason"]
    assert card["per_gene_auroc"] is None and card["reliability"] is None
    json.dumps(card, allow_nan=False)
