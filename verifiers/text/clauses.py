"""Reading one sentence of tagged words: each word that states a relation, with who does it and to whom.

Words are letters (`rbio_kg.verifiers.text.vocabulary`): what may stand around them is a regular expression over a
string of letters.
"""

from __future__ import annotations

import re
from itertools import combinations

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.assertions import OF_TERMS, SIGNS, Assertions, RawStatement
from rbio_kg.verifiers.text.roles import BY
from rbio_kg.verifiers.text.vocabulary import PROMOTERS, TRIGGERS

_TRIGGER = re.compile(f"[{TRIGGERS}]")
_INNER_DEED = re.compile(r"[Dd]*t[dx]?N|[Dd]*N(?=[oDd]*[GKt]|$)")
_EACH_OTHER = re.compile(r"[W2d]*m")
_VERB_CHAIN = re.compile(r"(W?)d*[,&VrRu]+[andhU]*[AS]")
_IS_DONE = re.compile(r"b[adhnU]*$")
_DEED_BY = re.compile(r"d{0,2}y")
_OF = re.compile(r"[dx]*[opW]")
_BETWEEN = re.compile(r"[Ddx]*(?=[GK])")
_MEETS = re.compile(r"d*[W2][Dd]*(?=[GK])")
_JOINED = re.compile(r"[GK]/[GK]d*$")
_BARE_GENE = re.compile(r"[GK]d*$")
_FORMED = re.compile(r"[Fp][Dxd]*$")
_MEDIATED_DEED = re.compile(r"[Ddx]*[NS]")
_BY_SIGN = {sign: relation for relation, sign in SIGNS.items()}


