"""SFT examples as tokens: a prompt, an answer in the format, and the probability of yes as soft target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.errors import ModelError
from rbio_kg.training.models.answer_tokens import AnswerTokens, first_difference
from rbio_kg.training.prompts.messages import target_completion


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
    """An example as tokens, with the end token. Positions are those whose *next* token is predicted.

    Args:
        ids: prompt, completion and end token.
        text_from: first position with a loss.
        answer_at: position before yes or no.
        digit_at: position before the confidence digit.
        q: target at the answer, 0 to 1.
        digits: target at the digit, (9,): probabilities of 1 to 9.
    """

    ids: list[int]
    text_from: int
    answer_at: int
    digit_at: int
    q: float
    digits: NDArray[np.float64]

    @property
    def reasons(self) -> bool:
        """Whether the loss covers reasoning, not only the answer."""
        return self.text_from < self.answer_at

    @property
    def text_at(self) -> list[int]:
        """Positions with a loss that are neither the answer nor the digit."""
        return [at for at in range(self.text_from, len(self.ids) - 1) if at not in (self.answer_at, self.digit_at)]


def encode_example(example: SftExample, tokens: AnswerTokens, rng: np.random.Generator) -> EncodedExample:
    """Tokens of an example.

    The answer is drawn with probability q. The digit is drawn so that its mean is the confidence in the drawn answer:
    every completion states q on average. Without reasoning, the text before the answer has no loss.

    Raises:
        ModelError: the tokenizer splits answers of this prompt in another way.
    """
    answer = "yes" if rng.random() < example.q else "no"
    digits = confidence_digits(example.q if answer == "yes" else 1.0 - example.q)
    digit = 1 + int(rng.choice(9, p=digits))
    completion = target_completion(example.think, "yes" if answer == "yes" else "no", digit)
    ids = tokens.ids(example.prompt + completion)
    answer_at = len(ids) - tokens.tails[answer] - 1
    digit_at = len(ids) - tokens.digit_tail - 1
    if ids[answer_at + 1] not in (tokens.yes, tokens.no) or ids[digit_at + 1] != tokens.digits[digit - 1]:
        raise ModelError("the tokenizer splits answers differently from prompt to prompt", hint="use another model")
    # Answers without reasoning begin where evaluation reads the score: only reasoning has a loss at its beginning.
    text_from = first_difference([ids, [*tokens.ids(example.prompt), -1]]) - 1 if example.think else answer_at
    ids = [*ids, tokens.tokenizer.eos_token_id]
    return EncodedExample(ids, text_from, answer_at, digit_at, example.q, digits)


def confidence_digits(confidence: float) -> NDArray[np.float64]:
    """Probabilities of the digits 1 to 9, (9,), whose mean is the confidence in tenths (clipped to 1 to 9).

    Args:
        confidence: 0 to 1.

    Example:
        >>> confidence_digits(0.83).round(2).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7, 0.3]
    """
    tenths = float(np.clip(10.0 * confidence, 1.0, 9.0))
    low = min(int(tenths), 8)
    found = np.zeros(9)
    found[low - 1] = low + 1 - tenths
    found[low] = tenths - low
    return found
