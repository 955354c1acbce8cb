"""What a sentence is found to state: who does what to whom, with its denials and hedges, and membership in a place."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Literal, NamedTuple

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.lexicon import Lexicon, Sentence
from rbio_kg.verifiers.text.roles import Grammar
from rbio_kg.verifiers.text.tagging import Item
from rbio_kg.verifiers.text.term_names import TermRef

_CAUSED = re.compile(r"[cAFhPb]")
_CAUSED_WITHIN = 6
"""Words before a noun of doing among which a word like "leads" makes the subject its doer."""
_CLEFT = re.compile(r"b[Ddx]*(?=[GK])")
_NOT_IN = re.compile(r"[Ddp]?n")
_WHEN_LOST = {
    Relation.REGULATES: Relation.CHANGES_EXPRESSION_OF,
    Relation.ACTIVATES: Relation.INCREASES,
    Relation.REPRESSES: Relation.DECREASES,
}
_BY_ADVERB = {"negative": Relation.REPRESSES, "positive": Relation.ACTIVATES}
OF_TERMS = {
    Relation.REGULATES: "regulation of",
    Relation.ACTIVATES: "positive regulation of",
    Relation.REPRESSES: "negative regulation of",
}

SIGNS = {Relation.ACTIVATES: 1, Relation.REPRESSES: -1}

Polarity = Literal["affirmed", "negated"]
Certainty = Literal["asserted", "hedged"]


class RawStatement(NamedTuple):
    """A statement as the text makes it, not yet checked.

    `object` is a gene symbol, or the key of the first of `places` (all terms and pathways of the name used).
    """

    text: str
    subject: str
    relation: Relation
    object: str
    polarity: Polarity
    certainty: Certainty
    places: tuple[TermRef, ...] = ()


class Assertions(Grammar):
    """Notes in `found` what the words around a verb state; `topic` are the genes that "it" means at first."""

    def __init__(self, sentence: Sentence, lexicon: Lexicon, topic: tuple[str, ...]) -> None:
        super().__init__(sentence, topic)
        self._lexicon = lexicon
        self.looked: list[tuple[int, int]] = []
        """Between which characters names of terms and pathways were looked for."""
        self.found: list[RawStatement] = []
        self.read_to = -1
        """The last word that is used up."""

    def _text(self, i: int) -> str:
        return self.words[i].text if 0 <= i < len(self.words) else ""

    def _end(self, i: int) -> int:
        """The character behind word i."""
        return self.sentence.span(i)[1]

    def _state(self, i: int, relation: Relation, objects: list[Item], last: int, *, passive: bool = False) -> None:
        """What the verb at i says of its subject and these objects."""
        if not objects:
            return
        subject = self.subject(i)
        if subject is None and (cleft := _CLEFT.match(self.tags, last + 1)):
            # "The gene that activates B is A".
            items = self.lists[cleft.end()]
            self._join(i, relation, items, objects, items[-1].at)
        elif subject is None and passive and (places := self._terms_before(i, OF_TERMS.get(relation, ""))):
            self._part_of(i, objects, places, last)
        elif subject is None or self.asked(subject):
            self.leave(last)
        else:
            negated, hedged = self.settle(i, subject, last)
            # A meeting has no doer: the order of the text stays.
            passive = passive and relation is not Relation.INTERACTS_WITH
            for one in subject.items:
                for item in objects:
                    self._add(*((item, one) if passive else (one, item)), relation, negated, hedged)

    def _part_of(self, i: int, objects: list[Item], places: tuple[TermRef, ...], last: int) -> None:
        """The objects take part in the place that stands before the word at i."""
        negated, hedged = self.opening(i)
        self.claim(i, last)
        for item in objects:
            self._make(item.gene, Relation.TAKES_PART_IN, places[0].key, negated, hedged, places)

    def _join(self, i: int, relation: Relation, agents: list[Item], objects: list[Item], last: int) -> None:
        self._pair(i, relation, [(agent, item) for agent in agents for item in objects], i, last)

    def _pair(self, i: int, relation: Relation, pairs: list[tuple[Item, Item]], start: int, last: int) -> None:
        """What a noun says of pairs of genes; what leads up to token `start` may deny or hedge it."""
        negated, hedged = self.opening(start)
        self.claim(i, last)
        for one, other in pairs:
            self._add(one, other, relation, negated, hedged)

    def _mutual(self, i: int, relation: Relation) -> None:
        """What the subjects of the verb at i do to each other."""
        subject = self.subject(i)
        if subject is None or len(subject.items) < 2 or self.asked(subject):
            return
        negated, hedged = self.settle(i, subject, i)
        for one, other in combinations(subject.items, 2):
            self._add(one, other, relation, negated, hedged)
            if relation is not Relation.INTERACTS_WITH:
                self._add(other, one, relation, negated, hedged)

    def _caused(self, i: int) -> bool:
        """Whether a word like "leads" or "is" stands before the noun at i."""
        return _CAUSED.search(self.tags, max(self._before + 1, i - _CAUSED_WITHIN), i) is not None

    def _causes_change(self, i: int) -> bool:
        """ "Leads to a decrease in B": the word at i is a noun."""
        return self._text(i + 1) == "in" and self._caused(i)

    def _change(self, i: int, relation: Relation, denied: bool = False) -> None:
        """What changes without a doer is laid to a gene that the sentence speaks of as lost."""
        subject = self.subject(i) if "K" in self.tags else None
        changed = [item for item in subject.items if not item.lost] if subject else []
        if subject is None or not changed or self.asked(subject):
            return
        at = self.tags.find("K", i)
        at = at if at >= 0 else self.tags.rfind("K")
        negated, hedged = self.settle(i, subject, i)
        for item in changed:
            self._add(Item(at, self.words[at].gene or "", lost=True), item, relation, negated ^ denied, hedged)

    def _in_terms(self, i: int, start: int, prefix: str = "") -> bool:
        """Membership of the subject in the terms and pathways named from character `start` on; whether there are."""
        text = self.sentence.text
        self.looked.append((start, len(text)))
        named = list(self._lexicon.places.after(text, start, prefix))
        subject = self.subject(i) if named else None
        if subject is None or self.asked(subject):
            return False
        last = i
        while last + 1 < len(self.words) and self._end(last + 1) <= named[-1][1]:
            last += 1
        none_of = _NOT_IN.match(self.tags, i + 1) is not None
        negated, hedged = self.settle(i, subject, last)
        for places, _ in named:
            for item in subject.items:
                if not item.lost:
                    denied = negated ^ item.flipped ^ none_of
                    self._make(item.gene, Relation.TAKES_PART_IN, places[0].key, denied, hedged, places)
        self.read_to = last
        return True

    def _terms_before(self, i: int, prefix: str = "") -> tuple[TermRef, ...]:
        j = i
        while j > 0 and self.tags[j - 1] in "badnhU":
            j -= 1
        if not j:
            return ()
        start, end = self._end(self._before) if self._before >= 0 else 0, self._end(j - 1)
        self.looked.append((start, end))
        return self._lexicon.places.before(self.sentence.text, start, end, prefix)

    def _add(self, one: Item, other: Item, relation: Relation, denied: bool, hedged: bool) -> None:
        stated: Relation | None = relation
        if one.lost:
            stated = None if other.lost else _WHEN_LOST.get(relation)
        elif other.lost and relation is not Relation.INTERACTS_WITH:
            stated = None
        if stated is not None and one.gene != other.gene:
            self._make(one.gene, stated, other.gene, denied ^ one.flipped ^ other.flipped, hedged)

    def _make(  # noqa: PLR0917 - the parts of a statement, in their order
        self,
        subject: str,
        relation: Relation,
        object: str,
        denied: bool,
        hedged: bool,
        places: tuple[TermRef, ...] = (),
    ) -> None:
        self.found.append(
            RawStatement(
                self.sentence.text, subject, relation, object, "negated" if denied else "affirmed",
                "hedged" if hedged else "asserted", places,
            )
        )  # fmt: skip

    def _signed(self, i: int, relation: Relation) -> Relation:
        """Regulation with the sign that the word before says."""
        if i == 0 or relation is not Relation.REGULATES:
            return relation
        return _BY_ADVERB.get(self.words[i - 1].text[:8], relation)
