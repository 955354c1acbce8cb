"""Taking the checkable statements out of a text: who does what to whom, denied or not, sure or not.

A rule-based reader for the plain sentences that models write. It reads lists, passive voice, negation ("does not", "no
evidence that", "neither ... nor", "but not"), hedges, relative clauses, shared subjects and pronouns; whatever it does
not understand it leaves out. Speaking of a gene's knockdown turns what follows into a knockdown relation, never into a
statement about what the gene itself does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from rbio_kg.claims import Relation
from verifiers.mentions import LOWER, GeneMention, Lexicon, Place
from verifiers.phrases import (
    AFTER,
    BEFORE,
    DOUBTS,
    HEDGES,
    KNOCKDOWN,
    KNOCKED_DOWN,
    LINKS,
    NEGATIONS,
    PRONOUNS,
    Phrase,
    find_phrases,
)

Polarity = Literal["affirmed", "negated"]
Certainty = Literal["asserted", "hedged"]

MOST_STATEMENTS = 200
"""No more are taken out of one text."""
_SENTENCE = re.compile(r"[^.!?;\n]+(?:[.](?=\S)[^.!?;\n]*)*[.!?;\n]?")
_PIECE = re.compile(r"\S.{0,999}(?!\S)|\S{1,1000}", re.DOTALL)
"""A sentence is read in pieces of at most so many characters, so that the time stays linear in the text."""
_TOKEN = re.compile(r"\w+(?:['-]\w+)*|[^\w\s]")
_SAME_SUBJECT = frozenset({",", "and", "or", "nor", "but", "then", "by", "thereby", "thus", "so", "also"})
_RELATIVE = frozenset({"which", "that", "who"})
_FAR = 8
"""Words that may lie between a subject and its phrase when they are not small words."""
_WHEN_KNOCKED_DOWN = {
    Relation.REGULATES: Relation.CHANGES_EXPRESSION_OF,
    Relation.ACTIVATES: Relation.INCREASES,
    Relation.REPRESSES: Relation.DECREASES,
}


@dataclass(frozen=True, slots=True)
class RawStatement:
    """A statement as the text makes it, not yet checked.

    `object` is a gene symbol, or the key of the first of `places` (all terms and pathways of the name used).
    """

    text: str
    subject: str
    relation: Relation
    object: str
    polarity: Polarity
    certainty: Certainty
    places: tuple[Place, ...] = ()


@dataclass(slots=True)
class _Token:
    start: int
    end: int
    text: str
    gene: str | None = None
    phrase: Phrase | None = None


@dataclass(slots=True)
class _Subject:
    """Whom a phrase speaks of; first and last token, -1 where taken from elsewhere."""

    genes: list[str] = field(default_factory=list)
    first: int = -1
    last: int = -1
    link: str = ""


def read_statements(text: str, lexicon: Lexicon, limit: int = MOST_STATEMENTS) -> list[RawStatement]:
    """The statements of a text in the order in which it makes them, at most `limit`."""
    found: list[RawStatement] = []
    topic: tuple[str, ...] = ()
    seen: dict[tuple[str, tuple[str, ...]], tuple[list[RawStatement], tuple[str, ...]]] = {}
    for match in _SENTENCE.finditer(text):
        sentence = match.group().strip()
        if sentence.endswith("?"):
            continue
        for piece in _PIECE.findall(sentence):
            key = (piece, topic)
            if key not in seen:
                seen[key] = _read_sentence(piece, lexicon, topic)
            statements, topic = seen[key]
            found.extend(statements)
            if len(found) >= limit:
                return found[:limit]
    return found


def _read_sentence(
    sentence: str, lexicon: Lexicon, topic: tuple[str, ...]
) -> tuple[list[RawStatement], tuple[str, ...]]:
    """A sentence's statements, and the gene that "it" means after it."""
    mentions = lexicon.genes(sentence)
    if not mentions and not topic:
        return [], topic
    reader = _SentenceReader(sentence, mentions, lexicon, topic)
    return list(reader.statements()), (mentions[0].symbol,) if mentions else topic


