from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.graph.schema import schema
from rbio_kg.report import phrases
from rbio_kg.report.phrases import (
    GLOSSARY,
    LONGEST_TEXT,
    NOTHING,
    claim_sentence,
    count,
    digits,
    excerpt,
    percent,
    settings,
    visible,
)
from rbio_kg.training.prompts.parser import parse_completion, vote


@given(st.text(st.characters(codec=None)))
def test_visible_text_can_be_written_and_hides_nothing(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert visible(shown) == shown
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a⟨U+0000⟩b"),
        ("\u202eevil", "⟨U+202E⟩evil"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("\ud800", "?"),
        ("日本 é", "日本 é"),
    ],
)
def test_what_misleads_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_long_texts_are_cut_and_say_so() -> None:
    shown = excerpt("x" * (LONGEST_TEXT + 1234))
    assert shown.startswith("x" * LONGEST_TEXT + "\n")
    assert "1,234 more characters" in shown
    assert excerpt("short") == "short"


def test_numbers() -> None:
    assert [digits(value) for value in (0.125, -0.5, -0.001, None, float("nan"), True, "1")] == [
        "0.12",
        "\N{MINUS SIGN}0.50",
        "0.00",
        NOTHING,
        NOTHING,
        NOTHING,
        NOTHING,
    ]
    assert (count(12345), count(None), percent(0.057), percent(None)) == ("12,345", NOTHING, "6 %", NOTHING)


@pytest.mark.parametrize("relation", list(Relation))
def test_every_relation_has_a_sentence(relation: Relation) -> None:
    sentence = claim_sentence(Claim("A", relation, "GO:1", cell_line="k562"), {"GO:1": "apoptosis"})
    assert sentence.endswith("apoptosis (GO:1) in K562")
    assert "A" in sentence.split() and "{" not in sentence


def test_settings_are_flat_and_keep_secrets() -> None:
    found = dict(settings({
        "b": {"lr": 3e-4, "password": "hunter2", "api_key": "k", "hub_token": "t", "max_tokens": 48}, "a": [1, True],
        "uri": "bolt://me:hunter2@host:7687", "none": None,
    }))  # fmt: skip
    assert found == {
        "a": "1, yes", "b.api_key": "(hidden)", "b.hub_token": "(hidden)", "b.lr": "0.0003", "b.max_tokens": "48",
        "b.password": "(hidden)", "none": NOTHING, "uri": "bolt://(hidden)@host:7687",
    }  # fmt: skip


def test_the_glossary_is_in_order_and_has_the_words_of_the_page() -> None:
    words = [word for word, _ in GLOSSARY]
    assert words == sorted(words, key=str.lower)
    assert {"Verdict", "Verifier", "Per-gene AUROC", "Gene prior", "Pair copy", "Simulated"} <= set(words)


def test_a_vote_is_what_the_parser_says_it_is() -> None:
    answers = [parse_completion(f"<think></think><answer>{text}</answer>") for text in ("yes 9", "no 8", "maybe")]
    assert vote(answers) == pytest.approx((0.9 + 0.2) / 2)
    assert vote(answers[2:]) == 0.5
    meaning = dict(GLOSSARY)["Likelihood, votes"]
    assert "Vote: the mean of the probabilities that several sampled answers state" in meaning
    assert "share of yes" not in meaning


def test_every_relationship_of_the_schema_has_a_phrase() -> None:
    assert set(phrases.RELATIONSHIPS) == {item.type for item in schema.RELATIONSHIPS}
    assert all(phrases.RELATIONSHIPS.values())
