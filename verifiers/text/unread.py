"""The sentences of a text from which no statement was read, each with the reason where it is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.reader import StatementReader
from rbio_kg.verifiers.text.sentences import is_interrogative
from rbio_kg.verifiers.text.vocabulary import words_of

_SYMBOL = re.compile(r"\b[A-Z](?=[A-Z0-9-]*[A-Z0-9])[A-Z0-9]*(?:-?[A-Z0-9]+)*\b")
"""A word that looks like a gene symbol."""
_NO_GENES = words_of("DNA RNA MRNA ATP GTP KO KD GO UV ES EMT CRISPR SIRNA I II III IV")
"""Words in capitals that name no gene."""


@dataclass(frozen=True)
class UnreadSentence:
    """A sentence without a statement.

    Args:
        text: the sentence.
        reason: why, for people.
        names: names in it that look like genes and are not in this graph.
    """

    text: str
    reason: str
    names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The sentence as plain JSON values."""
        return {"text": self.text, "reason": self.reason, "names": list(self.names)}


def unread_sentences(reader: StatementReader[Any], lexicon: Lexicon, text: str) -> list[UnreadSentence]:
    """The sentences of a text without a statement, in its order.

    Example:
        >>> lexicon = example_lexicon()
        >>> reader = StatementReader(lexicon, lambda raw: raw)
        >>> text = "TP53 activates MDM2. GATA1 activates HBB. TP53 is old. Does it bind MYC?"
        >>> [item.reason for item in unread_sentences(reader, lexicon, text)]
        ['not in this graph: GATA1, HBB', 'no relation recognised', 'a question']
    """
    return [_why(sentence, lexicon) for sentence, found in reader.sentences(text) if not found and _has_words(sentence)]


def _has_words(sentence: str) -> bool:
    return any(character.isalpha() for character in sentence)


def _why(sentence: str, lexicon: Lexicon) -> UnreadSentence:
    if is_interrogative(sentence):
        return UnreadSentence(sentence, "a question")
    genes = lexicon.genes(sentence)
    known = {range(gene.start, gene.end) for gene in genes}
    names = tuple(
        dict.fromkeys(
            match.group()
            for match in _SYMBOL.finditer(sentence)
            if match.group() not in _NO_GENES and not any(match.start() in span for span in known)
        )
    )
    if names and not sentence.isupper():
        return UnreadSentence(sentence, f"not in this graph: {', '.join(names)}", names)
    return UnreadSentence(sentence, "no relation recognised" if genes else "names no gene of this graph")
