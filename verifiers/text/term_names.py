"""Finds GO terms and pathways in running text by their names, synonyms and ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.text.vocabulary import words_of

_NAME_WORD = re.compile(r"[a-z0-9]+")
_ACCESSION = re.compile(r"\b(?:GO:\d{7}|R-HSA-\d+|WP\d+)\b")
_LIST_JOINT = re.compile(r"[\"')]*\s*(?:,\s*)?(?:(?:(?:and|or|nor|plus|as well as)\b|[/&])\s*(?:(?:for|in|to)\b)?)?")
_BRACKET = re.compile(r"(.+) \(([A-Z]{3,})\)")
_GOES_ON = re.compile(r" (?:\d|signal)")
"""What makes a name part of a longer one: "chromosome 17"."""
_FILLERS = words_of("""
    of process processes pathway pathways biological go term called neither both either cellular
""")
_ARTICLES = frozenset(("the", "a", "an"))
_SPELLINGS = {
    "apoptosis": "apoptotic process",
    "glycolysis": "glycolytic process",
    "biosynthesis": "biosynthetic process",
    "catabolism": "catabolic process",
    "metabolism": "metabolic process",
    "mitochondria": "mitochondrion",
    "nuclei": "nucleus",
    "nucleoli": "nucleolus",
    "mitoses": "mitosis",
    "tumour": "tumor",
    "homeostases": "homeostasis",
}
"""Everyday, British and plural forms that stand for the words of GO's names."""
_COMPOUND = re.compile(
    r" (?!(?:and|or|nor|but|in|on|at|to|of|by|for|from|with|as|via|is|are|was|were|which|that|where|who|when|while|"
    r"after|because|during|through|under|upon|if|so|then|than|process|pathway|together|here|itself|rather)\b)[a-z]{3,}"
)
"""What makes a name of one word part of a compound: "ribosome recycling"."""
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ\N{RIGHT SINGLE QUOTATION MARK}", "abcdefghijklmnopqrstuvwxyz'")
"""Lower case that keeps the position of every character."""
MOST_WORDS = 100_000
"""Number of different words in the cache of spellings."""
LONGEST_NAME = 20
"""Number of words of the longest name that is looked up."""


class TermRef(NamedTuple):
    """A reference to a GO term or pathway that a gene may take part in: node label and id."""

    label: Literal["GoTerm", "Pathway"]
    key: str


