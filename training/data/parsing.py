"""Parser of questions in words: the claim of a question by one of our templates, or in other plain words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation
from rbio_kg.training.prompts.templates import FAMILY_RELATIONS, family_of, templates

if TYPE_CHECKING:
    from rbio_kg.verifiers.text.lexicon import Lexicon

_LOSS = r"(?:losing|loss of|lacking|without|knock(?:s|ed|ing)?(?:[ -](?:down|out))?(?: of)?|knock(?:down|out)s? of)"
_LOST = r"(?:[ -]?knock(?:down|out)|(?: is| gets| was)? (?:knocked (?:down|out)|lost))"
_AHEAD = re.compile(rf"\b{_LOSS}(?: the)?(?: gene)? $", re.IGNORECASE)
_BEHIND = re.compile(rf"{_LOST}\b", re.IGNORECASE)
_KNOCKED = re.compile(rf"\bknock(?:s|ed|ing)? GENE (?:down|out)\b|\b{_LOSS}\b|{_LOST}\b", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\bcells?\b|\bin (?!(?:the )?(?:expression|levels?|GENE)\b)", re.IGNORECASE)
"""A term is named that is no known cell line."""
_DENIED = re.compile(
    r"\b(?:not|no|never|neither|nor|or|unless)\b|n['\N{RIGHT SINGLE QUOTATION MARK}]t\b", re.IGNORECASE
)
_GIVEN = re.compile(
    r"\b(?:if|(?:given|provided|assuming)(?: that)?) (?:GENE|it) (?:chang|alter|differ|mov)\w*", re.IGNORECASE
)
"""A change is taken for granted, and the question is about its direction only."""
_SAID = {
    Relation.CHANGES_EXPRESSION_OF: r"chang\w+|change|affect\w*|alter\w*|mov(?:e|es|ing)|differ\w*|matter\w*",
    Relation.INCREASES: r"rais\w+|ris(?:e|es|ing)|increas\w+|up(?:regulat\w+)?|up-regulat\w+|higher|more",
    Relation.DECREASES: r"lower\w*|decreas\w+|reduc\w+|fall\w*|drop\w*|down(?:regulat\w+)?|down-regulat\w+|less",
}
_GIVEN_CHANGE = {
    Relation.INCREASES: Relation.INCREASES_IF_CHANGED,
    Relation.DECREASES: Relation.DECREASES_IF_CHANGED,
}


@dataclass(frozen=True, slots=True)
class ReadQuestion:
    """A question that was parsed.

    Args:
        claim: what yes would claim.
        family: which questions it belongs to.
        template: the number of the family's sentence template; 0 for other words.
        object_name: what an object is called that is known by an id.
    """

    claim: Claim
    family: str
    template: int = 0
    object_name: str | None = None


def lines_named(text: str, known: Collection[str]) -> list[str]:
    """The known cell lines that a text names, letter case aside, in the order of their names."""
    return [line for line in sorted(known) if re.search(rf"(?<![\w-]){re.escape(line)}(?![\w-])", text, re.IGNORECASE)]


def read_question(text: str, lexicon: Lexicon, *, cell_line: str | None, known: Collection[str]) -> ReadQuestion | None:
    """What a question claims; None where that is not plain.

    Accepted are the templates of every family, and any sentence without a negation that names two genes, says that one
    of them is lost or knocked down, and states at most one way in which the other changes.

    Args:
        text: the question.
        lexicon: the names of genes, terms and pathways.
        cell_line: of a knockdown where the text names none.
        known: cell lines that a text may name; one that names two is not plain.
    """
    named = lines_named(text, known)
    if len(named) > 1:
        return None
    line = named[0] if named else cell_line
    bare = " ".join(_without_line(text, line).split()).rstrip(" ?.!")
    found = list(_by_template(bare, lexicon, line)) or list(_free(bare, lexicon, line))
    return found[0] if len({question.claim for question in found}) == 1 else None


def _without_line(text: str, line: str | None) -> str:
    if line is None:
        return text
    before = r"(?:,?\s*\b(?:in|of)\s+)?(?:the\s+)?(?<![\w-])"
    after = r"(?![\w-])(?:[ -]?(?:cells?(?: line)?|line))?[:,]?"
    return re.sub(f"{before}{re.escape(line)}{after}", "", text, flags=re.IGNORECASE)


def _by_template(text: str, lexicon: Lexicon, line: str | None) -> Iterator[ReadQuestion]:
    kinds = [(family, relation) for family, relations in FAMILY_RELATIONS.items() for relation in relations]
    for family, relation in kinds:
        for number, template in enumerate(templates(family, relation)):
            pattern = re.escape(template.rstrip("?")).replace(r"\{a\}", "(?P<a>.+)").replace(r"\{b\}", "(?P<b>.+)")
            match = re.fullmatch(pattern, text, re.IGNORECASE)
            if match is None or (subject := _gene(match["a"], lexicon)) is None:
                continue
            name = None
            if relation is Relation.TAKES_PART_IN:
                term = _term_or_pathway(match["b"], lexicon)
                target, name = term if term is not None else (None, None)
            else:
                target = _gene(match["b"], lexicon)
            if target is not None and target != subject:
                where = line if relation in KNOCKDOWN_RELATIONS else None
                yield ReadQuestion(Claim(subject, relation, target, where), family, number, name)


def _gene(text: str, lexicon: Lexicon) -> str | None:
    """The gene that a text is the name of."""
    if (symbol := lexicon.snapshot.resolve(text)) is not None:
        return symbol
    mentions = lexicon.genes(text)
    whole = len(mentions) == 1 and (mentions[0].start, mentions[0].end) == (0, len(text))
    return mentions[0].symbol if whole else None


def _term_or_pathway(text: str, lexicon: Lexicon) -> tuple[str, str] | None:
    """Id and name of the one term or pathway that a text is the id or name of."""
    graph = lexicon.snapshot
    ids = [*graph.terms.keys, *graph.pathways.keys]
    names = [*graph.term_names, *graph.pathway_names]
    found = [
        (key, name)
        for key, name in zip(ids, names, strict=True)
        if key == text or name.lower() == text.lower().removeprefix("the ")
    ]
    return found[0] if len(found) == 1 else None


def _free(text: str, lexicon: Lexicon, line: str | None) -> Iterator[ReadQuestion]:
    mentions = lexicon.genes(text)
    if len({mention.symbol for mention in mentions}) != 2 or _DENIED.search(text):
        return
    lost = {
        mention.symbol
        for mention in mentions
        if _AHEAD.search(text[: mention.start]) or _BEHIND.match(text, mention.end)
    }
    rest = text
    for mention in reversed(mentions):
        rest = f"{rest[: mention.start]}GENE{rest[mention.end :]}"
    # "knocked down" says nothing of the way the other gene goes.
    rest, given = _GIVEN.subn(" ", _KNOCKED.sub(" ", rest))
    said = [relation for relation, words in _SAID.items() if re.search(rf"\b(?:{words})\b", rest, re.IGNORECASE)]
    if len(lost) != 1 or len(said) > 1 or _ELSEWHERE.search(rest):
        return
    relation = said[0] if said else Relation.CHANGES_EXPRESSION_OF
    relation = _GIVEN_CHANGE.get(relation, relation) if given else relation
    subject = lost.pop()
    target = next(mention.symbol for mention in mentions if mention.symbol != subject)
    yield ReadQuestion(Claim(subject, relation, target, line), family_of(relation))
