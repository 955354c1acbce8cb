"""Finds genes in running text by the names that the graph knows, and splits sentences into tagged words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.text.tags import Tag, letters
from rbio_kg.verifiers.text.term_names import TermNames
from rbio_kg.verifiers.text.vocabulary import KIND_NOUNS, SUFFIXES, VOCABULARY, Word, plain, words_of

TOKEN = re.compile(r"\w+(?:[-'.\N{RIGHT SINGLE QUOTATION MARK}\N{NON-BREAKING HYPHEN}]\w+)*|[,/:&()\N{EN DASH}-]")
_GREEK = {
    "\N{GREEK SMALL LETTER ALPHA}": ("alpha", "A"),
    "\N{GREEK SMALL LETTER BETA}": ("beta", "B"),
    "\N{GREEK SMALL LETTER GAMMA}": ("gamma", "G"),
    "\N{GREEK SMALL LETTER DELTA}": ("delta", "D"),
    "\N{GREEK SMALL LETTER KAPPA}": ("kappa", "K"),
}
_SPELLED_OUT = {"alpha": "A", "beta": "B", "gamma": "G", "delta": "D", "kappa": "K"}
SHORTEST_ALIAS = 4
"""Aliases without a digit count from this length on: shorter ones are mostly common words."""
MOST_WORDS = 100_000
"""Number of different words in the cache before it is emptied."""
ORDINARY = words_of("""
    ace aid ask bad bid cap caps cast cat chat clock coil comp cope des fast fat fit fog gale gap gas hip ide
    impact ins jag kit large lax link lump mak mal map marco max mb met mice mob moan nick nodal not notum out
    pal pam par pay pdf per pig pip pole poll prep proc ran red ref rel rest ret rod sacs sell set she ship ski
    son spark spring star step stop tat tec the toll trap trio tub van was wiz
