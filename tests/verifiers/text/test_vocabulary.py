"""The tag alphabet, the vocabulary, and the sentence splitter."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.verifiers.text.sentences import is_interrogative, split_sentences, without_end
from rbio_kg.verifiers.text.tags import CLASSES, LETTERS, Tag, pattern
from rbio_kg.verifiers.text.vocabulary import SUFFIXES, VOCABULARY, plain


def test_every_tag_has_a_letter_of_its_own() -> None:
    assert {len(letter) for letter in LETTERS.values()} == {1}
    assert [letter for letter, count in Counter(LETTERS.values()).items() if count > 1] == []
    assert not LETTERS.keys() & CLASSES.keys()
    used = {word.tag for word in (*VOCABULARY.values(), *SUFFIXES.values())}
    assert used <= set(LETTERS.values())


def test_an_unknown_tag_name_is_refused() -> None:
    with pytest.raises(KeyError, match="GENES"):
        pattern("[GENES]")


@pytest.mark.parametrize(
    "word", ["assembly", "disassembly", "supply", "imply", "apply", "family", "superfamily", "anomaly", "multiply"]
)
def test_not_every_word_in_ly_is_an_adverb(word: str) -> None:
    assert plain(word).tag == Tag.OTHER


@pytest.mark.parametrize("word", ["rapidly", "strongly", "simply", "directionally", "fully"])
def test_adverbs_are_known_by_their_ending(word: str) -> None:
    assert plain(word).tag == Tag.MOD


@given(st.text(alphabet="ab .!?;\n5", max_size=40) | st.text(max_size=200))
def test_sentences_joined_are_the_text(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    assert all(sentences)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("TP53 binds MDM2", ["TP53 binds MDM2"]),
        ("A. B! C? D; E\nF", ["A. ", "B! ", "C? ", "D; ", "E\n", "F"]),
        ("The rate is 0.71. Why?!  So.", ["The rate is 0.71. ", "Why?!  ", "So."]),
        ("MDM2 ... and more", ["MDM2 ... ", "and more"]),
        ("\n\n? A.", ["\n\n? ", "A."]),
    ],
)
def test_where_sentences_end(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_a_question_is_known_by_its_mark() -> None:
    assert [is_interrogative(text) for text in ("A?", "A?! ", "A!", "A? B.", "A")] == [True, True, False, False, False]
    assert without_end(" A 0.5?! ") == "A 0.5"
