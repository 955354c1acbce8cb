"""Random changes of a completion: sentences, genes, terms, denials, tags, numbers, odd characters, copied pieces."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

from training.exploit_forms import LOOKALIKES, ZERO_WIDTH
from training.honesty import Setting
from training.phrasings import AFFIRMED, DENIED, DOUBLY_DENIED, UNSURE

LONGEST = 6_000
"""A mutant is cut to so many characters: more is beyond what any text verifier reads."""
_TAGS = ("<think>", "</think>", "<answer>", "</answer>", "<THINK>", "<b>", "</s>", "<think", "< answer >")
_GLUE = (
    "and",
    "or",
    "but",
    "but not",
    "which",
    "that",
    "because",
    "so",
    ",",
    ";",
    ":",
    ".",
    "\n",
    "\n- ",
    "?",
    "(",
    ")",
    '"',
    "by",
    "of",
)
_DENIALS = (
    "not",
    "no",
    "never",
    "does not",
    "it is false that",
    "neither",
    "without",
    "no evidence that",
    "may",
    "perhaps",
    "if",
)
_BLOCKS = re.compile(r"(.*?<think>)(.*)(</think>.*)", re.DOTALL)
_ANSWER = re.compile(r"(<answer>)([^<]*)(</answer>)")
_SENTENCE = re.compile(r"[^.!?;\n]+[.!?;\n]*\s*")
_WORDINGS = (AFFIRMED, AFFIRMED, DENIED, DOUBLY_DENIED, UNSURE)

Change = Callable[["Mutator", str], str]


class Mutator:
    """Changes completions about one setting.

    Args:
        setting: whose names, facts and prompt the pieces come from.
        random: the source of chance.
    """

    def __init__(self, setting: Setting, random: random.Random) -> None:
        self.random = random
        self.genes = [setting.claim.subject, setting.claim.object]
        facts = [*setting.known, *setting.others]
        self.names = [
            *self.genes,
            *(fact.object for fact in facts if fact.verb == "interacts with"),
            *setting.partners[:10],
        ]
        self.terms = [*setting.terms, *(fact.object for fact in facts if fact.verb == "takes part in")] or ["a process"]
        self.copies = [*_SENTENCE.findall(setting.prompt), *map(str, setting.others), setting.prompt]

    def mutated(self, text: str) -> str:
        """The text after one to four changes; most of them leave its tags and its answer alone."""
        for _ in range(self.random.choice((1, 1, 2, 4))):
            text = self.random.choice(_WHOLE)(self, text) if self.random.random() < 0.08 else self._rethought(text)
        return text[:LONGEST]

    def _rethought(self, text: str) -> str:
        match = _BLOCKS.fullmatch(text)
        if match is None:
            return self.random.choice(_CHANGES)(self, text)
        return match.group(1) + self.random.choice(_CHANGES)(self, match.group(2)) + match.group(3)

    def pick(self, options: Sequence[str]) -> str:
        """One of the options."""
        return self.random.choice(options)

    def statement(self) -> str:
        """Something said of one of the genes: true, false, denied or unsure."""
        verb = self.pick(("interacts with", "takes part in"))
        other = self.pick(self.names if verb == "interacts with" else self.terms)
        return self.random.choice(_WORDINGS)[verb][self.random.randrange(5)].format(a=self.pick(self.genes), b=other)


def _sentences(change: Callable[[Mutator, list[str]], None]) -> Change:
    def apply(mutator: Mutator, text: str) -> str:
        parts = _SENTENCE.findall(text)
        change(mutator, parts)
        return "".join(parts)

    return apply


def _words(change: Callable[[Mutator, list[str], int], None]) -> Change:
    def apply(mutator: Mutator, text: str) -> str:
        parts = text.split(" ")
        change(mutator, parts, mutator.random.randrange(len(parts)))
        return " ".join(parts)

    return apply


def _insert(piece: Callable[[Mutator], str]) -> Change:
    def change(mutator: Mutator, parts: list[str]) -> None:
        parts.insert(mutator.random.randint(0, len(parts)), piece(mutator))

    return _sentences(change)


def _insert_word(piece: Callable[[Mutator], str]) -> Change:
    return _words(lambda m, parts, i: parts.insert(i, piece(m)))


def _swap(mutator: Mutator, parts: list[str]) -> None:
    if parts:
        i, j = (mutator.random.randrange(len(parts)) for _ in range(2))
        parts[i], parts[j] = parts[j], parts[i]


def _drop(mutator: Mutator, parts: list[str]) -> None:
    if parts:
        del parts[mutator.random.randrange(len(parts))]


def _double(mutator: Mutator, parts: list[str]) -> None:
    if parts:
        parts.insert(mutator.random.randint(0, len(parts)), mutator.pick(parts) + " ")


def _renamed(mutator: Mutator, text: str) -> str:
    return text.replace(mutator.pick(mutator.names), mutator.pick(mutator.names), mutator.random.choice((1, -1)))


def _retermed(mutator: Mutator, text: str) -> str:
    return text.replace(mutator.pick(mutator.terms), mutator.pick(mutator.terms), 1)


def _disguised(mutator: Mutator, text: str) -> str:
    start = mutator.random.randrange(len(text) + 1)
    end = start + mutator.random.choice((1, 10, 100))
    return text[:start] + text[start:end].translate(mutator.random.choice(LOOKALIKES)) + text[end:]


def _odd_character(mutator: Mutator, text: str) -> str:
    at = mutator.random.randrange(len(text) + 1)
    return text[:at] + mutator.pick((*ZERO_WIDTH, "\0", "\u2028", "\t", "'", "-", "/")) + text[at:]


def _tagged(mutator: Mutator, text: str) -> str:
    at = mutator.random.randrange(len(text) + 1)
    return text[:at] + mutator.pick(_TAGS) + text[at:]


def _answered(mutator: Mutator, text: str) -> str:
    answer = f"{mutator.pick(('yes', 'no'))} {mutator.pick(('1', '3', '5', '7', '9', '0.99', '42%', 'no', ''))}"
    return _ANSWER.sub(lambda match: match.group(1) + answer + match.group(3), text)


_CHANGES: tuple[Change, ...] = (
    _insert(lambda m: f"{m.statement()}. "),
    _insert(lambda m: f"{m.statement()}; "),
    _insert(lambda m: f"{m.pick(m.copies)} "),
    _insert(lambda m: f"{m.pick(m.genes)}: {', '.join(m.random.choices(m.terms, k=4))}. "),
    _sentences(_drop),
    _sentences(_double),
    _sentences(_swap),
    _sentences(lambda m, parts: m.random.shuffle(parts)),
    _words(lambda m, parts, i: parts.__delitem__(i)),
    _words(lambda m, parts, i: parts.insert(m.random.randrange(len(parts)), parts[i])),
    _words(lambda m, parts, i: parts.__setitem__(i, m.pick(parts))),
    _insert_word(lambda m: m.pick(_GLUE)),
    _insert_word(lambda m: m.pick(_DENIALS)),
    _insert_word(lambda m: m.pick(m.names)),
    _insert_word(lambda m: m.pick(m.terms)),
    _insert_word(lambda m: str(m.random.randrange(10_000))),
    _renamed,
    _retermed,
    _disguised,
    _odd_character,
)
_WHOLE: tuple[Change, ...] = (_tagged, _answered, _odd_character, _disguised)


def fuzzed(settings: Sequence[Setting], count: int, seed: int = 0) -> Iterator[tuple[int, str]]:
    """Completions that no policy would write: mutants of mutants, floods and random characters, seeded.

    Args:
        settings: what they are about.
        count: completions wanted.
        seed: the same seed gives the same completions.

    Yields:
        The position of the setting, and the completion.
    """
    chance = random.Random(seed)
    mutators = [Mutator(setting, chance) for setting in settings]
    texts = [setting.completion() for setting in settings]
    for number in range(count):
        row = number % len(settings)
        if chance.random() < 0.05:
            texts[row] = settings[row].completion(chance.choice(("", settings[row].rationale, settings[row].prompt)))
        texts[row] = mutators[row].mutated(texts[row])
        kind = chance.random()
        if kind < 0.9:
            yield row, texts[row]
        elif kind < 0.95:
            yield row, _noise(chance, chance.randrange(200)).join(settings[row].completion().split(" ")[:4])
        else:
            yield (
                row,
                settings[row].completion(chance.choice((*_TAGS, *_GLUE, _noise(chance, 3))) * chance.randrange(500)),
            )


def _noise(chance: random.Random, length: int) -> str:
    """Random characters of all planes, lone surrogates included."""
    return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x11_0000)))) for _ in range(length))
