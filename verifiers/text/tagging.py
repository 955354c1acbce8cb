"""A sentence of tagged words made ready: brackets opened, genes that are taken away marked, genes listed."""

from __future__ import annotations

import re
from typing import NamedTuple

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.lexicon import Sentence
from rbio_kg.verifiers.text.vocabulary import ACTIVE, DEED, PARTICIPLE

_JOINT = r"(?:d{0,2}[,&Vur/R]{1,3}d{0,2}n?i?[DdW2oyE]*x?)(?=[GK])"
_LIST = re.compile(rf"[GK](?:{_JOINT}[GK])*")
_DOING = re.compile(r"[AS]")
_LOSING = re.compile(r"[lkvN]")
_LOST = [
    re.compile(r"(?:[lk]|(?<![GKM2])L(?=[oD]))(?:[Ddx]{0,2}[op]|p)?[Dd]*(G(?:[&V]G)*)(?!d*y)"),
    re.compile(r"(?<!c)(?<!cD)(G(?:[&V]G)*)d?(?:[lv]|L(?![oD]))"),
    re.compile(r"(G)[abdhn]*b[abdhn]*v(?!d*y)"),
]
"""Genes that are taken away: "knockdown of A", "A depletion", "A is lost". L is a noun like "inhibition"."""
_CAUSED = re.compile(r"[bc]")
_BY_SOMEONE = re.compile(r"[dx]*y")
_OPENERS = frozenset(("when", "while", "so"))


class Item(NamedTuple):
    """A gene in a list: its token, whether it is taken away, and whether the list denies it ("A but not B")."""

    at: int
    gene: str
    lost: bool = False
    flipped: bool = False


class TaggedSentence:
    """A sentence with `tags` (lost genes are K, others G), `words`, and `lists`: each gene's token to its list."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        if "(" in sentence.tags:
            self._open_brackets()
        self.words = sentence.words
        self.lists: dict[int, list[Item]] = {}
        self.tags = sentence.tags
        if "G" in self.tags:
            self.tags = self._mark_lost(self.tags)
            for match in _LIST.finditer(self.tags):
                start, end = match.span()
                if end == start + 1:
                    self.lists[start] = [Item(start, self.words[start].gene or "", self.tags[start] == "K")]
                else:
                    self._note_list(start, end)

    def _open_brackets(self) -> None:
        """Brackets that state something become commas; others are left out."""
        sentence, kept, opened = self.sentence, list[int](), -1
        tags = list(sentence.tags)
        for i, tag in enumerate(sentence.tags):
            kept.append(i)
            if tag == "(":
                opened = len(kept) - 1
            elif tag == ")" and opened >= 0:
                inside = [tags[k] for k in kept[opened:]]
                if "G" in inside and any(letter in "ASPX" for letter in inside):
                    tags[kept[opened]] = tags[i] = ","
                else:
                    del kept[opened:]
                opened = -1
        sentence.tags = "".join(tags)
        sentence.keep(kept)

    def _mark_lost(self, tags: str) -> str:
        for match in _DOING.finditer(tags):
            i = match.start()
            if self.words[i].relation is Relation.REPRESSES and (letter := self._losing(tags, i)) != tags[i]:
                tags = tags[:i] + letter + tags[i + 1 :]
        if _LOSING.search(tags) is None:
            return tags
        # Of the nouns of doing only those of repression ("inhibition of A") may speak of a gene's loss.
        repression = [word.tag == DEED and word.relation is Relation.REPRESSES for word in self.words]
        marks = "".join(["L" if loses else tag for tag, loses in zip(tags, repression, strict=True)])
        for pattern in _LOST:
            for match in pattern.finditer(marks):
                if marks[match.start()] == "L" and _CAUSED.search(marks, max(0, match.start() - 5), match.start()):
                    continue  # "Leads to a reduction of A" tells what happens to A.
                tags = tags[: match.start(1)] + match.group(1).replace("G", "K") + tags[match.end(1) :]
        return tags

    def _losing(self, tags: str, i: int) -> str:
        """The letter of a verb of repression, which may speak of a gene's loss: "repressing A", "A is silenced"."""
        word, following = self.words[i], tags[i + 1 : i + 2]
        if word.tag == ACTIVE and word.text.endswith("ing"):
            opens = i == 0 or tags[i - 1] in "p:f" or self.words[i - 1].text in _OPENERS
            if opens and following in ("G", "D", "o"):
                return "k"
            if word.text == "silencing" and tags[i - 1 : i] == "G" and following not in ("G", "D"):
                return "v"
        if word.tag == PARTICIPLE and word.text in ("silenced", "inhibited") and "b" in tags[max(0, i - 3) : i]:
            return tags[i] if _BY_SOMEONE.match(tags, i + 1) else "v"
        return tags[i]

    def _note_list(self, start: int, end: int) -> None:
        items: list[Item] = []
        flipped, joint = False, ""
        for i in range(start, end):
            tag = self.tags[i]
            if tag not in "GK":
                joint += tag
                continue
            if "u" in joint:
                flipped = "n" in joint
            elif "n" in joint or "R" in joint:
                flipped = True
            items.append(Item(i, self.words[i].gene or "", tag == "K", flipped))
            self.lists[i] = items
            joint = ""
