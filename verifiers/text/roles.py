"""Who is the subject of a verb, what is its object, and whether it is denied or hedged."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rbio_kg.verifiers.text.lexicon import Sentence
from rbio_kg.verifiers.text.tagging import Item, TaggedSentence
from rbio_kg.verifiers.text.vocabulary import TRIGGERS

_GAP = re.compile(
    r"[DdW24a]*(?:n(?=[Dd]*[GKE])|(?:x|d)*[do]?o|x(?=[GKDdo])|x(?=x[do]))?[DdoW2]*x?[DdoW2]*(?:,?id?)?(?=[GK])"
)
"""What may stand between a verb and its object."""
BY = re.compile(r"[dx4]{0,2}(?:pN)?n?y")
_SMALL = frozenset("abdDnhU2lvcFo")
_SHARED = frozenset(",&VurRj:")
_CUT = frozenset(",j:u")
_FAR = 8
"""Words that may lie between a subject and its verb when they are not small words."""
_SINGULAR = frozenset(("is", "was", "does", "has", "doesn't", "isn't", "wasn't"))
_IS_LOST = re.compile(r"[adhn]*b[adhn]*v")
_NEXT_VERB = re.compile(r"[adbnhlvU]*([A-Z])")
_HEDGE = re.compile(r"[hUf]")
_MORE = re.compile(f"[{TRIGGERS}GK&uVj:]")
_INSERTED = re.compile(r"F.*,")
_ASKED = re.compile(r"q|z.*f")


@dataclass(slots=True)
class Subject:
    """Whom a verb speaks of; tokens `first` to `last`, or taken over from an earlier verb over the word at `link`."""

    items: list[Item]
    first: int = -1
    last: int = -1
    link: int = -1


class Grammar(TaggedSentence):
    """Reads around a verb; what one verb leaves for the next is kept from left to right."""

    def __init__(self, sentence: Sentence, topic: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.topic = topic
        self.used_topic = False
        """Whether what is read depends on the sentence before."""
        self._shared: Subject | None = None
        self._before = -1
        self._claimed = -1
        self._negated = self._hedged = self._bare = False

    def objects(self, i: int, denied: bool = False) -> tuple[list[Item], int]:
        """The genes that stand as an object behind the word at i, and the last one's place."""
        gap = _GAP.match(self.tags, i + 1)
        if gap is None:
            return [], i
        start = gap.end()
        items = [item for item in self.lists[start] if item.at >= start]
        denied, base = denied or "n" in gap.group(), items[0].flipped
        found: list[Item] = []
        for place, item in enumerate(items):
            # "Not by A but by B": what leads up to the list denies it as far as its "but".
            denied = denied and not (place and "u" in self.tags[items[place - 1].at : item.at])
            found.append(Item(item.at, item.gene, item.lost, denied or item.flipped != base))
        while len(found) > 1 and self._begins_clause(found[-1].at):
            found.pop()
        return found, found[-1].at

    def _begins_clause(self, j: int) -> bool:
        """Whether the gene at token j is the subject of a verb right behind it."""
        if _IS_LOST.match(self.tags, j + 1):
            return True
        match = _NEXT_VERB.match(self.tags, j + 1)
        if match is None:
            return False
        tag, verb = match.group(1), match.end() - 1
        if tag == "S":
            return "b" in match.group() or BY.match(self.tags, verb + 1) is None
        return tag in "APQIH" or (tag == "E" and self.words[verb].text == "targets")

    def pronoun_object(self, i: int) -> list[Item]:
        """The gene that "it" means as an object: the nearest before that is not the subject."""
        subject = self.subject(i)
        own = {item.gene for item in subject.items} if subject else set()
        for k in range(i - 1, -1, -1):
            gene = self.words[k].gene
            if gene is not None and gene not in own:
                return [Item(k, gene)]
        self.used_topic = True
        return [Item(-1, gene) for gene in self.topic if gene not in own]

    def subject(self, i: int) -> Subject | None:
        """Whom the verb at token i speaks of."""
        tags = self.tags
        j = i - 1
        while j >= 0 and (tags[j] in _SMALL or self.words[j].text == "binding"):
            j -= 1
        if j >= 0 and tags[j] in _SHARED:
            inserted = j - 1 if tags[j] == "," else -1
            if inserted > self._claimed and tags[inserted] in "GK":
                return self._listed(inserted, i)
            if self._shared is not None:
                return Subject(self._shared.items, -1, self._shared.last, j)
        if j < 0 and self.topic and (self.words[i].text.endswith("s") or BY.match(tags, i + 1)):
            return self._topic(j)
        for k in range(j, max(-1, min(self._claimed, j - 1), j - _FAR), -1):
            if tags[k] == "w" and not _INSERTED.search(tags, k, i):
                return self._antecedent(k)
            if tags[k] == "t":
                return self._pronoun(k)
            if tags[k] in "GK":
                return self._listed(k, i) if k > self._claimed else None
            if tags[k] in "ASX" or (tags[k] == "j" and k != j):
                return None
        return None

    def _antecedent(self, j: int) -> Subject | None:
        """The gene that "which" at token j speaks of."""
        for k in range(j - 1, -1, -1):
            if self.tags[k] in "GK":
                return Subject([item for item in self.lists[k] if item.at == k], k, k)
        return None

    def _pronoun(self, j: int) -> Subject | None:
        text = self.words[j].text
        earlier = [item for k in sorted(self.lists) if k < j for item in self.lists[k] if item.at == k]
        if text in ("they", "them"):
            items = list({item.gene: item for item in earlier}.values())
        elif text == "latter":
            items = earlier[-1:]
        elif self._shared is not None:
            items = self._shared.items[:1]
        else:
            items = earlier[:1]
        return Subject([Item(item.at, item.gene, item.lost) for item in items], j, j) if items else self._topic(j)

    def _topic(self, j: int) -> Subject | None:
        """The gene that the sentence before spoke of, meant by the word at token j or by none."""
        self.used_topic = True
        return Subject([Item(-1, gene) for gene in self.topic], j, j) if self.topic else None

    def _listed(self, j: int, i: int) -> Subject:
        """The list that ends with the gene at token j, as the subject of the verb at token i."""
        items = [item for item in self.lists[j] if self._claimed < item.at <= j]
        verb = self.words[i]
        if len(items) > 1 and (
            (verb.tag == "A" and verb.text.endswith("s")) or any(w.text in _SINGULAR for w in self.words[j + 1 : i])
        ):
            # One gene only is the subject of "regulates": an "and" before it joins clauses, not genes.
            joint = self.tags[items[-2].at + 1 : items[-1].at]
            if "&" in joint and not any(tag in joint for tag in "nuR") and not self._none_of(items[0].at):
                items = items[-1:]
        if items[0].flipped and items[-1].flipped:
            items = [Item(item.at, item.gene, item.lost) for item in items]
        return Subject(items, items[0].at, j)

    def _none_of(self, j: int) -> bool:
        """Whether the list that begins with the gene at token j is denied as a whole: "none of A, B and C"."""
        while j > 0 and self.tags[j - 1] in "oDd":
            j -= 1
        return self.tags[j - 1 : j] == "n"

    def settle(self, i: int, subject: Subject, last: int) -> tuple[bool, bool]:
        """Whether the verb at i is denied, and hedged; notes what the next verb may take over."""
        bare = self.words[i].bare
        start = subject.last if subject.first >= 0 else subject.link
        between = self.tags[start + 1 : i]
        negated = (self._denials(start + 1, i) % 2 == 1) ^ ("U" in between)
        hedged = _HEDGE.search(between) is not None
        if subject.first >= 0:
            opened, unsure = self.opening(subject.first)
            negated, hedged = negated ^ opened, hedged or unsure
        else:
            link = self.tags[subject.link]
            if link in "Vr" or (link in ",&R" and bare and self._bare):
                negated, hedged = negated or self._negated, hedged or self._hedged
            if link == "R":
                negated = not self._negated
        self._shared, self._bare = subject, bare
        self._negated, self._hedged = negated, hedged
        self.claim(i, last)
        return negated, hedged or self._tail_hedged(last)

    def claim(self, i: int, last: int) -> None:
        """Note that the word at i is read, and that genes up to token `last` are used up as its objects."""
        self._before, self._claimed = i, max(self._claimed, last)

    def leave(self, last: int) -> None:
        """Note that genes up to token `last` are used up by a verb that states nothing."""
        self._claimed, self._shared = max(self._claimed, last), None

    def opening(self, start: int) -> tuple[bool, bool]:
        """Whether what leads up to token `start` denies what follows, and whether it hedges it."""
        begin = max(self._before, self._claimed) + 1
        for k in range(start - 1, begin - 1, -1):
            if self.tags[k] in _CUT:
                begin = k + 1 if self.tags[k] != "j" else k
                break
        opening = self.tags[begin:start]
        negated = self._denials(begin, start) % 2 == 1
        return negated ^ ("U" in opening), _HEDGE.search(opening) is not None

    def _denials(self, start: int, end: int) -> int:
        count, k = 0, self.tags.find("n", start, end)
        while k >= 0:
            following = self.words[k + 1].text if k + 1 < len(self.words) else ""
            count += following not in ("only", "just", "merely")
            k = self.tags.find("n", k + 1, end)
        return count

    def _tail_hedged(self, last: int) -> bool:
        return "h" in self.tags[last + 1 :] and _MORE.search(self.tags, last + 1) is None

    def asked(self, subject: Subject) -> bool:
        """Whether the sentence asks if something holds ("whether A binds B is unknown")."""
        return subject.first >= 0 and _ASKED.search(self.tags, max(self._before, 0), subject.first) is not None
