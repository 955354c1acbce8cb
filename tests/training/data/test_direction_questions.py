"""Questions of the task `dir` are about genes that changed: facts, rewards and metrics take the change as given."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Relation
from rbio_kg.training.data.mixture import with_rates
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.prompts.facts import FactBook
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.rewards.trl import COLUMNS
from rbio_kg.verifiers.evaluation.scorecard import question_scores
from rbio_kg.verifiers.expression.verifier import ExpressionVerifier, fit_expression
from rbio_kg.verifiers.scoring_rules import relative
from tests.support.graphs import small_tables
from tests.support.toy_knockdowns import WITH_NEIGHBOURS


@pytest.fixture(scope="module")
def questions() -> QuestionSet:
    return QuestionSet(small_tables(seed=5, genes=48)["questions"]).select(task="dir")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> ExpressionVerifier:
    tables, folder = small_tables(seed=5, genes=48), tmp_path_factory.mktemp("model") / "expression"
    fit_expression(tables, folder, questions=tables["questions"], seed=0)
    return ExpressionVerifier(folder)


def logged(reward: ComposedReward, questions: QuestionSet) -> dict[str, list[Any]]:
    """What TRL logs about a well-formed completion to each question."""
    rows = questions.to_dataset().to_list()
    columns = {name: [row[name] for row in rows] for name in (*COLUMNS, "gene_prior")}
    texts = ["<think></think><answer>yes 7</answer>"] * len(rows)
    found: dict[str, list[Any]] = {}
    reward.functions[0](prompts=[""] * len(rows), completions=texts, log_extra=found.__setitem__, **columns)
    return found


def test_they_are_rewarded_by_the_probability_given_a_change(
    questions: QuestionSet, verifier: ExpressionVerifier
) -> None:
    found = logged(ComposedReward({"expression": (verifier, 1.0)}, pooling="mean", round_to=0), questions)
    model = verifier.model
    for line in model.lines:
        mine = (questions.frame["cell_line"] == line).to_numpy()
        perts, genes = (
            np.array([model.place(name) for name in questions.frame[column].to_numpy()[mine]])
            for column in ("pert", "gene")
        )
        wanted = model.probabilities((line, "dir"), perts, genes)
        np.testing.assert_allclose(np.array(found["v"])[mine], wanted, atol=1e-9)
    np.testing.assert_allclose(found["v"], question_scores(verifier, questions.frame), atol=1e-9)


def test_relative_to_the_base_rate_is_relative_to_the_rate_of_increase(
    questions: QuestionSet, verifier: ExpressionVerifier
) -> None:
    rated = with_rates(questions, verifier)
    reward = ComposedReward({"expression": (verifier, 1.0)}, relative_to="gene_prior", round_to=0)
    found, rates = logged(reward, rated), np.array(rated.rates())
    np.testing.assert_allclose(found["target"], relative(np.array(found["v"]), rates), atol=1e-9)
    shares = questions.frame.group_by("gene", "cell_line").agg(pl.col("label").mean())
    joined = questions.frame.join(shares, on=["gene", "cell_line"], maintain_order="left")
    assert np.corrcoef(joined["label_right"].to_numpy(), rates)[0, 1] > 0.5


def test_their_facts_are_of_knockdowns_that_changed_the_gene(
    questions: QuestionSet, verifier: ExpressionVerifier
) -> None:
    train = questions.select(split="train")
    rose = {(pert, gene, line): up for pert, gene, line, up in train.frame["pert", "gene", "cell_line", "label"].rows()}
    book = FactBook.fit(verifier, None, train.claims(), kinds=WITH_NEIGHBOURS)
    assert any(book.facts(claim).neighbours for claim in train.claims())
    for claim in train.claims():
        facts = book.facts(claim)
        assert claim.relation is Relation.INCREASES_IF_CHANGED
        assert facts.rate == min(int(10 * verifier.rate(claim)), 9)
        assert all(outcome == rose[pert, claim.object, claim.cell_line] for pert, _, outcome in facts.neighbours)