class ClauseReader(Assertions):
    """Reads one sentence; `topic` are the genes that "it" means at its beginning."""

    def read(self) -> tuple[RawStatement, ...]:
        """What the sentence states, in its order."""
        match = _TRIGGER.search(self.tags)
        while match:
            i = match.start()
            relation = self.words[i].relation or Relation.TAKES_PART_IN
            _READERS[self.tags[i]](self, i, self._signed(i, relation))
            match = _TRIGGER.search(self.tags, max(i, self.read_to) + 1)
        return tuple(self.found)

    # One method for each kind of word that states a relation

    def _active(self, i: int, relation: Relation) -> None:
        if self.words[i].text.startswith(("turn", "switch")) and self._text(i + 1) in ("off", "down"):
            relation = Relation.REPRESSES
        deed = _INNER_DEED.match(self.tags, i + 1)
        inner = self.words[deed.end() - 1].relation if deed else None
        if deed and relation in SIGNS and inner in SIGNS:
            # "Promotes the degradation of B": the signs multiply.
            relation, at = _BY_SIGN[SIGNS[relation] * SIGNS[inner]], deed.end() - 1
            objects, last = (self.pronoun_object(i), at) if "t" in deed.group() else self.objects(at)
            self._state(i, relation, objects, last)
            self.read_to = at
            return
        if _EACH_OTHER.match(self.tags, i + 1) and {"other", "another"} & {w.text for w in self.words[i + 2 : i + 5]}:
            self._mutual(i, relation)
            return
        objects, last = self.objects(i)
        chain = None if objects else _VERB_CHAIN.match(self.tags, i + 1)
        if chain and (chain.group(1) or not self.words[i].after):
            # "Binds and inhibits B": the verbs share their object.
            objects, last = self.objects(chain.end() - 1)[0], i
        if not objects and self.tags[(chain.end() if chain else i + 1) :][:1] == "t":
            objects = self.pronoun_object(i)
        if not objects and self._causes_change(i):
            objects, last = self.objects(i + 1)
        if objects:
            promoter = relation is Relation.INTERACTS_WITH and any(
                word.text in PROMOTERS for word in self.words[i + 1 : last + 2]
            )
            self._state(i, Relation.REGULATES if promoter else relation, objects, last)
        elif relation is Relation.INTERACTS_WITH:
            self._mutual(i, relation)
        elif not self._in_terms(i, self._end(i), OF_TERMS[relation]):
            self._change(i, relation)

    def _participle(self, i: int, relation: Relation) -> None:
        by = BY.match(self.tags, i + 1)
        if by:
            if "N" in by.group():
                relation = self.words[by.end() - 2].relation or relation
            agents, last = self.objects(by.end() - 1, denied="n" in by.group())
            if not agents and self.tags[by.end() : by.end() + 1] == "t":
                agents, last = self.pronoun_object(i), by.end()
            self._state(i, relation, agents, last, passive=True)
            return
        done = _IS_DONE.search(self.tags, max(0, i - 6), i) is not None
        if done and not (relation is Relation.INTERACTS_WITH and self.tags[i + 1 : i + 2] in ("W", "2")):
            self._change(i, relation)
        else:
            self._active(i, relation)

    def _deed(self, i: int, relation: Relation) -> None:
        """ "Activation of B by A", "leads to activation of B", "causes B activation", "under the control of A"."""
        objects, last = self.objects(i) if self.tags[i + 1 : i + 2] in ("o", "d", "4") else ([], i)
        if "under" in (self._text(i - 1), self._text(i - 2)):
            self._state(i, relation, objects, last, passive=True)
        elif objects:
            by = _DEED_BY.match(self.tags, last + 1)
            if by:
                agents, end = self.objects(by.end() - 1)
                self._join(i, relation, agents, objects, end)
            elif self.words[i].text.startswith("effect") or self._caused(i):
                self._state(i, relation, objects, last)
        elif self.tags[i - 1 : i] == "G" and any(tag in "cF" for tag in self.tags[max(0, i - 4) : i - 1]):
            self._state(i - 1, relation, self.lists[i - 1][-1:], i)

    def _agent(self, i: int, relation: Relation) -> None:
        """ "A is an inhibitor of B", "B is a target of A"."""
        word = self.words[i]
        of = _OF.match(self.tags, i + 1)
        if not of and word.text != "targets":
            return
        objects, last = self.objects(i)
        if objects:
            self._state(i, relation, objects, last, passive=word.inverse and of is not None)
        else:
            self._in_terms(i, self._end(i), OF_TERMS.get(relation, ""))

    def _meeting(self, i: int, relation: Relation) -> None:
        """ "Interaction between A and B", "binding of A to B", "the A-B complex", "forms a complex with B"."""
        following = self.tags[i + 1 : i + 2]
        if following == "o" or self._text(i + 1) in ("between", "among"):
            match = _BETWEEN.match(self.tags, i + 2)
            if match:
                first = self.lists[match.end()]
                joint = _MEETS.match(self.tags, first[-1].at + 1)
                second = self.lists[joint.end()] if joint else []
                pairs = [(a, b) for a in first for b in second] or list(combinations(first, 2))
                self._pair(i, relation, pairs, i, (second or first)[-1].at)
            return
        close = _JOINED.search(self.tags, max(0, i - 5), i)
        if close and following != "W":
            one, other = (item for item in self.lists[close.start()] if item.at in (close.start(), close.start() + 2))
            self._pair(i, relation, [(one, other)], close.start(), i)
            return
        objects, last = self.objects(i)
        if objects and (following in ("W", "2") or _BARE_GENE.search(self.tags, max(0, i - 4), i)):
            self._state(i, relation, objects, last)
        elif not objects and _FORMED.search(self.tags, max(0, i - 5), i):
            self._mutual(i, relation)

    def _part(self, i: int, relation: Relation) -> None:
        after, at = self.words[i].after, i
        if after:
            at += 1
            while self._text(at) not in after:
                if self.tags[at : at + 1] != "d":
                    return
                at += 1
        self._in_terms(i, self._end(at))

    def _has(self, i: int, relation: Relation) -> None:
        if self.tags[i - 1 : i] in ("G", "d"):
            self._in_terms(i, self._end(i))

    def _needs(self, i: int, relation: Relation) -> None:
        """ "Autophagy requires ATG7"."""
        objects, last = self.objects(i)
        places = self._terms_before(i) if objects else ()
        if places:
            self._part_of(i, objects, places, last)

    def _mediated(self, i: int, relation: Relation) -> None:
        """ "A-mediated activation of B", "A-driven B expression"."""
        deed, own = _MEDIATED_DEED.match(self.tags, i + 1), self.words[i].relation
        at = deed.end() - 1 if deed else i
        objects, last = self.objects(at)
        if objects and i - 1 in self.lists:
            relation = own or self.words[at].relation or Relation.ACTIVATES
            self._join(i, relation, self.lists[i - 1][-1:], objects, last)
            self.read_to = last

    def _moves(self, i: int, relation: Relation) -> None:
        text = self.words[i].text
        if text.startswith(("go", "went")):
            if self._text(i + 1) not in ("up", "down"):
                return
            relation = Relation.ACTIVATES if self._text(i + 1) == "up" else Relation.REPRESSES
        if self._causes_change(i):
            objects, last = self.objects(i + 1)
            self._state(i, relation, objects, last)
            return
        self._change(i, relation, denied=text.startswith("un"))


_READERS = {
    "A": ClauseReader._active,
    "S": ClauseReader._participle,
    "N": ClauseReader._deed,
    "E": ClauseReader._agent,
    "X": ClauseReader._meeting,
    "P": ClauseReader._part,
    "Q": ClauseReader._needs,
    "M": ClauseReader._mediated,
    "I": ClauseReader._moves,
    "H": ClauseReader._has,
}
