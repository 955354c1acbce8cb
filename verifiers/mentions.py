"""Finding genes, GO terms and pathways in running text, by the names that the graph knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rbio_kg.graph.snapshot import Snapshot

_APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
WORD = re.compile(rf"[^\W_]+(?:[-{_APOSTROPHES}][^\W_]+)*")
_NAME_WORD = re.compile(r"[a-z0-9]+")
_ACCESSION = re.compile(r"\b(?:GO:\d{7}|R-HSA-\d+|WP\d+)\b")
_LINK = re.compile(r"[\"')]*\s*(?:,\s*)?(?:(?:and|or|plus|as well as)\b|[/&])?\s*(?:in\b)?")
_FILLERS = frozenset(("the", "a", "an", "of", "process", "processes", "pathway", "biological", "go", "term", "called"))
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ\N{RIGHT SINGLE QUOTATION MARK}", "abcdefghijklmnopqrstuvwxyz'")
"""Lower case that keeps every character in its place."""
LONGEST_NAME = 20
"""Names of more words are not looked for."""
SHORTEST_ALIAS = 4
"""Other names without a digit are only trusted from this length on: shorter ones are mostly common words."""


@dataclass(frozen=True, slots=True)
class GeneMention:
    """A gene named in a text, at characters `start` to `end`."""

    start: int
    end: int
    symbol: str


@dataclass(frozen=True, slots=True)
class Place:
    """A GO term or pathway that a gene may take part in."""

    label: Literal["GoTerm", "Pathway"]
    key: str


class Lexicon:
    """The names of one snapshot, looked up in texts. Opens what it needs at first use."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @cached_property
    def _places(self) -> dict[str, tuple[Place, ...]]:
        """Normalised name to the terms and pathways of that name."""
        found: dict[str, list[Place]] = {}
        snapshot = self.snapshot
        for key, name in zip(snapshot.terms.keys, snapshot.term_names, strict=True):
            found.setdefault(normalised(name), []).append(Place("GoTerm", key))
        for key, name in zip(snapshot.pathways.keys, snapshot.pathway_names, strict=True):
            found.setdefault(normalised(name), []).append(Place("Pathway", key))
        return {name: tuple(places) for name, places in found.items() if name}

    def genes(self, sentence: str) -> list[GeneMention]:
        """Genes named in a sentence, from left to right.

        An approved symbol counts in its exact letter case (WAS is a gene, was is not), or in any case when it has a
        digit; another name counts when it has a digit or is in capitals and long enough. In a sentence that is all
        capitals, names without a digit could be ordinary words and do not count.
        """
        words = [(match.start(), match.group()) for match in WORD.finditer(sentence)]
        shouted = _is_shouted([word for _, word in words if word not in self.snapshot.genes])
        found = []
        for start, word in words:
            for offset, part in self._parts(word):
                symbol = self._symbol(part)
                if symbol is not None and not (shouted and part.isalpha()):
                    found.append(GeneMention(start + offset, start + offset + len(part), symbol))
        return found

    def place_at(self, words: list[str]) -> tuple[tuple[Place, ...], int]:
        """The terms and pathways whose name begins the list of normalised words, and the number of words it takes."""
        for length in range(min(len(words), LONGEST_NAME), 0, -1):
            places = self._places.get(" ".join(words[:length]))
            if places:
                return places, length
        return (), 0

    def places_after(self, sentence: str, start: int) -> Iterator[tuple[tuple[Place, ...], int]]:
        """Terms and pathways named from character `start` on: each name's bearers, and where the name ends.

        They must follow at once, save for small words, and each other as a list. Ids count anywhere behind `start`.
        """
        named = self.accessions(sentence[start:])
        for place in named:
            yield (place,), start
        if named:
            return
        lower = sentence.translate(LOWER)
        words = [(match.end(), match.group()) for match in _NAME_WORD.finditer(lower, start)]
        at = 0
        while at < len(words):
            places, length = self.place_at([word for _, word in words[at : at + LONGEST_NAME]])
            if not places:
                if words[at][1] not in _FILLERS:
                    return
                at += 1
                continue
            at += length
            end = words[at - 1][0]
            yield places, end
            link = _LINK.match(lower, end)
            if link is None or not link.group().strip(" \"')"):
                return
            at += len(_NAME_WORD.findall(link.group()))

    def accessions(self, text: str) -> list[Place]:
        """Terms and pathways that are named by their id."""
        found: list[Place] = []
        for match in _ACCESSION.finditer(text):
            if match.group() in self.snapshot.terms:
                found.append(Place("GoTerm", match.group()))
            elif match.group() in self.snapshot.pathways:
                found.append(Place("Pathway", match.group()))
        return found

    def _parts(self, word: str) -> list[tuple[int, str]]:
        """The word, without a possessive ending; in pieces when it is no name as a whole but hyphenated."""
        for apostrophe in _APOSTROPHES:
            word = word.removesuffix(apostrophe + "s")
        if "-" not in word or self._symbol(word) is not None:
            return [(0, word)]
        return [(match.start(), match.group()) for match in re.finditer(r"[^-]+", word)]

    def _symbol(self, word: str) -> str | None:
        genes = self.snapshot.genes
        if word in genes:
            return word
        has_digit = any(character.isdigit() for character in word)
        if word.isdigit() or not (has_digit or (word.isupper() and len(word) >= SHORTEST_ALIAS)):
            return None
        if has_digit and word.upper() in genes:
            return word.upper()
        return self.snapshot.resolve(word)


def normalised(name: str) -> str:
    """Lower-case words and numbers of a name, by single spaces."""
    return " ".join(_NAME_WORD.findall(name.lower()))


def _is_shouted(words: list[str]) -> bool:
    letters = [word for word in words if word.isalpha() and len(word) > 1]
    return len(letters) >= 2 and all(word.isupper() for word in letters)
