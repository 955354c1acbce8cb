"""Finding genes in running text, by the names that the graph knows, and cutting sentences into tagged words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.text.term_names import TermNames
from rbio_kg.verifiers.text.vocabulary import GENE, KIND_NOUNS, SUFFIXES, TRIGGERS, VOCABULARY, Word, plain, words_of

TOKEN = re.compile(r"\w+(?:[-'.\N{RIGHT SINGLE QUOTATION MARK}\N{NON-BREAKING HYPHEN}]\w+)*|[,/:&()\N{EN DASH}-]")
_GREEK = {
    "\N{GREEK SMALL LETTER ALPHA}": ("alpha", "A"),
    "\N{GREEK SMALL LETTER BETA}": ("beta", "B"),
    "\N{GREEK SMALL LETTER GAMMA}": ("gamma", "G"),
    "\N{GREEK SMALL LETTER DELTA}": ("delta", "D"),
    "\N{GREEK SMALL LETTER KAPPA}": ("kappa", "K"),
}
_SPELT = {"alpha": "A", "beta": "B", "gamma": "G", "delta": "D", "kappa": "K"}
SHORTEST_ALIAS = 4
"""Other names without a digit are only trusted from this length on: shorter ones are mostly common words."""
MOST_WORDS = 100_000
"""So many different words are remembered before all are forgotten."""
ORDINARY = words_of("""
    ace aid ask bad bid cap caps cast cat chat clock coil comp cope des fast fat fit fog gale gap gas hip ide
    impact ins jag kit large lax link lump mak mal map marco max mb met mice mob moan nick nodal not notum out
    pal pam par pay pdf per pig pip pole poll prep proc ran red ref rel rest ret rod sacs sell set she ship ski
    son spark spring star step stop tat tec the toll trap trio tub van was wiz
""")
"""Symbols that are words first: with one capital letter ("Rest", "Max") they are not read as genes."""
_FORMULAS = frozenset(("co2", "h2o2", "g1", "g2", "s1", "m1"))
"""Not read as other names of genes: chemical formulas and phases of the cell cycle."""
ACRONYMS = frozenset(("TF", "GC", "T", "PC", "CP", "CS", "HR", "AR", "MT", "DR"))
"""Symbols that are abbreviations as often: not read as genes after an article ("the TF")."""


@dataclass(frozen=True, slots=True)
class GeneMention:
    """A gene named in a text, at characters `start` to `end`."""

    start: int
    end: int
    symbol: str


class Sentence:
    """A sentence as tagged words: `tags[i]` is the letter of `words[i]`. Where each stands is worked out when asked."""

    __slots__ = ("_lexicon", "_spans", "asked_names", "kept", "tags", "text", "words")

    def __init__(self, text: str, words: list[Word], lexicon: Lexicon) -> None:
        self.text = text
        self.words = words
        self.tags = "".join([word.tag for word in words])
        self.kept: list[int] | None = None
        """Which of the words first read are left; None: all."""
        self.asked_names = False
        """Whether approved names of several words were looked for."""
        self._lexicon = lexicon
        self._spans: list[tuple[int, int]] | None = None

    def keep(self, places: list[int]) -> None:
        """Leave out all words but those at the given places."""
        self.words = [self.words[i] for i in places]
        self.tags = "".join([self.tags[i] for i in places])
        self.kept = places if self.kept is None else [self.kept[i] for i in places]

    def span(self, i: int) -> tuple[int, int]:
        """First character of word i, and the one behind its last."""
        if self._spans is None:
            self._spans = self._lexicon.spans(self.text)
        return self._spans[i if self.kept is None else self.kept[i]]


_Parts = tuple[tuple[Word, int, int], ...]


class _Memory(dict[str, tuple[Word, ...]]):
    """Each different word's parts, worked out once; `spans` says where each part stands in the word."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.spans: dict[str, tuple[tuple[int, int], ...]] = {}

    def __missing__(self, raw: str) -> tuple[Word, ...]:
        if len(self) >= MOST_WORDS:
            self.clear()
            self.spans.clear()
        parts = self._lexicon.parts(raw)
        self.spans[raw] = tuple([(start, end) for _, start, end in parts])
        self[raw] = words = tuple([word for word, _, _ in parts])
        return words


