"""Taking the checkable statements out of a text: who does what to whom, denied or not, sure or not.

A rule-based reader for the plain sentences that models and abstracts write. Whatever it does not understand it leaves
out. Speaking of a gene's knockdown turns what follows into a knockdown relation, never into a statement about what the
gene itself does; what changes without a doer ("HBB falls after loss of GATA1") is laid to the lost gene.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from rbio_kg.claims import Relation
from verifiers.assertions import Certainty, Polarity, RawStatement
from verifiers.clauses import TRIGGER, ClauseReader
from verifiers.mentions import Lexicon, Sentence
from verifiers.wordings import GENE

MOST_STATEMENTS = 200
"""No more are taken out of one text."""
MOST_REMEMBERED = 20_000
"""So many different sentences are remembered before all are forgotten."""
_SENTENCE = re.compile(r"[^.!?;\n]+(?:[.](?=\S)[^.!?;\n]*)*[.!?;\n]?")
_PIECE = re.compile(r"\S.{0,999}(?!\S)|\S{1,1000}", re.DOTALL)
"""A sentence is read in pieces of at most so many characters, so that the time stays linear in the text."""


T = TypeVar("T")
_Shape = tuple[list[tuple[int, Relation, int, Polarity, Certainty]], bool]


class StatementReader(Generic[T]):
    """Reads texts by the names of one lexicon; remembers the sentences that it has read.

    Args:
        lexicon: names of genes, terms and pathways.
        finish: what becomes of a statement, worked out once for each sentence.
    """

    def __init__(self, lexicon: Lexicon, finish: Callable[[RawStatement], T]) -> None:
        self.lexicon = lexicon
        self._finish = finish
        self._shapes: dict[tuple[int, str, str], _Shape] = {}
        self._memory: dict[str | tuple[str, tuple[str, ...]], tuple[list[T], tuple[str, ...]]] = {}

    def read(self, text: str, limit: int = MOST_STATEMENTS) -> list[T]:
        """The statements of a text in the order in which it makes them, at most `limit`."""
        found: list[T] = []
        topic: tuple[str, ...] = ()
        for match in _SENTENCE.finditer(text):
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
        sentence = self.lexicon.read(text)
        first = sentence.tags.find(GENE)
        named = topic if first < 0 else (sentence.words[first].gene or "",)
        statements: list[T] = []
        depends = first < 0
        if TRIGGER.search(sentence.tags) and (first >= 0 or topic):
            raw, used_topic = self._read(sentence, topic)
            statements = [self._finish(item) for item in raw]
            depends = depends or used_topic
        if len(self._memory) >= MOST_REMEMBERED:
            self._memory.clear()
        known = statements, named
        self._memory[(text, topic) if depends else text] = known
        return known

    def _read(self, sentence: Sentence, topic: tuple[str, ...]) -> tuple[Sequence[RawStatement], bool]:
        """What a sentence states, and whether that depends on the topic.

        Sentences that differ in their genes only are read once.
        """
        order = dict.fromkeys(topic)
        order |= dict.fromkeys([word.gene for word in sentence.words if word.gene is not None])
        genes = list(order)
        numbers = {gene: f"\0{number}" for number, gene in enumerate(genes)}
        names = [word.text if word.gene is None else numbers[word.gene] for word in sentence.words]
        shape = (len(topic), sentence.tags, " ".join(names))
        known = self._shapes.get(shape)
        if known is not None:
            return [RawStatement(sentence.text, genes[one], relation, genes[other], polarity, certainty)
                    for one, relation, other, polarity, certainty in known[0]], known[1]  # fmt: skip
        reader = ClauseReader(sentence, self.lexicon, topic)
        statements = reader.read()
        if not reader.asked_places:
            if len(self._shapes) >= MOST_REMEMBERED:
                self._shapes.clear()
            numbered = [
                (genes.index(raw.subject), raw.relation, genes.index(raw.object), raw.polarity, raw.certainty)
                for raw in statements
            ]
            self._shapes[shape] = numbered, reader.used_topic
        return statements, reader.used_topic
