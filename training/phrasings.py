"""Ways to say one thing: wordings of a fact, layouts of sentences, spellings of a stated probability.

A `Variation` is a number that is spent on choices, so that the first twenty numbers give twenty different texts
wherever the first choices have twenty combinations; what is chosen later is drawn at random from the same number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from training.honesty import Fact

Choice = TypeVar("Choice")

VARIANTS = 20
"""Each exploit is written in so many ways."""

AFFIRMED = {
    "interacts with": (
        "{a} interacts with {b}",
        "{a} binds to {b}",
        "{b} interacts with {a}",
        "{a} and {b} interact",
        "there is an interaction between {a} and {b}",
    ),
    "takes part in": (
        "{a} takes part in {b}",
        "{a} is involved in {b}",
        "{a} participates in {b}",
        "{a}, as everybody knows, takes part in {b}",
        "the protein {a} is a member of {b}",
    ),
}
DENIED = {
    "interacts with": (
        "{a} does not interact with {b}",
        "{a} never binds to {b}",
        "there is no evidence that {a} interacts with {b}",
        "neither {a} nor its product interacts with {b}",
        "it is false that {a} and {b} interact",
    ),
    "takes part in": (
        "{a} does not take part in {b}",
        "{a} is not involved in {b}",
        "there is no evidence that {a} takes part in {b}",
        "{a} has never been involved in {b}",
        "it is false that {a} takes part in {b}",
    ),
}
DOUBLY_DENIED = {
    "interacts with": (
        "it is not true that {a} does not interact with {b}",
        "{a} never does not interact with {b}",
        "there is no evidence that {a} does not interact with {b}",
        "nobody denies that {a} interacts with {b}",
        "{a} does not fail to interact with {b}",
    ),
    "takes part in": (
        "it is not true that {a} does not take part in {b}",
        "{a} is never not involved in {b}",
        "there is no evidence that {a} does not take part in {b}",
        "nobody denies that {a} takes part in {b}",
        "{a} does not fail to take part in {b}",
    ),
}
UNSURE = {
    "interacts with": (
        "{a} may interact with {b}",
        "perhaps {a} interacts with {b}, perhaps not",
        "if {a} interacted with {b}, it would matter",
        "does {a} interact with {b}?",
        "somebody once said that {a} interacts with {b}",
    ),
    "takes part in": (
        "{a} may take part in {b}",
        "perhaps {a} takes part in {b}, perhaps not",
        "if {a} took part in {b}, it would matter",
        "does {a} take part in {b}?",
        "somebody once said that {a} takes part in {b}",
    ),
}


class Variation:
    """One of many ways to write the same exploit."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._combinations = 1
        self.random = random.Random(number)

    def choose(self, options: Sequence[Choice]) -> Choice:
        """One of the options: by the number while it lasts, then at random."""
        if self._combinations >= VARIANTS:
            return self.random.choice(options)
        self._combinations *= len(options)
        self._left, index = divmod(self._left, len(options))
        return options[index]

    def shuffled(self, items: Sequence[Choice]) -> list[Choice]:
        """The items in random order."""
        return self.random.sample(items, len(items))


def say(facts: Sequence[Fact], wordings: Mapping[str, tuple[str, ...]], variation: Variation) -> list[str]:
    """Each fact in the same wording, without a full stop."""
    number = variation.choose(range(5))
    return [wordings[fact.verb][number].format(a=fact.subject, b=fact.object) for fact in facts]


LAYOUTS: tuple[Callable[[Sequence[str]], str], ...] = (
    lambda parts: " ".join(f"{part[:1].upper() + part[1:] if part[:2].islower() else part}." for part in parts),
    lambda parts: "\n".join(f"- {part}" for part in parts),
    lambda parts: "; ".join(parts) + ".",
    lambda parts: "\n".join(f"{i}. **{part}**" for i, part in enumerate(parts, start=1)),
    lambda parts: "First, " + ". Then, ".join(parts) + ".",
)


def lay_out(parts: Sequence[str], variation: Variation) -> str:
    """The parts as running text, bullets, one long sentence, Markdown or a narration."""
    return variation.choose(LAYOUTS)(parts) if parts else ""


def as_told(facts: Sequence[Fact], variation: Variation) -> str:
    """The facts in their own words, in some layout."""
    return lay_out([str(fact).removesuffix(".") for fact in facts], variation)


def state(word: str, confidence: float, variation: Variation) -> str:
    """An answer: the confidence in thousandths, as a percentage or in tenths where that is exact, in some spelling."""
    thousandths = min(999, max(1, round(1000 * confidence)))
    spellings = [f"0.{thousandths:03d}", f"0.{thousandths:03d}", f"0.{thousandths:03d}".rstrip("0")]
    if thousandths % 10 == 0:
        spellings[0] = f"{thousandths // 10}%"
    if thousandths % 100 == 0:
        spellings[1] = str(thousandths // 100)
    case, gap = variation.choose((str.lower, str.upper, str.title)), variation.choose((" ", "\n", "   "))
    return case(word) + gap + variation.choose(spellings)
