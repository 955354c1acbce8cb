"""Sentences that differ in their genes only have one shape, which is read once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.assertions import Certainty, Polarity, RawStatement
from rbio_kg.verifiers.text.clauses import ClauseReader
from rbio_kg.verifiers.text.lexicon import ACRONYMS, MOST_WORDS, TOKEN, Lexicon
from rbio_kg.verifiers.text.term_names import TermRef
from rbio_kg.verifiers.text.vocabulary import KIND_NOUNS, VOCABULARY

MOST_TEMPLATES = 20_000
"""So many are remembered before all are forgotten."""
_OTHER_WORDS = frozenset(VOCABULARY) | KIND_NOUNS
_Slot = str | tuple[str, ...]


class _Chunk(NamedTuple):
    """What a sentence writes between two spaces.

    Args:
        slot: equal for chunks that differ in their genes only, where those are words of no other kind.
        genes: approved symbols of the genes named in it.
        names: each as it is written, in lower case.
    """

    slot: _Slot
    genes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class _Chunks(dict[str, _Chunk]):
    """Each different chunk, worked out once."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def __missing__(self, text: str) -> _Chunk:
        if len(self) >= MOST_WORDS:
            self.clear()
        self[text] = chunk = self._cut(text)
        return chunk

    def _cut(self, text: str) -> _Chunk:
        genes, names, rest, end = list[str](), list[str](), list[str](), 0
        for token in TOKEN.finditer(text):
            for word, start, stop in self._lexicon.parts(token.group()):
                if word.gene is not None:
                    genes.append(word.gene)
                    names.append(word.text)
                    rest.append(text[end : token.start() + start])
                    end = token.start() + stop
        if not genes:
            return _Chunk(text)
        known = not ACRONYMS.isdisjoint(genes) or not _OTHER_WORDS.isdisjoint(names)
        return _Chunk(text if known else (*rest, text[end:]), tuple(genes), tuple(names))


class _Template(NamedTuple):
    """What sentences of one shape state. Genes are numbers: those that "it" means, then in the order of their mention.

    Args:
        statements: each with subject, relation, object (-1 for a place), polarity, certainty and places.
        first: the gene that "it" means in the next sentence; None for the same as before.
        depends: whether it matters what "it" means.
        in_names: which mentions stand where a longer approved name may.
        in_places: which mentions stand where the name of a term or pathway may.
    """

    statements: list[tuple[int, Relation, int, Polarity, Certainty, tuple[TermRef, ...]]]
    first: int | None
    depends: bool
    in_names: list[int]
    in_places: list[int]


class Reading(NamedTuple):
    """What a sentence states, what "it" means after it, and whether what "it" meant before it matters."""

    statements: Sequence[RawStatement]
    topic: tuple[str, ...]
    depends: bool


class SentenceReader:
    """Reads sentences by the names of one lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._chunks = _Chunks(lexicon)
        self._templates: dict[tuple[int, tuple[_Slot, ...], tuple[int, ...]], _Template] = {}

    def read(self, text: str, topic: tuple[str, ...]) -> Reading:
        """What a sentence states; `topic` are the genes that "it" means at its beginning."""
        chunks = [self._chunks[chunk] for chunk in text.split(" ")]
        mentioned = [gene for chunk in chunks for gene in chunk.genes]
        genes = list(dict.fromkeys((*topic, *mentioned)))
        numbers = {gene: number for number, gene in enumerate(genes)}
        # Where all is in capitals a gene's own letters decide whether it is read as one.
        slots = (text,) if text.isupper() else tuple([chunk.slot for chunk in chunks])
        key = (len(topic), slots, tuple([numbers[gene] for gene in mentioned]))
        shape = self._templates.get(key)
        if shape is not None and self._fits(shape, chunks):
            statements = [
                RawStatement(
                    text, genes[one], relation, places[0].key if places else genes[other], polarity, certainty, places
                )
                for one, relation, other, polarity, certainty, places in shape.statements
            ]
            return Reading(statements, topic if shape.first is None else (genes[shape.first],), shape.depends)
        sentence = self.lexicon.read(text)
        read = [(word.gene, sentence.span(i)) for i, word in enumerate(sentence.words) if word.gene is not None]
        reader = ClauseReader(sentence, self.lexicon, topic)
        reading = Reading(
            reader.read() if read or topic else (),
            (read[0][0],) if read else topic,
            reader.used_topic or not read,
        )
        if [gene for gene, _ in read] == mentioned:
            shape = _Template(
                [
                    (numbers[raw.subject], raw.relation, -1 if raw.places else numbers[raw.object], raw.polarity,
                     raw.certainty, raw.places)
                    for raw in reading.statements
                ],
                numbers[mentioned[0]] if mentioned else None,
                reading.depends,
                list(range(len(read))) if sentence.asked_names else [],
                [
                    i
                    for i, (_, (start, end)) in enumerate(read)
                    if any(first <= start and end <= last for first, last in reader.looked)
                ],
            )  # fmt: skip
            if self._fits(shape, chunks):
                if len(self._templates) >= MOST_TEMPLATES:
                    self._templates.clear()
                self._templates[key] = shape
        return reading

    def _fits(self, shape: _Template, chunks: Sequence[_Chunk]) -> bool:
        """Whether no gene, as it is spelt here, may be a word of another name."""
        if not shape.in_names and not shape.in_places:
            return True
        names = [name for chunk in chunks for name in chunk.names]
        return not any(names[i] in self.lexicon.later_words for i in shape.in_names) and all(
            self.lexicon.places.ignores(names[i]) for i in shape.in_places
        )
