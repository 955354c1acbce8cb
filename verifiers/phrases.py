"""The wordings by which a text states a relation, and the small words around them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rbio_kg.claims import Relation

Shape = Literal["active", "passive", "mutual", "between", "nominal", "part"]
"""How the phrase joins its arguments: `active` A _ B; `passive` B _ A; `mutual` A and B _; `between` _ A and B;
`nominal` _ B by A; `part` A _ term."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A wording found in a sentence, at characters `start` to `end`."""

    start: int
    end: int
    relation: Relation
    shape: Shape


_VERBS: dict[Relation, str] = {
    Relation.REGULATES: "regulate control modulate target affect influence alter change",
    Relation.ACTIVATES: "activate transactivate induce upregulate up-regulate stimulate promote enhance increase",
    Relation.REPRESSES: "repress inhibit downregulate down-regulate suppress silence reduce decrease lower block",
}
_AGENTS: dict[Relation, str] = {
    Relation.REGULATES: "regulator modulator",
    Relation.ACTIVATES: "activator inducer",
    Relation.REPRESSES: "repressor inhibitor suppressor",
}
_DEEDS: dict[Relation, str] = {
    Relation.REGULATES: "regulation control modulation",
    Relation.ACTIVATES: "activation induction upregulation up-regulation stimulation",
    Relation.REPRESSES: "repression inhibition downregulation down-regulation suppression silencing",
}
_INTERACTS = Relation.INTERACTS_WITH
_PART = Relation.TAKES_PART_IN
_OTHERS: list[tuple[Relation, Shape, str]] = [
    (_INTERACTS, "mutual", r"interact(?:s|ed)? with (?:each other|one another)|(?:bind|contact) each other"),
    (_INTERACTS, "active", r"forms? (?:a |an )?(?:\w+ )?complex(?:es)? with|complex(?:es)? with"),
    (_INTERACTS, "mutual", r"(?:are|were) (?:\w+ ){0,2}(?:partners|interactors)|forms? (?:a |an )?(?:\w+ )?complex"),
    (_INTERACTS, "between", r"(?:interactions?|associations?|binding|complex|contacts?) (?:between|among|of)"),
    (_INTERACTS, "between", r"(?:links?|edges?) between"),
    (_INTERACTS, "active", r"interact(?:s|ed|ing)? with|associat(?:es?|ed|ing) with|partner(?:s|ed)? with"),
    (_INTERACTS, "active", r"(?:binds|bind|bound|binding)(?: directly| physically)?(?: to| with| by)?|contacts"),
    (_INTERACTS, "active", r"(?:linked|connected|coupled) (?:to|with)"),
    (_INTERACTS, "active", r"(?:interactions?|associations?|contacts?) with|(?:partners?|interactors?) of"),
    (_INTERACTS, "mutual", r"interact"),
    (Relation.REGULATES, "passive", r"targets? of|under (?:the )?control of"),
    (_PART, "part", r"t(?:akes?|ook|aking) part in|participat(?:es?|ed|ing) in|(?:involved|implicated) in"),
    (_PART, "part", r"(?:plays?|played|has|have) (?:a |an )?(?:\w+ ){0,2}(?:role|roles|part) in"),
    (_PART, "part", r"(?:functions?|acts?|works?) in|contributes? to|belongs? to"),
    (_PART, "part", r"(?:members?|components?|subunits?|part) of|annotated (?:with|to|as)"),
    (_PART, "part", r"(?:required|needed|essential) for|locali[sz](?:es?|ed) (?:to|in)|(?:located|found) in"),
]

_BY = r"(?:\s+\w+ly)?\s+by"
_NOT_AFTER_BE = "".join(rf"(?<!\b{form} )" for form in ("is", "are", "was", "were", "been", "be"))


def _verb_forms(verb: str) -> tuple[str, str]:
    """Finite and continuous forms, and the past participle, as expressions."""
    if verb.endswith("e"):
        stem = verb[:-1]
        return f"{stem}(?:e|es|ing)", f"{stem}ed"
    doubled = "l?" if verb.endswith("l") else ""
    return f"{verb}(?:e?s|{doubled}ing)?", f"{verb}{doubled}ed"


