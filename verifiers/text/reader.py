"""Taking the checkable statements out of a text: who does what to whom, denied or not, sure or not.

A rule-based reader for the plain sentences that models and abstracts write. Whatever it does not understand it leaves
out. Speaking of a gene's knockdown turns what follows into a knockdown relation, never into a statement about what the
gene itself does; what changes without a doer ("HBB falls after loss of GATA1") is laid to the lost gene.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, TypeVar

from rbio_kg.verifiers.text.assertions import RawStatement
from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.templates import SentenceReader

MOST_STATEMENTS = 200
"""No more are taken out of one text."""
MOST_REMEMBERED = 20_000
"""So many different sentences are remembered before all are forgotten."""
_SENTENCE = re.compile(r"[^.!?;\n]+(?:[.](?=\S)[^.!?;\n]*)*[.!?;\n]?")
_TAG = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)
"""Marks of a completion's parts, which end a sentence; "think" in them is no hedge."""
_PIECE = re.compile(r"\S.{0,999}(?!\S)|\S{1,1000}", re.DOTALL)
"""A sentence is read in pieces of at most so many characters, so that the time stays linear in the text."""


T = TypeVar("T")


class StatementReader(Generic[T]):
    """Reads texts by the names of one lexicon; remembers what sentences state that come again.

    Args:
        lexicon: names of genes, terms and pathways.
        finish: what becomes of a statement, worked out once for each sentence.
    """

    def __init__(self, lexicon: Lexicon, finish: Callable[[RawStatement], T]) -> None:
        self._finish = finish
        self._reader = SentenceReader(lexicon)
        self._once: set[str] = set()
        self._memory: dict[str | tuple[str, tuple[str, ...]], tuple[list[T], tuple[str, ...]]] = {}

    def read(self, text: str, limit: int = MOST_STATEMENTS) -> list[T]:
        """The statements of a text in the order in which it makes them, at most `limit`."""
        found: list[T] = []
        topic: tuple[str, ...] = ()
        for match in _SENTENCE.finditer(_TAG.sub("\n", text)):
            sentence = match.group().strip()
            if sentence.endswith("?"):
                continue
            for piece in (sentence,) if len(sentence) <= 1000 else _PIECE.findall(sentence):
                statements, topic = self._sentence(piece, topic)
                found.extend(statements)
                if len(found) >= limit:
                    return found[:limit]
        return found

    def _sentence(self, text: str, topic: tuple[str, ...]) -> tuple[list[T], tuple[str, ...]]:
        """A sentence's statements, and the gene that "it" means after it."""
        known = self._memory.get(text) or self._memory.get((text, topic))
        if known is not None:
            return known
        reading = self._reader.read(text, topic)
        known = [self._finish(item) for item in reading.statements], reading.topic
        if text in self._once:
            if len(self._memory) >= MOST_REMEMBERED:
                self._memory.clear()
            self._memory[(text, topic) if reading.depends else text] = known
        else:
            if len(self._once) >= MOST_REMEMBERED:
                self._once.clear()
            self._once.add(text)
        return known
