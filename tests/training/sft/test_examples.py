"""SFT examples as tokens: positions, drawn answers, stated confidence; prompts and answers read back by the parser."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.prompts.messages import DIRECT, prompt_text
from rbio_kg.training.prompts.parser import parse_completion
from rbio_kg.training.sft.examples import SftExample, confidence_digits, encode_example
from tests.support.profiles import examples
from tests.support.tiny_model import tiny_tokenizer


@cache
def tokens() -> AnswerTokens:
    return AnswerTokens(tiny_tokenizer())


def prompt(question: str) -> str:
    return prompt_text(tokens().tokenizer, [{"role": "user", "content": question}])


@given(confidence=st.floats(0, 1))
def test_digits_state_the_confidence_on_average(confidence: float) -> None:
    digits = confidence_digits(confidence)
    assert digits.sum() == pytest.approx(1)
    assert (digits >= 0).all()
    assert digits @ np.arange(1, 10) == pytest.approx(np.clip(10 * confidence, 1, 9))


@given(
    think=st.sampled_from(["", "A interacts with B.", "3 of 6 similar knockdowns changed it."]),
    q=st.floats(0, 1),
    seed=st.integers(0, 99),
    question=st.text(st.characters(codec="utf-8", exclude_characters="<>"), max_size=20),
)
def test_a_lesson_is_a_completion_that_the_parser_reads(think: str, q: float, seed: int, question: str) -> None:
    own = tokens()
    example = SftExample(prompt(question), think, q)
    item = encode_example(example, own, np.random.default_rng(seed))
    yes = item.ids[item.answer_at + 1] == own.yes
    assert yes or item.ids[item.answer_at + 1] == own.no
    assert item.ids[item.digit_at + 1] in own.digits
    assert item.ids[-1] == own.tokenizer.eos_token_id
    parsed = parse_completion(own.tokenizer.decode(item.ids[:-1])[len(example.prompt) :], require_confidence=True)
    assert parsed.problem is None
    assert parsed.think == think
    assert parsed.answer == ("yes" if yes else "no")
    assert parsed.q == pytest.approx(np.clip(q, 0.1, 0.9), abs=0.1)
    if think:
        assert own.tokenizer.decode(item.ids[: item.text_from + 1]) == example.prompt
    else:
        assert own.tokenizer.decode(item.ids[: item.text_from + 1]) == example.prompt + DIRECT


@settings(max_examples=examples(0.13))
@given(q=st.floats(0.05, 0.95))
def test_answers_are_drawn_with_their_probability(q: float) -> None:
    own, rng = tokens(), np.random.default_rng(0)
    example = SftExample(prompt("Does losing A change B?"), "", q)
    drawn = [encode_example(example, own, rng) for _ in range(60)]
    share = np.mean([item.ids[item.answer_at + 1] == own.yes for item in drawn])
    assert share == pytest.approx(q, abs=0.25)


def test_the_score_is_read_where_the_example_has_its_answer() -> None:
    own = tokens()
    text = prompt("Does losing A change B?")
    item = encode_example(SftExample(text, "", 1.0), own, np.random.default_rng(0))
    assert own.direct_prefix(text) == item.ids[: item.answer_at + 1]
    assert own.tokenizer.decode(own.direct_prefix(text)) == text + DIRECT
