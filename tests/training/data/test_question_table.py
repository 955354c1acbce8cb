"""Files of questions: written and read back, one's own tables, and what is wrong with a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.training.data.mixture import family_questions, with_templates
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.data.question_table import MADE_SCHEMA, as_made, read_made_questions, write_made_questions
from tests.support.random_graph import random_snapshot, random_tables
from tests.support.toy_knockdowns import question_frame


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> QuestionSet:
    snapshot = random_snapshot(tmp_path_factory.mktemp("random"))
    benchmark = QuestionSet(question_frame())
    parts = [
        with_templates(family_questions(benchmark, family, rows=40, seed=0, snapshot=snapshot), 0).frame
        for family in ("de", "functional", "regulation", "membership")
    ]
    return QuestionSet(pl.concat(parts, how="diagonal"))


def own(path: Path, **changes: Any) -> Path:
    row = {"subject": "A", "relation": "interacts_with", "object": "B", "label": 1} | changes
    pl.DataFrame([{name: value for name, value in row.items() if value != "absent"}]).write_csv(path)
    return path


@pytest.mark.parametrize("name", ["made.parquet", "made.csv"])
def test_written_and_read_back(questions: QuestionSet, tmp_path: Path, name: str) -> None:
    write_made_questions(questions, tmp_path / name)
    read = QuestionSet(read_made_questions(tmp_path / name).frame)
    assert as_made(read).equals(as_made(questions))
    assert read.claims() == questions.claims()
    assert read.texts() == questions.texts()


def test_the_same_questions_are_the_same_bytes(questions: QuestionSet, tmp_path: Path) -> None:
    for name in ("one.parquet", "two.parquet"):
        write_made_questions(questions, tmp_path / name)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert dict(pl.read_parquet_schema(tmp_path / "one.parquet")) == MADE_SCHEMA


def test_four_columns_are_enough(tmp_path: Path) -> None:
    read = QuestionSet(read_made_questions(own(tmp_path / "own.csv")).frame)
    assert read.texts() == ["Do A and B work together?"]
    assert read.frame.select("split", "task", "simulated").row(0) == ("train", "functional", False)


def test_names_are_approved(tmp_path: Path) -> None:
    read = read_made_questions(own(tmp_path / "own.csv", subject="OLD000", object="GEN001"), random_tables()).frame
    assert read.select("pert", "gene").row(0) == ("GEN000", "GEN001")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "absent"}, "no column label.*subject, relation, object, label"),
        ({"label": 2}, "row 1: the label is not 0 or 1"),
        ({"label": "yes"}, "wrong type"),
        ({"relation": "binds"}, "row 1: the relation is unknown"),
        ({"object": " "}, "row 1: the object is empty"),
        ({"object": "A"}, "row 1: subject and object are the same gene"),
        ({"family": "de"}, "the family has no such relation"),
        ({"template": 9}, "no such template"),
        ({"split": "valid"}, "the split is not train or test"),
        ({"gene_prior": 1.5}, "gene_prior is no rate"),
        ({"relation": "increases"}, "names no cell line"),
    ],
)
def test_what_is_wrong_is_reported_with_the_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read_made_questions(own(tmp_path / "own.csv", **changes))
    assert str(tmp_path / "own.csv") in str(caught.value)


def test_two_answers_to_one_question_are_reported(tmp_path: Path) -> None:
    rows = [("A", "regulates", "B", 1), ("C", "regulates", "B", 1), ("A", "regulates", "B", 0)]
    pl.DataFrame(rows, schema=["subject", "relation", "object", "label"], orient="row").write_csv(tmp_path / "two.csv")
    with pytest.raises(SourceError, match="row 1: the question occurs twice"):
        read_made_questions(tmp_path / "two.csv")


def test_no_table_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file of questions"):
        read_made_questions(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("nothing")
    with pytest.raises(SourceError, match="cannot be read as a table"):
        read_made_questions(tmp_path / "text.parquet")