class Lexicon:
    """The names of one snapshot, looked up in texts. Opens what it needs at first use."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._memory = _Memory(self)

    @cached_property
    def places(self) -> TermNames:
        """Names of terms and pathways."""
        return TermNames(self.snapshot)

    @cached_property
    def _gene_names(self) -> dict[str, dict[tuple[str, ...], str]]:
        """First word to the approved names of two to five words that begin with it, each with its symbol."""
        found: dict[str, dict[tuple[str, ...], str]] = {}
        for symbol, name in zip(self.snapshot.genes.keys, self.snapshot.gene_names, strict=True):
            words = tuple(name.lower().split())
            if 2 <= len(words) <= 5:
                found.setdefault(words[0], {})[words] = symbol
        return found

    @cached_property
    def later_words(self) -> frozenset[str]:
        """All words of approved names of several words but the first, in lower case."""
        return frozenset(word for names in self._gene_names.values() for name in names for word in name[1:])

    def genes(self, sentence: str) -> list[GeneMention]:
        """Genes named in a sentence, from left to right.

        An approved symbol counts in its exact letter case (WAS is a gene, was is not), in any case when it has a digit,
        and with one capital ("Myc") unless it is an ordinary word; another name counts when it has a digit or hyphen,
        or is in capitals and long enough. In a sentence that is all capitals, names without a digit could be ordinary
        words and do not count.
        """
        read = self.read(sentence)
        return [GeneMention(*read.span(i), word.gene) for i, word in enumerate(read.words) if word.gene is not None]

    def read(self, text: str) -> Sentence:
        """Cut a sentence into tagged words."""
        memory = self._memory
        words = [word for raw in TOKEN.findall(text) for word in memory[raw]]
        sentence = Sentence(text, words, self)
        if GENE in sentence.tags:
            self._reconsider(sentence)
        sentence.asked_names = "g" in sentence.tags
        if sentence.asked_names:
            self._spell_out(sentence)
        return sentence

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where each word of a sentence begins and ends, before any is left out."""
        if any(raw not in self._memory for raw in TOKEN.findall(text)):
            self.read(text)
        return [
            (match.start() + start, match.start() + end)
            for match in TOKEN.finditer(text)
            for start, end in self._memory.spans[match.group()]
        ]

    def _reconsider(self, sentence: Sentence) -> None:
        """Symbols that are something else where they stand: all in capitals, before a kind noun, after an article."""
        words, tags = sentence.words, sentence.tags
        shouted = sentence.text.isupper() and sum(word.gene is None and word.text.isalpha() for word in words) > 1
        i = tags.find(GENE)
        while i >= 0:
            word = words[i]
            other = (
                (i + 1 < len(words) and words[i + 1].text in KIND_NOUNS)
                or (shouted and word.text.isalpha())
                or (word.gene in ACRONYMS and word.text == word.gene.lower() and tags[max(i - 1, 0)] == "D")
            )
            if other:
                words[i] = Word("x", word.text)
                tags = f"{tags[:i]}x{tags[i + 1 :]}"
            i = tags.find(GENE, i + 1)
        sentence.tags = tags

    def _spell_out(self, sentence: Sentence) -> None:
        """Approved names of several words ("cyclin D1") become their gene."""
        words, tags = sentence.words, sentence.tags
        left = list(range(len(words)))
        i = tags.find("g")
        while i >= 0:
            known = self._gene_names[words[i].text]
            for length in range(min(5, len(words) - i), 1, -1):
                symbol = known.get(tuple([word.text for word in words[i : i + length]]))
                if symbol is not None:
                    words[i] = Word(GENE, symbol.lower(), gene=symbol)
                    tags = f"{tags[:i]}{GENE}{'x' * (length - 1)}{tags[i + length :]}"
                    left = [k for k in left if not i < k < i + length]
                    break
            i = tags.find("g", i + 1)
        sentence.tags = tags.replace("g", "x")
        if len(left) < len(words):
            sentence.keep(left)

    def parts(self, raw: str) -> _Parts:
        """A word of a text as tagged words, each with where it begins and ends in it."""
        word = raw.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{NON-BREAKING HYPHEN}", "-")
        word = word.removesuffix("'s").removesuffix("'")
        lower = word.lower()
        symbol = self._symbol(word, lower)
        if symbol is not None:
            return ((Word(GENE, lower, gene=symbol), 0, len(word)),)
        known = VOCABULARY.get(lower)
        if known is not None:
            return ((known, 0, len(raw)),)
        for mark in ("-", "."):
            if mark in word:
                return self._pieces(word, lower, mark)
        if lower in self._gene_names and not word.isdigit():
            return ((Word("g", lower), 0, len(raw)),)
        return ((plain(lower), 0, len(raw)),)

    def _pieces(self, word: str, lower: str, mark: str) -> _Parts:
        """A hyphenated word: two genes, a gene with a suffix, or one word."""
        head, _, tail = word.rpartition(mark)
        ahead = self.parts(head)
        if not any(part.gene for part, _, _ in ahead):
            behind = self._symbol(tail, tail.lower())
            if behind is None or behind != tail:
                return ((plain(lower), 0, len(word)),)
        begin = len(head) + len(mark)
        suffix = SUFFIXES.get(tail.lower())
        if suffix is not None:
            return (*ahead, (suffix, begin, len(word)))
        rest = tuple((part, begin + start, begin + end) for part, start, end in self.parts(tail))
        if rest[0][0].tag in TRIGGERS:
            rest = ((Word("d", tail.lower()), begin, len(word)),)
        joint = (Word("/", mark), len(head), begin)
        return (*ahead, joint, *rest) if rest[0][0].gene else (*ahead, *rest)

    def _symbol(self, word: str, lower: str) -> str | None:
        genes = self.snapshot.genes
        if word in genes:
            return word
        if lower in _FORMULAS:
            return None
        digit = any(character.isdigit() for character in word)
        greek = any(character in _GREEK for character in word)
        if word.isdigit() or word[0].isdigit():
            return None
        if digit or greek or "-" in word:
            for form in _variants(word):
                symbol = form if form in genes else self.snapshot.resolve(form)
                if symbol is not None and (digit or greek or form == word):
                    return symbol
            return None
        if word.isupper():
            known = len(word) >= SHORTEST_ALIAS and lower not in VOCABULARY
            return self.snapshot.resolve(word) if known else None
        capitals = sum(character.isupper() for character in word)
        if len(word) > 2 and (capitals > 1 or word.istitle()) and lower not in ORDINARY and lower not in VOCABULARY:
            return word.upper() if word.upper() in genes else None
        return None


def _variants(word: str) -> list[str]:
    """Ways to spell a name with Greek letters, hyphens or dots."""
    names, letters = word, word
    for letter, (name, short) in _GREEK.items():
        names, letters = names.replace(letter, name), letters.replace(letter, short)
    for name, short in _SPELT.items():
        letters = letters.replace(name, short)
    forms = [word, names, letters]
    forms += [form.replace("-", "").replace(".", "") for form in forms]
    return list(dict.fromkeys([*forms, *(form.upper() for form in forms)]))
