"""Where a tokenizer puts the answer and its confidence digit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rbio_kg.core.errors import ModelError
from rbio_kg.training.prompts.messages import DIRECT

_PROBE = "Change?\n" + DIRECT


class AnswerTokens:
    """Positions of the answer and its digit in a tokenizer's output, and the tokens of yes, no and 1 to 9.

    Prompt and answer are always tokenised as one string. A tokenizer may merge the end of one piece with the beginning
    of the next, so that joined pieces would differ from what the model reads.

    Raises:
        ModelError: the tokenizer does not keep the answers or the digits apart.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        answers = {word: self.ids(_PROBE + f"{word} 5</answer>") for word in ("yes", "no")}
        at = first_difference(list(answers.values()))
        written = [self.ids(_PROBE + f"yes {digit}</answer>") for digit in range(1, 10)]
        digit_at = first_difference(written)
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
        """Token ids of a text, without special tokens that the tokenizer would add."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def direct_prefix(self, prompt: str) -> list[int]:
        """The tokens before the answer, without reasoning."""
        return self.prefix(prompt + DIRECT)

    def prefix(self, text: str) -> list[int]:
        """The tokens before the answer of a text that ends in `<answer>`."""
        ids = self.ids(text + "yes 5</answer>")
        return ids[: len(ids) - self.tails["yes"]]


def first_difference(sequences: Sequence[Sequence[int]]) -> int:
    """The first position at which sequences of tokens differ; the shortest one's length where none does.

    Example:
        >>> first_difference([[5, 6, 7], [5, 8, 7]])
        1
    """
    for at, tokens in enumerate(zip(*sequences, strict=False)):
        if len(set(tokens)) > 1:
            return at
    return min(len(sequence) for sequence in sequences)
