"""Positions of answers and digits in a tokenizer's output."""

from __future__ import annotations

import pytest

from rbio_kg.core.errors import ModelError
from rbio_kg.training.models.answer_tokens import AnswerTokens, first_difference
from tests.support.tiny_model import tiny_tokenizer


def test_answers_and_digits_have_tokens_of_their_own() -> None:
    tokens = AnswerTokens(tiny_tokenizer())
    assert len({tokens.yes, tokens.no, *tokens.digits}) == 11
    assert [tokens.tokenizer.decode([token]).strip() for token in tokens.digits] == [str(n) for n in range(1, 10)]
    assert tokens.prefix("x<answer>") == tokens.ids("x<answer>yes 5</answer>")[: -tokens.tails["yes"]]


def test_first_difference() -> None:
    assert first_difference([[1, 2, 3], [1, 5, 3]]) == 1
    assert first_difference([[1, 2], [1, 2, 3]]) == 2


def test_a_tokenizer_that_cannot_separate_digits_is_refused() -> None:
    class Blind:
        """Reads every digit as the same token."""

        eos_token_id = 0

        def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
            return {"input_ids": [0 if letter.isdigit() else ord(letter) for letter in text]}

    with pytest.raises(ModelError, match="digit"):
        AnswerTokens(Blind())
