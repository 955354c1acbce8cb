"""The parser of completions: strict, named problems, bounded time."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.training.prompts.parser import (
    ParsedCompletion,
    completion_text,
    own_words,
    parse_completion,
    vote,
    written_reasoning,
)


def form(answer: str, think: str = "because") -> str:
    return f"<think>{think}</think><answer>{answer}</answer>"


@pytest.mark.parametrize(
    ("answer", "verdict", "confidence", "q"),
    [
        ("yes 7", "yes", 0.7, 0.7),
        ("no 7", "no", 0.7, 0.3),
        ("YES 9", "yes", 0.9, 0.9),
        ("No\n1", "no", 0.1, 0.9),
        ("yes 0.72", "yes", 0.72, 0.72),
        ("no 65%", "no", 0.65, 0.35),
        ("  yes   5 ", "yes", 0.5, 0.5),
        ("yes", "yes", None, 1.0),
        ("no", "no", None, 0.0),
    ],
)
def test_reads_answer_and_confidence(answer: str, verdict: str, confidence: float | None, q: float) -> None:
    parsed = parse_completion(form(answer))
    assert (parsed.answer, parsed.confidence, parsed.think, parsed.problem) == (verdict, confidence, "because", None)
    assert parsed.q == pytest.approx(q)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("yes 7", "no_think"),
        ("<answer>yes 7</answer>", "no_think"),
        ("<think>a</think>", "no_answer"),
        ("<think>a", "unclosed"),
        ("<think>a</think><answer>yes 7", "unclosed"),
        ("<think>a<answer>yes 7</answer>", "unclosed"),
        ("<answer>yes 7</answer><think>a</think>", "disordered"),
        ("<think>a<answer>yes 7</answer></think>", "disordered"),
        ("<think>a<think>b</think></think><answer>yes 7</answer>", "repeated"),
        ("<think>a</think><answer>yes 7</answer><answer>no 7</answer>", "repeated"),
        ("<think>a</think><think>b</think><answer>yes 7</answer>", "repeated"),
        ("<THINK>a</THINK><answer>yes 7</answer>", "malformed_tag"),
        ("<think>a</think><Answer>yes 7</Answer>", "malformed_tag"),
        ("<think >a</think><answer>yes 7</answer>", "malformed_tag"),
        ("<think>a</think><answer>yes 7</answer> so yes", "text_outside"),
        ("Sure: <think>a</think><answer>yes 7</answer>", "text_outside"),
        ("<think>a</think> so <answer>yes 7</answer>", "text_outside"),
        ("\u200b<think>a</think><answer>yes 7</answer>", "text_outside"),
        (form("yes no"), "both_answers"),
        (form("yes or no 7"), "both_answers"),
        (form("knockdown 7"), "no_verdict"),
        (form("unknown"), "no_verdict"),
        (form(""), "no_verdict"),
        (form("y\u0435s 7"), "no_verdict"),
        (form("ye\u017f 7"), "no_verdict"),
        (form("yes\u200b 7"), "extra_words"),
        (form("yes 7 7"), "extra_words"),
        (form("not sure, no 7"), "extra_words"),
        (form("yes 0"), "bad_confidence"),
        (form("yes 10"), "bad_confidence"),
        (form("yes 1.0"), "bad_confidence"),
        (form("yes 0.0"), "bad_confidence"),
        (form("yes 0%"), "bad_confidence"),
        (form("yes 100%"), "bad_confidence"),
        (form("yes -7"), "bad_confidence"),
        (form("yes \u0667"), "bad_confidence"),
        (form("yes nan"), "bad_confidence"),
        ('{"think": "a", "answer": "yes 7"}', "no_think"),
    ],
)
def test_names_the_problem(text: str, problem: str) -> None:
    assert parse_completion(text) == ParsedCompletion("", None, None, None, problem)


def test_confidence_can_be_required() -> None:
    assert parse_completion(form("yes"), require_confidence=True).problem == "no_confidence"
    assert parse_completion(form("yes 6"), require_confidence=True).q == 0.6


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece", ["<", "<think>", "< ", "</", "<think ", "yes ", " ", "<answer>yes 7</answer>", "a", "<think>a</think>"]
)
def test_hundred_thousand_characters_take_bounded_time(piece: str) -> None:
    flood = piece * (100_000 // len(piece))
    assert parse_completion(flood).answer is None
    parsed = parse_completion(form("yes 7", think="x " * 50_000))
    assert parsed.answer == "yes"
    assert isinstance(own_words(flood, flood), str)


@given(st.text(alphabet=string.ascii_letters + "<>/ \n.157%", max_size=200))
def test_any_text_is_either_read_whole_or_named(text: str) -> None:
    for candidate in (text, form(text), form("yes 7", think=text)):
        parsed = parse_completion(candidate)
        if parsed.problem is None:
            assert parsed.answer in ("yes", "no")
            assert parsed.q is not None and 0.0 <= parsed.q <= 1.0
        else:
            assert (parsed.think, parsed.answer, parsed.confidence, parsed.q) == ("", None, None, None)


@given(
    st.text(alphabet=st.characters(blacklist_characters="<>"), max_size=80),
    st.sampled_from(["yes", "no", "Yes", "NO"]),
    st.integers(1, 9),
    st.sampled_from(["", " ", "\n\n"]),
)
def test_whatever_is_written_in_the_format_is_read_back(think: str, answer: str, digit: int, gap: str) -> None:
    parsed = parse_completion(f"{gap}<think>{think}</think>{gap}<answer>{answer} {digit}</answer>{gap}")
    assert (parsed.think, parsed.answer, parsed.confidence) == (think.strip(), answer.lower(), digit / 10)


def test_text_of_plain_and_conversational_completions() -> None:
    assert completion_text("plain") == "plain"
    assert completion_text([{"role": "assistant", "content": "chat"}]) == "chat"
    assert completion_text([{"role": "user", "content": [{"type": "text", "text": "block"}]}]) == "block"
    assert completion_text([{"role": "assistant", "content": None}]) == ""


def test_own_words_leaves_out_what_the_prompt_says() -> None:
    prompt = "Facts: AAA interacts with BBB.\nAAA takes part in DNA repair in human cells.\nDoes a knockdown matter?"
    assert own_words("AAA interacts with BBB.", prompt) == ""
    assert own_words("So AAA takes part in DNA repair in human cells! BBB binds CCC.", prompt) == "BBB binds CCC."
    assert own_words("BBB interacts with AAA.", prompt) == "BBB interacts with AAA."
    assert own_words("anything", "") == "anything"


@given(
    st.text(st.characters(exclude_characters="<>")), st.sampled_from(["</think><answer>yes 7</answer>", "", "<answer>"])
)
def test_the_reasoning_of_any_completion_is_found(think: str, rest: str) -> None:
    assert written_reasoning(f"\n<think>{think}{rest}") == think
    assert written_reasoning(f"{think}{rest}") == think.lstrip()


def test_votes_are_the_mean_of_what_can_be_read() -> None:
    def said(*texts: str) -> float:
        return vote([parse_completion(text, require_confidence=True) for text in texts])

    yes, no = "<think></think><answer>yes 9</answer>", "<think></think><answer>no 7</answer>"
    assert said(yes, no, "yes and no") == pytest.approx((0.9 + 0.3) / 2)
    assert said("", "nothing") == 0.5
