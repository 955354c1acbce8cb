"""Parser of completions: one think block, one answer block, and nothing else but white space.

The format is `<think>reasoning</think><answer>yes 7</answer>`. The number is the confidence in the answer given: a
digit 1 to 9 (tenths), a decimal such as 0.72, or a percentage such as 72%. The parser forgives letter case and white
space inside the answer and nothing more: what is rewarded must not be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rbio_kg.verifiers.text.sentences import split_sentences

Answer = Literal["yes", "no"]
Completion = str | Sequence[Mapping[str, Any]]
"""What a trainer hands over: plain text, or a list of chat messages."""

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
# Anything that looks like one of our tags, in any letter case, so that tricks are seen. All repeats are bounded: the
# expression stays linear in the text.
_TAG = re.compile(r"<\s{0,3}/?\s{0,3}(?:think|answer)\b[^<>]{0,40}>", re.IGNORECASE | re.ASCII)
_ANSWER = re.compile(r"(yes|no)(?:\s+(\S+))?", re.IGNORECASE | re.ASCII)
_DIGIT = re.compile(r"[1-9]", re.ASCII)
_DECIMAL = re.compile(r"0\.[0-9]{1,3}", re.ASCII)
_PERCENT = re.compile(r"([0-9]{1,2})%", re.ASCII)
_WORD = re.compile(r"\w+")

COPIED_WORDS = 5
"""Length of the runs of words by which a copy is known."""
COPIED_SHARE = 0.8
"""A sentence is a copy when at least this share of its runs stands in the prompt."""


@dataclass(frozen=True, slots=True)
class ParsedCompletion:
    """What a completion says.

    Args:
        think: the reasoning, without surrounding white space; empty when unparsed.
        answer: yes or no; None when unparsed.
        confidence: stated confidence in the answer given, strictly between 0 and 1; None when none was stated.
        q: stated probability that the claim holds, 0 to 1: `confidence` after yes, `1 - confidence` after no, and 1
            or 0 where no confidence was stated; None when unparsed.
        problem: why it is unparsed, by name; None when parsed.
    """

    think: str
    answer: Answer | None
    confidence: float | None
    q: float | None
    problem: str | None


def parse_completion(text: str, *, require_confidence: bool = False) -> ParsedCompletion:
    """Read a completion strictly, in time linear in its length.

    Args:
        text: the completion, without special tokens.
        require_confidence: an answer without a confidence is then unparsed (`no_confidence`).

    Returns:
        The parts, or a `problem`: `empty`, `no_think`, `no_answer`, `unclosed`, `repeated`, `disordered` (nested or in
        the wrong order), `malformed_tag` (upper case, attributes, blanks), `text_outside`, `no_verdict` (neither yes
        nor no), `both_answers`, `extra_words`, `bad_confidence` or `no_confidence`.

    Example:
        >>> parsed = parse_completion("<think>SP1 binds it.</think><answer>no 8</answer>")
        >>> parsed.answer, parsed.confidence, parsed.q
        ('no', 0.8, 0.2)
        >>> parse_completion("<think>So.</think><answer>yes or no</answer>").problem
        'both_answers'
    """
    if not text.strip():
        return _unparsed("empty")
    tags = list(_TAG.finditer(text))
    problem = _tag_problem([tag.group() for tag in tags])
    if problem is not None:
        return _unparsed(problem)
    think_open, think_close, answer_open, answer_close = tags
    outside = (text[: think_open.start()], text[think_close.end() : answer_open.start()], text[answer_close.end() :])
    if any(part.strip() for part in outside):
        return _unparsed("text_outside")
    think = text[think_open.end() : think_close.start()].strip()
    return _read_answer(text[answer_open.end() : answer_close.start()].strip(), think, require_confidence)


def _unparsed(problem: str) -> ParsedCompletion:
    return ParsedCompletion(think="", answer=None, confidence=None, q=None, problem=problem)


def _tag_problem(tags: list[str]) -> str | None:
    """What is wrong with the sequence of tags; None where it is exactly the four in order."""
    if tuple(tags) == _TAGS:
        return None
    if any(tag not in _TAGS for tag in tags):
        return "malformed_tag"
    counts = {tag: tags.count(tag) for tag in _TAGS}
    if any(count > 1 for count in counts.values()):
        return "repeated"
    if counts["<think>"] == 0:
        return "no_think"
    if counts["<answer>"] == 0:
        return "no_answer" if counts["</think>"] else "unclosed"
    return "disordered" if len(tags) == len(_TAGS) else "unclosed"


def _read_answer(text: str, think: str, require_confidence: bool) -> ParsedCompletion:
    match = _ANSWER.fullmatch(text)
    if match is None:
        return _unparsed(_answer_problem(text))
    answer: Answer = "yes" if match.group(1).lower() == "yes" else "no"
    stated = match.group(2)
    if stated is None:
        if require_confidence:
            return _unparsed("no_confidence")
        return ParsedCompletion(think, answer, None, 1.0 if answer == "yes" else 0.0, None)
    confidence = _read_confidence(stated)
    if confidence is None:
        return _unparsed("both_answers" if stated.lower() in ("yes", "no") else "bad_confidence")
    q = confidence if answer == "yes" else round(1.0 - confidence, 3)
    return ParsedCompletion(think, answer, confidence, q, None)


def _answer_problem(text: str) -> str:
    words = {word.lower() for word in _WORD.findall(text)}
    if {"yes", "no"} <= words:
        return "both_answers"
    return "extra_words" if words & {"yes", "no"} else "no_verdict"


def _read_confidence(text: str) -> float | None:
    """A confidence strictly between 0 and 1, or None where the text is none."""
    if _DIGIT.fullmatch(text):
        return int(text) / 10
    if _DECIMAL.fullmatch(text):
        return float(text) or None
    percent = _PERCENT.fullmatch(text)
    return (int(percent.group(1)) / 100 or None) if percent else None


def vote(completions: Sequence[ParsedCompletion]) -> float:
    """The vote of several completions of one question: the mean of the q that they state; 1/2 where none states one."""
    stated = [item.q for item in completions if item.q is not None]
    return float(np.mean(stated)) if stated else 0.5


def written_reasoning(text: str) -> str:
    """The reasoning of any completion, well formed or not: what stands before the first tag, `<think>` left aside."""
    return _TAG.split(text.lstrip().removeprefix("<think>"), maxsplit=1)[0]


def completion_text(completion: Completion) -> str:
    """The text of a completion or prompt, plain or conversational (contents are joined by new lines).

    What tools answered is not the policy's and left out (see `text_read`).
    """
    return completion if isinstance(completion, str) else _contents(completion, tools=False)


def text_read(prompt: Completion, completion: Completion) -> str:
    """What the policy read: the prompt, and what tools answered while it wrote the completion."""
    answers = "" if isinstance(completion, str) else _contents(completion, tools=True)
    return f"{completion_text(prompt)}\n{answers}" if answers else completion_text(prompt)


def _contents(messages: Sequence[Mapping[str, Any]], *, tools: bool) -> str:
    texts = []
    for message in messages:
        if (message.get("role") == "tool") is tools:
            content = message.get("content") or ""
            texts.extend([content] if isinstance(content, str) else [str(block.get("text", "")) for block in content])
    return "\n".join(text for text in texts if text)


def own_words(text: str, prompt: str) -> str:
    """The text without the sentences that are copied from the prompt.

    A sentence is a copy when at least `COPIED_SHARE` of its runs of `COPIED_WORDS` words stand in the prompt; a shorter
    one when all of it does. Letter case and punctuation do not matter.
    """
    if not prompt or not text:
        return text
    known = f" {' '.join(_words(prompt))} "
    runs = _runs(_words(prompt))
    kept = [sentence for sentence in split_sentences(text) if not _is_copy(_words(sentence), known, runs)]
    return "".join(kept).strip()


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + COPIED_WORDS]) for i in range(len(words) - COPIED_WORDS + 1)}


def _is_copy(words: list[str], known: str, runs: set[tuple[str, ...]]) -> bool:
    if not words:
        return False
    if len(words) >= COPIED_WORDS:
        own = _runs(words)
        return len(own & runs) >= COPIED_SHARE * len(own)
    return f" {' '.join(words)} " in known
