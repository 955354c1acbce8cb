"""Questions in words: every template is parsed back, other words where they are plain, and nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.training.data.parsing import ReadQuestion, lines_named, read_question
from rbio_kg.training.prompts.templates import FAMILY_RELATIONS, question_text, templates
from rbio_kg.verifiers.text.lexicon import Lexicon
from tests.support.graphs import small_tables
from tests.support.profiles import examples

LINES = ("k562", "rpe1")
KINDS = [(family, relation) for family, relations in FAMILY_RELATIONS.items() for relation in relations]


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Lexicon:
    folder = tmp_path_factory.mktemp("build") / "snapshot"
    write_snapshot(small_tables(), folder, "small")
    return Lexicon(Snapshot.open(folder))


def read(lexicon: Lexicon, text: str) -> ReadQuestion | None:
    return read_question(text, lexicon, cell_line="k562", known=LINES)


@pytest.mark.parametrize(("family", "relation"), KINDS)
def test_every_template_is_parsed_back(lexicon: Lexicon, family: str, relation: Relation) -> None:
    place = relation is Relation.TAKES_PART_IN
    key, name = lexicon.snapshot.terms.keys[0], lexicon.snapshot.term_names[0]
    line = "k562" if relation in KNOCKDOWN_RELATIONS else None
    claim = Claim("GENE003", relation, key if place else "GENE007", line)
    for number in range(len(templates(family, relation))):
        text = question_text(claim, family, number, name if place else None)
        expected = ReadQuestion(claim, family, number, name if place else None)
        assert read(lexicon, text) == read(lexicon, text.rstrip("?").lower()) == expected
        elsewhere = read(lexicon, text.rstrip("?") + " in RPE1 cells?")
        assert elsewhere is not None
        assert elsewhere.claim.cell_line == (line and "rpe1")


@pytest.mark.parametrize(
    ("text", "relation", "line"),
    [
        ("What happens to GENE007 after losing GENE003?", "changes_expression_of", "k562"),
        ("Would GENE007 go up after knockdown of GENE003 in the rpe1 cell line?", "increases", "rpe1"),
        ("In K562, does knocking GENE003 down lower GENE007?", "decreases", "k562"),
        ("GENE003 knockdown: is the expression of GENE007 altered?", "changes_expression_of", "k562"),
        ("When GENE003 is knocked down, is there more GENE007?", "increases", "k562"),
        ("Does loss of GENE003 cause a change in GENE007", "changes_expression_of", "k562"),
        ("If GENE007 changes after loss of GENE003, does it rise?", "increases_if_changed", "k562"),
        ("Given that it moves, does GENE007 drop without GENE003?", "decreases_if_changed", "k562"),
    ],
)
def test_freer_words_are_read_where_they_are_plain(lexicon: Lexicon, text: str, relation: str, line: str) -> None:
    question = read(lexicon, text)
    assert question is not None
    assert question.claim == Claim("GENE003", relation, "GENE007", line)
    assert question.template == 0


@pytest.mark.parametrize(
    "text",
    [
        "Does losing GENE003 change NOSUCHGENE?",
        "Does losing GENE003 change GENE003?",
        "Does losing GENE003 not change GENE007?",
        "Does losing GENE003 raise or lower GENE007?",
        "Does losing GENE003 and knocking down GENE007 matter?",
        "Does losing GENE003 change GENE007 and GENE009?",
        "Does losing GENE003 change GENE007 in k562 and rpe1?",
        "Does losing GENE003 change GENE007 in HeLa?",
        "Does losing GENE003 raise GENE007 in mouse cells?",
        "Does losing GENE003 increase GENE007 while less is made?",
        "Does losing GENE003 change GENE007 and raise it?",
        "Is GENE003 like GENE007?",
        "Does the drug activate apoptosis?",
        "What is a gene?",
    ],
)
def test_what_is_not_plain_is_not_guessed(lexicon: Lexicon, text: str) -> None:
    assert read(lexicon, text) is None


def test_a_cell_line_is_a_whole_word() -> None:
    assert lines_named("in K562, not in rpe1", LINES) == ["k562", "rpe1"]
    assert lines_named("K5621 or k562-like", LINES) == []


WORDS = ["losing", "knock", "down", "GENE003", "GENE007", "in", "of", "is", "k562", "raise", "(", "?", "\\", "["]


@settings(max_examples=examples(3.3))
@given(text=st.lists(st.sampled_from(WORDS)))
def test_any_text_is_read_or_left(lexicon: Lexicon, text: list[str]) -> None:
    question = read(lexicon, " ".join(text))
    if question is not None:
        assert {question.claim.subject, question.claim.object} == {"GENE003", "GENE007"} <= set(text)
