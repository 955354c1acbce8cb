"""Questions: filters, draws, pairs, complete genes, and the data set that TRL gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.prompts.facts import FactBook
from tests.support.toy_knockdowns import WITH_NEIGHBOURS, ToyFacts, question_frame, toy_questions

QUESTIONS = toy_questions()


def open_questions() -> QuestionSet:
    questions = QUESTIONS
    return questions.with_facts(
        FactBook.fit(ToyFacts(), None, questions.select(split="train").claims(), 4, kinds=WITH_NEIGHBOURS)
    )


def test_from_tables_filters_and_limits() -> None:
    chosen = QuestionSet.from_tables(
        {"questions": question_frame()}, split="train", cell_line="TOY", task="de", limit=10
    )
    assert len(chosen) == 10
    assert set(chosen.frame["split"]) == {"train"}
    again = QuestionSet.from_tables(
        {"questions": question_frame()}, split="train", cell_line="toy", task="de", limit=10
    )
    assert chosen.frame.equals(again.frame)


@pytest.mark.parametrize(("column", "value"), [("split", "valid"), ("cell_line", "hela"), ("task", "sign")])
def test_an_unknown_name_is_reported_with_the_known_ones(column: str, value: str) -> None:
    with pytest.raises(EvaluationError, match=f"'{value}'.*there are: "):
        toy_questions().select(**{column: value})


@given(seed=st.integers(0, 50))
def test_pairs_are_of_one_gene_with_both_labels_and_each_row_once(seed: int) -> None:
    frame = QUESTIONS.select(split="train").pairs(seed=seed).frame
    first, second = frame[::2], frame[1::2]
    assert first["gene"].to_list() == second["gene"].to_list()
    assert set(first["label"]) == {1}
    assert set(second["label"]) == {0}
    assert frame.select("pert", "gene").is_unique().all()


@given(seed=st.integers(0, 50), rows=st.integers(1, 60))
def test_whole_genes_have_all_their_rows_and_both_labels(seed: int, rows: int) -> None:
    test = QUESTIONS.select(split="test")
    chosen = test.complete_genes(rows=rows, seed=seed).frame
    for gene in chosen["gene"].unique():
        same = pl.col("gene") == gene
        assert chosen.filter(same).height == test.frame.filter(same).height
        assert chosen.filter(same)["label"].n_unique() == 2
    assert min(rows, 1) <= len(chosen) <= rows + 6


@pytest.mark.parametrize("seed", range(5))
def test_one_gene_does_not_fill_a_small_examination(seed: int) -> None:
    test = question_frame().filter(pl.col("split") == "test")
    (mixed, *_) = QUESTIONS.select(split="test").complete_genes(rows=1).frame["gene"]
    more = test.filter(pl.col("gene") == mixed)
    many = pl.concat([more.with_columns(pert=pl.col("pert") + f"-{number}") for number in range(10)])
    questions = QuestionSet(pl.concat([test, many]))
    assert mixed not in set(questions.complete_genes(rows=24, seed=seed).frame["gene"])
    # Where all rows are wanted, nothing is left out.
    assert mixed in set(questions.complete_genes(rows=len(questions), seed=seed).frame["gene"])


def test_no_gene_with_both_labels_is_said() -> None:
    alike = QuestionSet(question_frame().with_columns(label=pl.lit(1, pl.Int64)))
    with pytest.raises(EvaluationError, match="no gene has both labels"):
        alike.complete_genes(rows=10)


def test_the_data_set_has_what_the_reward_reads() -> None:
    questions = open_questions().select(split="train").limit(6)
    dataset = questions.to_dataset()
    assert dataset.column_names == ["prompt", "subject", "relation", "object", "cell_line", "gene_prior"]
    row: dict[str, Any] = dataset[0]
    claim = questions.claims()[0]
    assert Claim(row["subject"], row["relation"], row["object"], row["cell_line"]) == claim
    assert row["prompt"][-1]["role"] == "user"
    assert "rate" in row["prompt"][-1]["content"]
    assert row["gene_prior"] == pytest.approx(ToyFacts().rate(claim))


def test_closed_book_needs_no_facts_and_open_book_does() -> None:
    questions = toy_questions().limit(3)
    assert questions.to_dataset()[0]["prompt"][-1]["content"].startswith("Does losing")
    assert questions.to_dataset()[0]["gene_prior"] is None
    with pytest.raises(TrainingError, match="open-book prompts need facts"):
        questions.to_dataset("open")


def test_directions_are_questions_about_what_changes() -> None:
    questions = QuestionSet(question_frame().with_columns(task=pl.lit("dir")))
    assert {str(claim.relation) for claim in questions.claims()} == {"increases_if_changed"}
    first = questions.claims()[0]
    assert questions.texts()[0] == f"{first.object} changes when {first.subject} is lost: does it rise?"
    assert set(questions.to_dataset()["relation"]) == {"increases_if_changed"}


def test_prompts_tell_neither_cell_line_nor_simulation() -> None:
    for messages in open_questions().prompts() + toy_questions().prompts("closed"):
        text = " ".join(message["content"] for message in messages).lower()
        assert "toy" not in text
        assert "simul" not in text


def test_rates_are_out_of_fold() -> None:
    questions = open_questions()
    source = ToyFacts()
    found = np.array(questions.rates(), dtype=float)
    wanted = [source.rate(claim) for claim in questions.claims()]
    assert found.tolist() == wanted


def test_the_global_scheme_drops_train_rows_of_perturbations_held_out_elsewhere() -> None:
    frame = question_frame()
    held_out = frame.filter(pl.col("split") == "test")["pert"][0]
    elsewhere = frame.with_columns(cell_line=pl.lit("other"), split=pl.lit("train"))
    both = QuestionSet(pl.concat([frame, elsewhere]))
    official, apart = both.under("official").frame, both.under("global").frame
    train = pl.col("split") == "train"
    assert official.filter(train & (pl.col("pert") == held_out)).height > 0
    assert apart.filter(train & (pl.col("pert") == held_out)).height == 0
    assert apart.filter(~train).height == frame.filter(~train).height
    with pytest.raises(TrainingError, match="unknown split scheme"):
        both.under("lenient")