""")
"""Symbols that are ordinary words: with one capital letter ("Rest", "Max") they are not read as genes."""
_FORMULAS = frozenset(("co2", "h2o2", "g1", "g2", "s1", "m1"))
"""Not read as aliases of genes: chemical formulas and phases of the cell cycle."""
CONVENTIONAL = {
    "p14": "CDKN2A", "p16": "CDKN2A", "p21": "CDKN1A", "p27": "CDKN1B", "p57": "CDKN1C", "p38": "MAPK14",
    "p50": "NFKB1", "p300": "EP300", "p63": "TP63", "p73": "TP73", "Rb": "RB1", "pRb": "RB1",
}  # fmt: skip
"""Names that texts use for one gene, although several genes have them as an alias."""
ACRONYMS = frozenset(("TF", "GC", "T", "PC", "CP", "CS", "HR", "AR", "MT", "DR"))
"""Symbols that are also common abbreviations: not read as genes after an article ("the TF")."""
_TRIGGERS = letters("TRIGGER")


@dataclass(frozen=True, slots=True)
class GeneMention:
    """A gene named in a text, at characters `start` to `end`."""

    start: int
    end: int
    symbol: str


class Sentence:
    """A sentence as tagged words: `tags[i]` is the letter of `words[i]`. Their spans are computed on demand.

    Args:
        text: the sentence as written.
        words: its words.
        lexicon: what computes the spans.

    Attributes:
        kept: positions, among all words of the text, of the words that are left; None for all.
        sought_names: whether gene names of several words were looked up.
    """

    __slots__ = ("_lexicon", "_spans", "kept", "sought_names", "tags", "text", "words")

    def __init__(self, text: str, words: list[Word], lexicon: Lexicon) -> None:
        self.text = text
        self.words = words
        self.tags = "".join([word.tag for word in words])
        self.kept: list[int] | None = None
        self.sought_names = False
        self._lexicon = lexicon
        self._spans: list[tuple[int, int]] | None = None

    def keep(self, positions: list[int]) -> None:
        """Leave out all words but those at the given positions."""
        self.words = [self.words[i] for i in positions]
        self.tags = "".join([self.tags[i] for i in positions])
        self.kept = positions if self.kept is None else [self.kept[i] for i in positions]

    def span(self, i: int) -> tuple[int, int]:
        """First character of word i, and the one behind its last."""
        if self._spans is None:
            self._spans = self._lexicon.spans(self.text)
        return self._spans[i if self.kept is None else self.kept[i]]


_Parts = tuple[tuple[Word, int, int], ...]


class _WordCache(dict[str, tuple[Word, ...]]):
    """The parts of each different word; `spans` has the first and last character of each part within the word."""

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
    """The names of one snapshot, looked up in texts. Opens what it needs at first use.

    Args:
        snapshot: the graph whose names count.

    Example:
        >>> lexicon = example_lexicon()
        >>> [mention.symbol for mention in lexicon.genes("p53 binds MDM2 in the nucleus.")]
        ['TP53', 'MDM2']
        >>> lexicon.read("p53 strongly activates MDM2.").tags
        'GdAG'
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._cache = _WordCache(self)

    @cached_property
    def term_names(self) -> TermNames:
        """Names of terms and pathways."""
        return TermNames(self.snapshot)

    @cached_property
    def _gene_names(self) -> dict[str, dict[tuple[str, ...], str]]:
        """First word to the approved names of two to five words that begin with it, each with the gene's symbol."""
        found: dict[str, dict[tuple[str, ...], str]] = {}
        for symbol, name in zip(self.snapshot.genes.keys, self.snapshot.gene_names, strict=True):
            words = tuple(name.lower().split())
            if 2 <= len(words) <= 5:
                found.setdefault(words[0], {})[words] = symbol
        return found

    @cached_property
    def later_words(self) -> frozenset[str]:
        """Every word but the first of approved names of several words, in lower case."""
        return frozenset(word for names in self._gene_names.values() for name in names for word in name[1:])

    def genes(self, sentence: str) -> list[GeneMention]:
        """Genes named in a sentence, from left to right.

        - An approved symbol counts in its exact letter case (WAS is a gene, was is not), and in any case when it has a
          digit. With one capital letter ("Myc") it counts unless it is an ordinary word.
        - An alias counts when it has a digit or a hyphen, or is in capitals and long enough.
        - In a sentence that is all capitals, names without a digit could be ordinary words and do not count.
        """
        read = self.read(sentence)
        return [GeneMention(*read.span(i), word.gene) for i, word in enumerate(read.words) if word.gene is not None]

    def read(self, text: str) -> Sentence:
        """Split a sentence into tagged words."""
        cache = self._cache
        words = [word for raw in TOKEN.findall(text) for word in cache[raw]]
        sentence = Sentence(text, words, self)
        if Tag.GENE in sentence.tags:
            self._drop_homographs(sentence)
        sentence.sought_names = Tag.NAME_START in sentence.tags
        if sentence.sought_names:
            self._join_names(sentence)
        return sentence

    def spans(self, text: str) -> list[tuple[int, int]]:
        """First character, and the one after the last, of each word of a sentence, before any is left out."""
        if any(raw not in self._cache for raw in TOKEN.findall(text)):
            self.read(text)
        return [
            (match.start() + start, match.start() + end)
            for match in TOKEN.finditer(text)
            for start, end in self._cache.spans[match.group()]
        ]

    def _drop_homographs(self, sentence: Sentence) -> None:
        """Symbols that mean something else become other words: before a kind noun, after an article, all capitals."""
        words, tags = sentence.words, sentence.tags
        all_capitals = sentence.text.isupper() and sum(word.gene is None and word.text.isalpha() for word in words) > 1
        i = tags.find(Tag.GENE)
        while i >= 0:
            word = words[i]
            homograph = (
                (i + 1 < len(words) and words[i + 1].text in KIND_NOUNS)
                or (all_capitals and word.text.isalpha())
                or (word.gene in ACRONYMS and word.text == word.gene.lower() and tags[max(i - 1, 0)] == Tag.DET)
            )
            if homograph:
                words[i] = Word(Tag.OTHER, word.text)
                tags = f"{tags[:i]}{Tag.OTHER}{tags[i + 1 :]}"
            i = tags.find(Tag.GENE, i + 1)
        sentence.tags = tags

    def _join_names(self, sentence: Sentence) -> None:
        """Approved names of several words ("cyclin D1") become their gene."""
        words, tags = sentence.words, sentence.tags
        left = list(range(len(words)))
        i = tags.find(Tag.NAME_START)
        while i >= 0:
            known = self._gene_names[words[i].text]
            for length in range(min(5, len(words) - i), 1, -1):
                symbol = known.get(tuple([word.text for word in words[i : i + length]]))
                if symbol is not None:
                    words[i] = Word(Tag.GENE, symbol.lower(), gene=symbol)
                    tags = f"{tags[:i]}{Tag.GENE}{Tag.OTHER * (length - 1)}{tags[i + length :]}"
                    left = [k for k in left if not i < k < i + length]
                    break
            i = tags.find(Tag.NAME_START, i + 1)
        sentence.tags = tags.replace(Tag.NAME_START, Tag.OTHER)
        if len(left) < len(words):
            sentence.keep(left)

    def parts(self, raw: str) -> _Parts:
        """A word of a text as tagged words, each with its span: its first character, and the one after its last."""
        word = raw.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{NON-BREAKING HYPHEN}", "-")
        word = word.removesuffix("'s").removesuffix("'")
        lower = word.lower()
        symbol = self._symbol(word, lower)
        if symbol is not None:
            return ((Word(Tag.GENE, lower, gene=symbol), 0, len(word)),)
        known = VOCABULARY.get(lower)
        if known is not None:
            return ((known, 0, len(raw)),)
        for joint in ("-", "."):
            if joint in word:
                return self._compound(word, lower, joint)
        if lower in self._gene_names and not word.isdigit():
            return ((Word(Tag.NAME_START, lower), 0, len(raw)),)
        return ((plain(lower), 0, len(raw)),)

    def _compound(self, word: str, lower: str, joint: str) -> _Parts:
        """A word with a hyphen or dot: two genes, a gene with a suffix, or one word."""
        head, _, tail = word.rpartition(joint)
        ahead = self.parts(head)
        if not any(part.gene for part, _, _ in ahead):
            behind = self._symbol(tail, tail.lower())
            if behind is None or behind != tail:
                return ((plain(lower), 0, len(word)),)
        begin = len(head) + len(joint)
        suffix = SUFFIXES.get(tail.lower())
        if suffix is not None:
            return (*ahead, (suffix, begin, len(word)))
        rest = tuple((part, begin + start, begin + end) for part, start, end in self.parts(tail))
        if rest[0][0].tag in _TRIGGERS:
            rest = ((Word(Tag.MOD, tail.lower()), begin, len(word)),)
        if rest[0][0].gene is None:
            return (*ahead, *rest)
        return (*ahead, (Word(Tag.DASH, joint), len(head), begin), *rest)

    def _symbol(self, word: str, lower: str) -> str | None:
        """The approved symbol of the gene that a word names, by the rules of `genes`."""
        genes = self.snapshot.genes
        if word in genes:
            return word
        if CONVENTIONAL.get(word, "") in genes:
            return CONVENTIONAL[word]
        if lower in _FORMULAS:
            return None
        digit = any(character.isdigit() for character in word)
        greek = any(character in _GREEK for character in word)
        if word.isdigit() or word[0].isdigit():
            return None
        if digit or greek or "-" in word:
            for form in _variants(word):
                symbol = form if form in genes else self.snapshot.resolve_exactly(form)
                if symbol is not None and (digit or greek or form == word):
                    return symbol
            return None
        if word.isupper():
            known = len(word) >= SHORTEST_ALIAS and lower not in VOCABULARY
            return self.snapshot.resolve_exactly(word) if known else None
        capitals = sum(character.isupper() for character in word)
        if len(word) > 2 and (capitals > 1 or word.istitle()) and lower not in ORDINARY and lower not in VOCABULARY:
            return word.upper() if word.upper() in genes else None
        return None


def _variants(word: str) -> list[str]:
    """Ways to spell a name with Greek letters, hyphens or dots."""
    names, short_names = word, word
    for letter, (name, short) in _GREEK.items():
        names, short_names = names.replace(letter, name), short_names.replace(letter, short)
    for name, short in _SPELLED_OUT.items():
        short_names = short_names.replace(name, short)
    forms = [word, names, short_names]
    forms += [form.replace("-", "").replace(".", "") for form in forms]
    return list(dict.fromkeys([*forms, *(form.upper() for form in forms)]))
