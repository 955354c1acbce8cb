"""Parses each sentence template once: sentences that differ in their genes only have the same template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.lexicon import ACRONYMS, MOST_WORDS, TOKEN, Lexicon
from rbio_kg.verifiers.text.parsing.clauses import parse_sentence
from rbio_kg.verifiers.text.parsing.parse_state import Certainty, Polarity, RawStatement
from rbio_kg.verifiers.text.term_names import TermRef
from rbio_kg.verifiers.text.vocabulary import KIND_NOUNS, VOCABULARY

MOST_TEMPLATES = 20_000
"""Number of templates in the cache before it is emptied."""
_TERM = -1
"""In a template: the object is a term or pathway."""
_OTHER_WORDS = frozenset(VOCABULARY) | KIND_NOUNS
_Slot = str | tuple[str, ...]
_Key = tuple[int, tuple[_Slot, ...], tuple[int, ...]]


class _Chunk(NamedTuple):
    """What a sentence has between two spaces.

    Args:
        slot: equal for chunks that differ in their genes only, unless a gene's name is a word of another kind too.
        genes: approved symbols of the genes named in it.
        names: each as it is written, in lower case.
    """

    slot: _Slot
    genes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class _Chunks(dict[str, _Chunk]):
    """A cache of chunks by their text."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def __missing__(self, text: str) -> _Chunk:
        if len(self) >= MOST_WORDS:
            self.clear()
        self[text] = chunk = self._chunk(text)
        return chunk

    def _chunk(self, text: str) -> _Chunk:
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
        ambiguous = not ACRONYMS.isdisjoint(genes) or not _OTHER_WORDS.isdisjoint(names)
        return _Chunk(text if ambiguous else (*rest, text[end:]), tuple(genes), tuple(names))


class _TemplateStatement(NamedTuple):
    """A statement with numbers instead of genes; the object is `_TERM` where it is one of `terms`."""

    subject: int
    relation: Relation
    object: int
    polarity: Polarity
    certainty: Certainty
    terms: tuple[TermRef, ...]


class _Template(NamedTuple):
    """What sentences of one template state. Genes are numbered: first those of the topic, then those mentioned.

    Args:
        statements: what is stated.
        first: the gene that "it" means in the next sentence; None where the topic stays.
        depends: whether the statements depend on the topic.
        in_names: which mentions may be a word of a longer gene name.
        in_terms: which mentions may be a word of the name of a term or pathway.
    """

    statements: list[_TemplateStatement]
    first: int | None
    depends: bool
    in_names: list[int]
    in_terms: list[int]


class SentenceParse(NamedTuple):
    """The result of parsing a sentence.

    Args:
        statements: what it states.
        topic: the genes that "it" means after it.
        depends: whether the statements depend on the topic ahead of it.
    """

    statements: Sequence[RawStatement]
    topic: tuple[str, ...]
    depends: bool


class SentenceReader:
    """Parses sentences by the names of one lexicon, each template once.

    Args:
        lexicon: names of genes, terms and pathways.

    Example:
        >>> reader = SentenceReader(example_lexicon())
        >>> [(item.subject, item.object) for item in reader.read("It binds MYC and SP1.", ("TP53",)).statements]
        [('TP53', 'MYC'), ('TP53', 'SP1')]
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._chunks = _Chunks(lexicon)
        self._templates: dict[_Key, _Template] = {}

    def read(self, text: str, topic: tuple[str, ...]) -> SentenceParse:
        """What a sentence states; `topic` are the genes that "it" means at its beginning."""
        chunks = [self._chunks[chunk] for chunk in text.split(" ")]
        mentioned = [gene for chunk in chunks for gene in chunk.genes]
        genes = list(dict.fromkeys((*topic, *mentioned)))
        numbers = {gene: number for number, gene in enumerate(genes)}
        # In capitals throughout, the letters of a gene decide whether it is read as one.
        slots = (text,) if text.isupper() else tuple([chunk.slot for chunk in chunks])
        key = (len(topic), slots, tuple([numbers[gene] for gene in mentioned]))
        template = self._templates.get(key)
        if template is not None and self._fits(template, chunks):
            return _filled(template, text, genes, topic)
        parse, template = self._parse(text, topic, mentioned, numbers)
        if template is not None and self._fits(template, chunks):
            if len(self._templates) >= MOST_TEMPLATES:
                self._templates.clear()
            self._templates[key] = template
        return parse

    def _parse(
        self, text: str, topic: tuple[str, ...], mentioned: list[str], numbers: dict[str, int]
    ) -> tuple[SentenceParse, _Template | None]:
        """A sentence's parse and its template; none where the chunks have other genes than the sentence."""
        sentence = self.lexicon.read(text)
        found = [(word.gene, sentence.span(i)) for i, word in enumerate(sentence.words) if word.gene is not None]
        sought_names = sentence.sought_names
        state = parse_sentence(sentence, self.lexicon, topic)
        parse = SentenceParse(
            state.statements if found or topic else (),
            (found[0][0],) if found else topic,
            state.uses_topic or not found,
        )
        if [gene for gene, _ in found] != mentioned:
            return parse, None
        in_terms = [
            number
            for number, (_, (start, end)) in enumerate(found)
            if any(first <= start and end <= last for first, last in state.term_spans)
        ]
        template = _Template(
            [
                _TemplateStatement(
                    numbers[raw.subject], raw.relation, _TERM if raw.terms else numbers[raw.object], raw.polarity,
                    raw.certainty, raw.terms,
                )
                for raw in parse.statements
            ],
            numbers[mentioned[0]] if mentioned else None,
            parse.depends,
            list(range(len(found))) if sought_names else [],
            in_terms,
        )  # fmt: skip
        return parse, template

    def _fits(self, template: _Template, chunks: Sequence[_Chunk]) -> bool:
        """Whether no gene, as it is written here, may be a word of another name."""
        if not template.in_names and not template.in_terms:
            return True
        names = [name for chunk in chunks for name in chunk.names]
        return not any(names[i] in self.lexicon.later_words for i in template.in_names) and all(
            self.lexicon.term_names.ignores(names[i]) for i in template.in_terms
        )


def _filled(template: _Template, text: str, genes: list[str], topic: tuple[str, ...]) -> SentenceParse:
    """What the template states of these genes."""
    statements = [
        RawStatement(
            text, genes[item.subject], item.relation, item.terms[0].key if item.terms else genes[item.object],
            item.polarity, item.certainty, item.terms,
        )
        for item in template.statements
    ]  # fmt: skip
    return SentenceParse(statements, topic if template.first is None else (genes[template.first],), template.depends)
