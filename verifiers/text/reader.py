"""Extracts the statements of a text: who does what to whom, affirmed or negated, asserted or hedged.

A rule-based reader for the plain sentences that models and abstracts write. It leaves out whatever it does not
understand. What is said of a gene's knockdown becomes a knockdown relation, never a statement about the gene itself. A
change without an agent ("HBB falls after loss of GATA1") is attributed to the lost gene.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.parsing.parse_state import RawStatement
from rbio_kg.verifiers.text.sentences import is_interrogative, split_sentences
from rbio_kg.verifiers.text.templates import SentenceReader

MOST_STATEMENTS = 200
"""Limit on the statements of one text."""
MOST_CACHED = 20_000
"""Number of different sentences in the cache before it is emptied."""
LONGEST_PIECE = 1000
"""Longer sentences are read in pieces of this length in characters: the time stays linear in the text."""
_TAG = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)
"""Tags of a completion end a sentence. Without this, "think" would be a hedge."""
_PIECE = re.compile(rf"\S.{{0,{LONGEST_PIECE - 1}}}(?!\S)|\S{{1,{LONGEST_PIECE}}}", re.DOTALL)

T = TypeVar("T")


class StatementReader(Generic[T]):
    """Reads texts by the names of one lexicon, with a cache of sentences that occur more than once.

    Args:
        lexicon: names of genes, terms and pathways.
        finish: what becomes of a statement, computed once for each sentence.

    Example:
        >>> reader = StatementReader(example_lexicon(), lambda raw: (raw.subject, str(raw.relation), raw.object))
        >>> reader.read("TP53 activates MDM2. Does it bind MYC? It represses SP1.")
        [('TP53', 'activates', 'MDM2'), ('TP53', 'represses', 'SP1')]
    """

    def __init__(self, lexicon: Lexicon, finish: Callable[[RawStatement], T]) -> None:
        self._finish = finish
        self._reader = SentenceReader(lexicon)
        self._seen_once: set[str] = set()
        self._cache: dict[str | tuple[str, tuple[str, ...]], tuple[list[T], tuple[str, ...]]] = {}

    def read(self, text: str, limit: int = MOST_STATEMENTS) -> list[T]:
        """The statements of a text in the order in which it makes them, at most `limit`."""
        found: list[T] = []
        for _, statements in self.sentences(text):
            found.extend(statements)
            if len(found) >= limit:
                return found[:limit]
        return found

    def sentences(self, text: str) -> Iterator[tuple[str, list[T]]]:
        """Each sentence of a text with its statements. A question has none; a long sentence comes in pieces."""
        topic: tuple[str, ...] = ()
        for sentence in map(str.strip, split_sentences(_TAG.sub("\n", text))):
            if is_interrogative(sentence):
                yield sentence, []
                continue
            for piece in (sentence,) if len(sentence) <= LONGEST_PIECE else _PIECE.findall(sentence):
                statements, topic = self._sentence(piece, topic)
                yield piece, statements

    def _sentence(self, text: str, topic: tuple[str, ...]) -> tuple[list[T], tuple[str, ...]]:
        """A sentence's statements, and the genes that "it" means after it."""
        known = self._cache.get(text) or self._cache.get((text, topic))
        if known is not None:
            return known
        parse = self._reader.read(text, topic)
        known = [self._finish(item) for item in parse.statements], parse.topic
        if text in self._seen_once:
            if len(self._cache) >= MOST_CACHED:
                self._cache.clear()
            self._cache[(text, topic) if parse.depends else text] = known
        else:
            if len(self._seen_once) >= MOST_CACHED:
                self._seen_once.clear()
            self._seen_once.add(text)
        return known
