"""What the warm-up teaches, as tokens: a prompt, an answer in the format, and how probable yes should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.errors import ModelError
from rbio_kg.training.prompts.messages import DIRECT, target_completion

_PROBE = "Change?\n" + DIRECT


@dataclass(frozen=True, slots=True)
class SftExample:
    """One example.

    Args:
        prompt: the prompt as the model reads it (see `prompts.prompt_text`).
        think: the reasoning to write; empty for an answer without reasoning, as the likelihood score reads it.
        q: the probability that yes is right, 0 to 1: the target at the answer and, as a confidence, at the digit.
    """

    prompt: str
    think: str
    q: float


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """A lesson as tokens, with the end token. Positions are those whose *next* token is predicted."""

    ids: list[int]
    text_from: int
    answer_at: int
    digit_at: int
    q: float
    digits: NDArray[np.float64]

    @property
    def reasons(self) -> bool:
        """Whether reasoning is taught, not only the answer."""
        return self.text_from < self.answer_at

    @property
    def text_at(self) -> list[int]:
        """Where text is taught that is neither the answer nor the digit."""
        return [at for at in range(self.text_from, len(self.ids) - 1) if at not in (self.answer_at, self.digit_at)]


class AnswerTokens:
    """Where a tokenizer puts the answer and its digit, and which tokens say yes, no and 1 to 9.

    Prompt and answer are always tokenised as one string: a tokenizer may merge the end of one piece with the beginning
    of the next, so joined pieces are not what the model would read.

    Raises:
        ModelError: the tokenizer does not keep the answers or the digits apart.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        answers = {word: self.ids(_PROBE + f"{word} 5</answer>") for word in ("yes", "no")}
        at = _first_difference(list(answers.values()))
        written = [self.ids(_PROBE + f"yes {digit}</answer>") for digit in range(1, 10)]
        digit_at = _first_difference(written)
        if at >= min(map(len, answers.values())) or not at < digit_at < min(map(len, written)):
            raise ModelError("the tokenizer does not keep answers and digits apart", hint="use another model")
        self.yes, self.no = answers["yes"][at], answers["no"][at]
        self.digits = [ids[digit_at] for ids in written]
        self.tails = {word: len(ids) - at for word, ids in answers.items()}
        self.digit_tail = len(written[0]) - digit_at
        self.openings = {word: ids[at : len(ids) - self.digit_tail] for word, ids in answers.items()}
        if len(set(self.digits)) < 9:
            raise ModelError("the tokenizer does not give each digit a token of its own", hint="use another model")

    def ids(self, text: str) -> list[int]:
        """Token ids of a whole text, without anything that the tokenizer would add."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def direct_prefix(self, prompt: str) -> list[int]:
        """The tokens up to where yes or no is read off, without reasoning."""
        return self.prefix(prompt + DIRECT)

    def prefix(self, text: str) -> list[int]:
        """The tokens of a text that ends in `<answer>`, up to where yes or no is read off."""
        ids = self.ids(text + "yes 5</answer>")
        return ids[: len(ids) - self.tails["yes"]]

    def encode(self, example: SftExample, rng: np.random.Generator) -> EncodedExample:
        """Tokens of a lesson.

        The answer is drawn with probability q, the digit with the mean of the confidence in the answer drawn, so that
        every completion states q. What stands before the answer of a lesson without reasoning is given, not taught.
        """
        answer = "yes" if rng.random() < example.q else "no"
        digits = confidence_digits(example.q if answer == "yes" else 1.0 - example.q)
        digit = 1 + int(rng.choice(9, p=digits))
        completion = target_completion(example.think, "yes" if answer == "yes" else "no", digit)
        ids = self.ids(example.prompt + completion)
        answer_at = len(ids) - self.tails[answer] - 1
        digit_at = len(ids) - self.digit_tail - 1
        if ids[answer_at + 1] not in (self.yes, self.no) or ids[digit_at + 1] != self.digits[digit - 1]:
            raise ModelError("the tokenizer splits answers differently from prompt to prompt", hint="use another model")
        # Answers without reasoning begin where the score is read: only lessons with reasoning teach how to begin.
        text_from = _first_difference([ids, [*self.ids(example.prompt), -1]]) - 1 if example.think else answer_at
        ids = [*ids, self.tokenizer.eos_token_id]
        return EncodedExample(ids, text_from, answer_at, digit_at, example.q, digits)


def confidence_digits(confidence: float) -> NDArray[np.float64]:
    """Probabilities of the digits 1 to 9, (9,), whose mean is the confidence in tenths (kept within 1 to 9)."""
    tenths = float(np.clip(10.0 * confidence, 1.0, 9.0))
    low = min(int(tenths), 8)
    found = np.zeros(9)
    found[low - 1] = low + 1 - tenths
    found[low] = tenths - low
    return found


def _first_difference(sequences: Sequence[Sequence[int]]) -> int:
    for at, tokens in enumerate(zip(*sequences, strict=False)):
        if len(set(tokens)) > 1:
            return at
    return min(len(sequence) for sequence in sequences)