class TermNames:
    """Every name of a snapshot's terms and pathways, looked up in one spelling (`normalised`).

    Args:
        snapshot: the graph whose names count.

    Example:
        >>> names = example_lexicon().term_names
        >>> names.at(["dna", "repair", "and", "apoptosis"])
        ((TermRef(label='GoTerm', key='GO:0006281'),), 2)
        >>> [terms[0].key for terms, _ in names.after("in DNA repair and autophagy.", 2)]
        ['GO:0006281', 'GO:0006914']
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        # Name to positions, terms first. Numbers instead of objects keep the garbage collector fast.
        self._positions: dict[str, tuple[int, ...]] = {}
        self._longest: dict[str, int] = {}
        self._ignored: dict[str, bool] = {}
        other: list[tuple[str, int]] = []
        for position, name in enumerate(snapshot.term_names):
            self._add(normalised(name), position)
            other += [(normalised(synonym), position) for synonym in snapshot.synonyms(position)]
        pathways = list(enumerate(snapshot.pathway_names, start=len(snapshot.terms)))
        for position, name in pathways:
            self._add(normalised(name), position)
        other += [
            (name.removesuffix(" pathway"), position)
            for name, positions in self._positions.items()
            if name.endswith(" pathway")
            for position in positions
        ]
        for position, name in pathways:
            if bracket := _BRACKET.fullmatch(name):
                other += [(normalised(part), position) for part in bracket.groups()]
        # A synonym counts only where no term or pathway has it as its name.
        names = frozenset(self._positions)
        for name, position in other:
            if name not in names:
                self._add(name, position)

    def _reference(self, position: int) -> TermRef:
        terms = self.snapshot.terms.keys
        if position < len(terms):
            return TermRef("GoTerm", terms[position])
        return TermRef("Pathway", self.snapshot.pathways.keys[position - len(terms)])

    def _add(self, name: str, position: int) -> None:
        if name:
            known = self._positions.get(name, ())
            if position not in known:
                self._positions[name] = (*known, position)
            first, length = name.split(" ", 1)[0], name.count(" ") + 1
            self._longest[first] = max(length, self._longest.get(first, 0))

    @cached_property
    def _all_words(self) -> frozenset[str]:
        """Every word that may be part of a name or stand between names."""
        named = (word for name in self._positions for word in name.split())
        return frozenset((*named, *_FILLERS, *map(str.lower, self.snapshot.pathways.keys)))

    def ignores(self, lower: str) -> bool:
        """Whether replacing this lower-case word by another one of this kind leaves the names that are found."""
        known = self._ignored.get(lower)
        if known is None:
            if len(self._ignored) >= MOST_WORDS:
                self._ignored.clear()
            words, behind = [word for word, _ in _words(lower)], f" {lower}"
            ends = _COMPOUND.match(behind) is not None and _GOES_ON.match(behind) is None
            known = self._ignored[lower] = ends and bool(words) and self._all_words.isdisjoint(words)
        return known

    def at(self, words: Sequence[str]) -> tuple[tuple[TermRef, ...], int]:
        """The terms and pathways whose name begins the list of normalised words, and the name's number of words.

        The longest name wins. Without one the answer is `((), 0)`.
        """
        if not words:
            return (), 0
        for length in range(min(len(words), self._longest.get(words[0], 0), LONGEST_NAME), 0, -1):
            positions = self._positions.get(" ".join(words[:length]))
            if positions:
                return tuple([self._reference(position) for position in positions]), length
        return (), 0

    def after(self, sentence: str, start: int, prefix: str = "") -> Iterator[tuple[tuple[TermRef, ...], int]]:
        """Terms and pathways named from character `start` on: those of each name, and the character after the name.

        The first name must follow `start` at once, small words aside, and the others as a list. Ids count anywhere
        after `start`.

        Args:
            sentence: the text.
            start: the character from which on names are read.
            prefix: words that are put before every name that is looked up ("regulation of").
        """
        if not prefix:
            named = self.accessions(sentence[start:])
            yield from (((term,), start) for term in named)
            if named:
                return
        lower = sentence.translate(LOWER)
        words = _words(lower, start)
        leading = prefix.split()
        at = 0
        while at < len(words):
            terms, length = self.at([*leading, *(word for word, _ in words[at : at + LONGEST_NAME])])
            length -= len(leading)
            if not terms or length <= 0:
                if words[at][0] not in _FILLERS:
                    return
                at += 1
                continue
            at += length
            end = words[at - 1][1]
            if _GOES_ON.match(lower, end) or (length == 1 and _COMPOUND.match(lower, end)):
                return
            yield terms, end
            joint = _LIST_JOINT.match(lower, end)
            if joint is None or not joint.group().strip(" \"')"):
                return
            while at < len(words) and words[at][1] <= joint.end():
                at += 1

    def before(self, sentence: str, start: int, end: int, prefix: str = "") -> tuple[TermRef, ...]:
        """The terms and pathways whose name ends right before character `end` and begins at `start` or later.

        Args:
            sentence: the text.
            start: the first character that a name may have.
            end: the character after the name.
            prefix: see `after`.
        """
        words = [word for word, _ in _words(sentence[:end].translate(LOWER), start)]
        leading = prefix.split()
        for at in range(max(0, len(words) - LONGEST_NAME), len(words)):
            terms, length = self.at([*leading, *words[at:]])
            if terms and at + length - len(leading) == len(words):
                return terms
        return ()

    def accessions(self, text: str) -> list[TermRef]:
        """Terms and pathways that are named by their id."""
        found: list[TermRef] = []
        for match in _ACCESSION.finditer(text):
            if match.group() in self.snapshot.terms:
                found.append(TermRef("GoTerm", match.group()))
            elif match.group() in self.snapshot.pathways:
                found.append(TermRef("Pathway", match.group()))
        return found


class _Spelling(dict[str, str]):
    """One spelling for a word's plural and singular, British and American forms; articles are dropped."""

    def __missing__(self, word: str) -> str:
        spelt = word.replace("isation", "ization").replace("signalling", "signaling").replace("modelling", "modeling")
        if len(spelt) > 4 and spelt.endswith("s") and not spelt.endswith(("ss", "us", "is")):
            spelt = spelt[:-1]
        if len(self) < MOST_WORDS:
            self[word] = spelt
        return spelt


_SPELLED = _Spelling(_SPELLINGS | dict.fromkeys(_ARTICLES, ""))


def _words(lower: str, start: int = 0) -> list[tuple[str, int]]:
    """The words of a lower-case text from character `start` on, in one spelling, each with the character after it."""
    return [
        (word, match.end()) for match in _NAME_WORD.finditer(lower, start) for word in _SPELLED[match.group()].split()
    ]


def normalised(name: str) -> str:
    """A name's words and numbers in lower case and one spelling, separated by single spaces.

    Example:
        >>> normalised("Apoptosis signalling-pathways of the nuclei")
        'apoptotic process signaling pathway of nucleus'
    """
    return " ".join([spelt for word in _NAME_WORD.findall(name.lower()) if (spelt := _SPELLED[word])])