class _SentenceReader:
    """Reads one sentence; `topic` is the gene that "it" means at its beginning."""

    def __init__(self, sentence: str, mentions: list[GeneMention], lexicon: Lexicon, topic: tuple[str, ...]) -> None:
        self.sentence = sentence
        self.lexicon = lexicon
        self.topic = topic
        self.lower = sentence.translate(LOWER)
        masked = list(self.lower)
        for mention in mentions:
            masked[mention.start : mention.end] = "\0" * (mention.end - mention.start)
        self.masked = "".join(masked)
        phrases = find_phrases(self.masked)
        words = list(self.masked)
        for phrase in phrases:
            words[phrase.start : phrase.end] = "\0" * (phrase.end - phrase.start)
        tokens = [_Token(m.start(), m.end(), m.group()) for m in _TOKEN.finditer("".join(words).replace("\0", " "))]
        tokens += [_Token(m.start, m.end, m.symbol, gene=m.symbol) for m in mentions]
        tokens += [_Token(p.start, p.end, self.masked[p.start : p.end], phrase=p) for p in phrases]
        self.tokens = sorted(tokens, key=lambda token: token.start)

    def statements(self) -> Iterator[RawStatement]:
        claimed, read_to, before = -1, 0, -1
        subject, negated, doubted = _Subject(), False, False
        for i, token in enumerate(self.tokens):
            phrase = token.phrase
            if phrase is None or phrase.start < read_to:
                continue
            if phrase.shape in ("between", "nominal"):
                for statement, last in self._nominal(i, phrase, before):
                    claimed = max(claimed, last)
                    yield statement
                continue
            found = self._subject(i, claimed, subject)
            if not found.genes:
                continue
            start = self.tokens[found.first].start if found.first >= 0 else token.start
            opening = self.masked[self.tokens[before].end if before >= 0 else 0 : start]
            shared = found.first < 0 and bool(found.link)
            if re.search(r"\bwhether\b", opening):
                continue
            doubted = bool(DOUBTS.search(opening)) ^ (doubted and shared and found.link != "but")
            denied = self._denials(max(found.last, before) + 1, i) % 2 == 1
            negated = denied or (negated and shared and found.link in ("or", "nor"))
            knocked_down = self._knocked_down(found)
            subject, before = found, i
            certainty = self._certainty(opening, max(found.last, 0), i)
            if phrase.shape == "mutual":
                for one, other in combinations(found.genes, 2):
                    yield self._raw((one, other), phrase.relation, negated ^ doubted, certainty)
            elif phrase.shape == "part":
                for places, end in self.lexicon.places_after(self.sentence, token.end):
                    read_to = end
                    for gene in found.genes:
                        if not knocked_down:
                            yield self._raw(
                                (gene, places[0].key), phrase.relation, negated ^ doubted, certainty, places
                            )
            else:
                objects, claimed_now, none_of = self._objects(i)
                claimed = max(claimed, claimed_now)
                relation: Relation | None = phrase.relation
                if knocked_down:
                    relation = _WHEN_KNOCKED_DOWN.get(phrase.relation) if phrase.shape == "active" else None
                for gene in found.genes:
                    for other, flipped in objects:
                        ends = (other, gene) if phrase.shape == "passive" else (gene, other)
                        if relation is not None and gene != other:
                            denied_here = negated ^ doubted ^ flipped ^ none_of
                            yield self._raw(ends, relation, denied_here, certainty)

    def _raw(
        self,
        ends: tuple[str, str],
        relation: Relation,
        denied: bool,
        certainty: Certainty,
        places: tuple[Place, ...] = (),
    ) -> RawStatement:
        polarity: Polarity = "negated" if denied else "affirmed"
        return RawStatement(self.sentence, ends[0], relation, ends[1], polarity, certainty, places)

    def _small(self, token: _Token, words: frozenset[str]) -> bool:
        text = token.text
        return (
            token.gene is None
            and token.phrase is None
            and (text in words or text.endswith(("ly", "n't")) or text in "'\"()")
        )

    def _subject(self, i: int, claimed: int, previous: _Subject) -> _Subject:
        """Whom the phrase at token i speaks of."""
        j, relative = i - 1, False
        while j >= 0 and self._small(self.tokens[j], BEFORE):
            relative = relative or self.tokens[j].text in _RELATIVE
            j -= 1
        if j < 0:
            return _Subject()
        token = self.tokens[j]
        if relative:
            while j >= 0 and self.tokens[j].text == ",":
                j -= 1
            if j >= 0 and self.tokens[j].gene is not None:
                return _Subject([self.tokens[j].gene or ""], j, j)
        if token.text in PRONOUNS and token.gene is None:
            earlier = [item.gene for item in self.tokens[:j] if item.gene is not None]
            return _Subject(earlier[:1] or list(self.topic), -1, -1)
        if token.gene is not None and j > claimed:
            return self._list_back(j, claimed)
        if token.text in _SAME_SUBJECT and previous.genes:
            return _Subject(list(previous.genes), -1, previous.last, token.text)
        for k in range(j, max(claimed, j - _FAR), -1):
            if self.tokens[k].phrase is not None:
                break
            if self.tokens[k].gene is not None:
                return self._list_back(k, claimed)
        return _Subject()

    def _list_back(self, j: int, claimed: int) -> _Subject:
        genes, first, k = [self.tokens[j].gene or ""], j, j
        while True:
            k -= 1
            linked = False
            while k > claimed and self._is_link(self.tokens[k]):
                linked = True
                k -= 1
            if not linked or k <= claimed or self.tokens[k].gene is None:
                break
            genes.insert(0, self.tokens[k].gene or "")
            first = k
        return _Subject(list(dict.fromkeys(genes)), first, j)

    def _objects(self, i: int, links: frozenset[str] = LINKS) -> tuple[list[tuple[str, bool]], int, bool]:
        """Genes after token i, each with whether "not" stands before it; the list's last token; whether "neither"."""
        j, none_of = i + 1, False
        while j < len(self.tokens) and self._small(self.tokens[j], AFTER):
            none_of = none_of or self.tokens[j].text in ("neither", "no")
            j += 1
        found: list[tuple[str, bool]] = []
        places: list[int] = []
        flipped = False
        while j < len(self.tokens) and self.tokens[j].gene is not None:
            found.append((self.tokens[j].gene or "", flipped))
            places.append(j)
            j += 1
            start = j
            while j < len(self.tokens) and self._is_link(self.tokens[j], links):
                flipped = flipped or self.tokens[j].text == "not"
                j += 1
            if j == start:
                break
        if len(found) > 1 and self._begins_clause(places[-1]):
            found.pop()
            places.pop()
        return found, places[-1] if places else i, none_of

    def _begins_clause(self, j: int) -> bool:
        """Whether the gene at token j is the subject of a phrase right behind it."""
        j += 1
        while j < len(self.tokens) and self._small(self.tokens[j], BEFORE) and self.tokens[j].text not in _RELATIVE:
            j += 1
        return j < len(self.tokens) and self.tokens[j].phrase is not None

    @staticmethod
    def _is_link(token: _Token, links: frozenset[str] = LINKS) -> bool:
        return token.gene is None and token.phrase is None and token.text in links

    def _nominal(self, i: int, phrase: Phrase, before: int) -> Iterator[tuple[RawStatement, int]]:
        """ "Interaction between A and B", "regulation of B by A"; each with the last token that it used up."""
        objects, last, _ = self._objects(i, LINKS | {"with", "to"} if phrase.shape == "between" else LINKS)
        genes = [gene for gene, _ in objects]
        opening = self.masked[self.tokens[before].end if before >= 0 else 0 : phrase.start]
        denied = bool(DOUBTS.search(opening)) ^ (self._denials(self._after_comma(i, before), i) % 2 == 1)
        certainty = self._certainty(opening, i, i)
        if phrase.shape == "between":
            for one, other in combinations(dict.fromkeys(genes), 2):
                yield self._raw((one, other), phrase.relation, denied, certainty), last
            return
        if not genes or last + 1 >= len(self.tokens) or self.tokens[last + 1].text != "by":
            return
        agents, end, _ = self._objects(last + 1)
        for agent, _ in agents:
            for gene in genes:
                if agent != gene:
                    yield self._raw((agent, gene), phrase.relation, denied, certainty), end

    def _after_comma(self, i: int, before: int) -> int:
        commas = [k for k in range(before + 1, i) if self.tokens[k].text == ","]
        return commas[-1] + 1 if commas else before + 1

    def _denials(self, start: int, end: int) -> int:
        count = 0
        for k in range(start, end):
            token = self.tokens[k]
            if token.gene is not None or token.phrase is not None:
                continue
            following = self.tokens[k + 1].text if k + 1 < len(self.tokens) else ""
            if token.text.endswith("n't") or (
                token.text in NEGATIONS and not (token.text == "not" and following in ("only", "just", "merely"))
            ):
                count += 1
        return count

    def _certainty(self, opening: str, start: int, i: int) -> Certainty:
        near = {token.text for token in self.tokens[start:i] if token.gene is None}
        tail = {token.text for token in self.tokens[i + 1 :]}
        later = any(token.phrase is not None for token in self.tokens[i + 1 :])
        hedged = near & HEDGES or set(_TOKEN.findall(opening)) & HEDGES or (not later and tail & HEDGES)
        return "hedged" if hedged else "asserted"

    def _knocked_down(self, subject: _Subject) -> bool:
        if subject.first < 0:
            # A shared subject is spoken of as it was before.
            return subject.last >= 0 and bool(KNOCKED_DOWN.search(self.masked[self.tokens[subject.last].end :]))
        return bool(
            KNOCKDOWN.search(self.masked[: self.tokens[subject.first].start])
            or KNOCKED_DOWN.search(self.masked[self.tokens[subject.last].end :])
        )