def _rows() -> list[tuple[Relation, Shape, str]]:
    rows = list(_OTHERS)
    for relation, verbs in _VERBS.items():
        for verb in verbs.split():
            finite, participle = _verb_forms(verb)
            # A participle without "by" is active only where no form of "be" stands before it ("A activated B").
            rows += [
                (relation, "passive", participle + _BY),
                (relation, "active", finite),
                (relation, "active", _NOT_AFTER_BE + participle),
            ]
    for relation, agents in _AGENTS.items():
        rows += [(relation, "active", f"{agent}s? of") for agent in agents.split()]
    for relation, deeds in _DEEDS.items():
        rows += [(relation, "nominal", f"{deed} of") for deed in deeds.split()]
    return rows


_ROWS = _rows()
# In the order of the table: the first wording that fits at a place is taken, so longer ones stand first.
_PHRASE = re.compile("|".join(rf"(?P<p{i}>\b(?:{wording})(?!\w))" for i, (_, _, wording) in enumerate(_ROWS)))
_SIGN = re.compile(r"\b(negative|positive)(?:ly)? $")
_SIGNED = {"negative": Relation.REPRESSES, "positive": Relation.ACTIVATES}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LINKS = _words(", and or nor & / - as well plus also both but not")
"""What may stand between the items of a list."""
NEGATIONS = _words("no not never neither nor cannot without fails fail failed unable lacks lack lacking hardly")
"""Words right before a phrase that deny it (and any word in n't)."""
HEDGES = _words("""
    may might could possibly perhaps probably likely presumably potentially potential putative putatively appears appear
    seems seem suggest suggests suggested thought believed hypothesised hypothesized predicted expected would if assume
    assuming suppose maybe unclear conceivably
""")
DOUBTS = re.compile(
    r"\bno (?:\w+ ){0,3}(?:evidence|indication|proof|sign|support|data|reason|reports?)\b"
    r"|\bnot (?:\w+ ){0,2}(?:true|case|likely|shown|evident|believe|think|evidence)\b"
    r"|\b(?:unlikely|false|wrong) that\b|\bneither\b|\bnever\b|\brules? out\b|\bdoubt\w*\b"
    r"|\black of\b|\bevidence against\b"
)
"""Wordings before the subject that deny the whole statement."""
_LOSS = r"knock-?\s?(?:ed)?-?\s?(?:down|out)|depletion|depleted|silenc(?:ing|ed)|loss|lost|deletion|deleted|inhibition"
KNOCKDOWN = re.compile(
    rf"(?:{_LOSS}|repression|reduction|absence|crispri) of (?:the )?(?:gene )?$"
    r"|(?:knocking (?:down|out)|depleting|silencing|deleting|losing|without|inhibiting) (?:the )?$"
)
"""Wordings right before a gene that speak of taking it away."""
KNOCKED_DOWN = re.compile(rf"^[\s-]*(?:gene )?(?:(?:is|was|are|were|being) )?(?:{_LOSS})\b")
"""Wordings right after a gene that speak of taking it away."""
BEFORE = _words("""
    is are was were be been being has have had does do did not never also both directly indirectly itself
    protein proteins gene genes product products a an the to known that which who can could may might would will
    should must thought likely probably possibly perhaps potentially appears appear seems seem physically
    strongly weakly shows show showed no in fact cannot fails fail failed unable lacks lack important key
    central major transcriptional direct negative positive together each hardly predicted expected believed then
    only
""")
"""Words that may stand between a subject and its phrase (and any word in -ly or n't)."""
AFTER = _words("""
    the a an its expression level levels of activity activities transcription gene genes protein proteins promoter mrna
    target targets both either such as like including neither transcript transcripts known with to directly also partner
    partners on abundance amount amounts only same human no
""")
"""Words that may stand between a phrase and its object (and any word in -ly)."""
PRONOUNS = _words("it they this")


def find_phrases(text: str) -> list[Phrase]:
    """The wordings in a lower-case sentence, from left to right, without overlaps."""
    found = []
    for match in _PHRASE.finditer(text):
        relation, shape, _ = _ROWS[int((match.lastgroup or "p0")[1:])]
        sign = _SIGN.search(text[max(0, match.start() - 12) : match.start()])
        if sign and relation is Relation.REGULATES:
            relation = _SIGNED[sign.group(1)]
        found.append(Phrase(match.start(), match.end(), relation, shape))
    return found
