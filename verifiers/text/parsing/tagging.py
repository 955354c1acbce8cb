"""Prepares a sentence for parsing: resolves brackets, tags lost genes, groups genes into lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.lexicon import Sentence
from rbio_kg.verifiers.text.tags import Tag, letters, pattern
from rbio_kg.verifiers.text.vocabulary import Word

GENE_LIST = pattern("""
    [ANY_GENE]
    (?: MOD{0,2} [COMMA AND OR BUT NOR DASH RATHER]{1,3} MOD{0,2}   # "and", ", and also", "but"
        NOT? INCLUDING? [DET MOD WITH TO OF BY AGENT]* OTHER?       # "not by the protein"
        [ANY_GENE] )*
""")
"""Genes in a list.

>>> matched(GENE_LIST, "TP53, MYC but not the protein SP1 bind DNA.")
'TP53 , MYC but not the protein SP1'
"""
_VERB = pattern("[ACTIVE PARTICIPLE]")
"""A verb, which may speak of a gene's loss.

>>> matched(_VERB, "Silencing MYC lowers SP1.")
'lowers'
"""
_LOSS_WORD = pattern("[LOSS LOSING LOST DEED]")
"""A word without which no gene of a sentence is lost.

>>> matched(_LOSS_WORD, "Knockdown of MYC lowers SP1.")
'Knockdown'
"""
_LOST_BEHIND = pattern("""
    (?: [LOSING LOSS]                                                   # "knockdown", "lacking"
      | (?<! [ANY_GENE MEDIATED TO] ) REPRESSION (?= [OF DET] ) )       # "inhibition of", not "MYC inhibition of"
    (?: [DET MOD OTHER]{0,2} [OF PREP] | PREP )?                        # "of", "of the gene"
    [DET MOD]*
    (?P<genes> GENE (?: [AND OR] GENE )* )
    (?! MOD* BY )                                                       # not "loss of MYC by SP1"
""")
"""Lost genes behind a noun or verb of loss.

>>> tagged("Knockdown of MYC and SP1 changes TP53.").tags
'loK&KAG'
>>> tagged("Inhibition of MYC by SP1 is known.").tags
'NoGyGbd'
"""
_LOST_AHEAD = pattern("""
    (?<! CAUSE ) (?<! CAUSE DET )                                       # not "causes MYC depletion"
    (?P<genes> GENE (?: [AND OR] GENE )* )
    MOD?
    (?: [LOSS LOST] | REPRESSION (?! [OF DET] ) )
""")
"""Lost genes ahead of a noun or adjective of loss.

>>> tagged("MYC depletion changes TP53.").tags
'KlAG'
"""
_LOST_PREDICATE = pattern("""
    (?P<genes> GENE ) [AUX BE MOD HEDGE NOT]* BE [AUX BE MOD HEDGE NOT]* LOST
    (?! MOD* BY )                                                       # not "MYC is depleted by SP1"
""")
"""A gene of which a sentence says that it is lost.

>>> tagged("When MYC is lost, TP53 rises.").tags
'jKbv,GI'
"""
_CAUSE_AHEAD = pattern("[BE CAUSE] | ACTIVE [DET MOD OTHER DEED AND COMMA]* $")
"""What makes a noun of repression an effect, not a loss.

>>> matched(_CAUSE_AHEAD, "SP1 leads to a reduction of MYC.")
'leads'
>>> tagged("SP1 promotes the rapid degradation of MYC.").tags
'GADxNoG'
"""
_BY_AGENT = pattern("[MOD OTHER]* BY")
"""An agent behind a participle: the gene is repressed by another one, not lost.

>>> matched(_BY_AGENT, "MYC is silenced by SP1.", after="silenced")
'by'
"""
_PHRASES = {
    ("as", "well", "as"): Tag.COMMA + Tag.MOD + Tag.MOD,
    ("instead", "of"): Tag.RATHER + Tag.MOD,
}
_CAUSE_WITHIN = 5
"""Words ahead of a noun of repression among which a cause is looked for."""
_OPENS_CLAUSE = letters("PREP COLON IF")
_OPENERS = frozenset(("when", "while", "so"))
_GENES = letters("ANY_GENE")
_STATING = letters("ACTIVE PARTICIPLE MEMBERSHIP MEETING")


class ListedGene(NamedTuple):
    """A gene in a list.

    Args:
        token: position of its word.
        symbol: approved symbol.
        lost: whether it is lost, depleted or knocked down.
        negated: whether the list denies it: SP1 in "MYC but not SP1".
    """

    token: int
    symbol: str
    lost: bool = False
    negated: bool = False


@dataclass(slots=True)
class TaggedSentence:
    """A sentence that is ready to be parsed.

    Args:
        source: the sentence with its text.
        tags: one letter per word; lost genes are `Tag.LOST_GENE`, all others `Tag.GENE`.
        words: its words.
        lists: token of each gene to the list that it is in.
    """

    source: Sentence
    tags: str
    words: list[Word]
    lists: dict[int, list[ListedGene]] = field(default_factory=dict)


def tag_sentence(sentence: Sentence) -> TaggedSentence:
    """Prepare a sentence of the lexicon, which is changed: brackets become commas or go.

    Example:
        >>> tagged("MYC (a known target of TP53) lacks SP1.").tags
        'GnG'
        >>> tagged("MYC (which binds TP53) activates SP1.").tags
        'G,wAG,AG'
    """
    if Tag.OPEN in sentence.tags:
        _resolve_brackets(sentence)
    _join_phrases(sentence)
    found = TaggedSentence(sentence, sentence.tags, sentence.words)
    if Tag.GENE in found.tags:
        found.tags = _tag_lost_genes(found.words, found.tags)
        _find_lists(found)
    return found


def _join_phrases(sentence: Sentence) -> None:
    """Phrases that mean one word get its tag: "as well as" a comma, "instead of" that of "rather than".

    Example:
        >>> tagged("MYC, as well as SP1, binds TP53.").tags
        'G,,ddG,AG'
    """
    words, tags = sentence.words, sentence.tags
    for phrase, joined in _PHRASES.items():
        first = phrase[0]
        for i, word in enumerate(words):
            if word.text == first and tuple([w.text for w in words[i : i + len(phrase)]]) == phrase:
                tags = tags[:i] + joined + tags[i + len(phrase) :]
    sentence.tags = tags


def _resolve_brackets(sentence: Sentence) -> None:
    """Brackets that state something become commas; others are left out with all that is in them."""
    kept, opened = list[int](), -1
    tags = list(sentence.tags)
    for i, tag in enumerate(sentence.tags):
        kept.append(i)
        if tag == Tag.OPEN:
            opened = len(kept) - 1
        elif tag == Tag.CLOSE and opened >= 0:
            inside = [tags[k] for k in kept[opened:]]
            if Tag.GENE in inside and not _STATING.isdisjoint(inside):
                tags[kept[opened]] = tags[i] = Tag.COMMA
            else:
                del kept[opened:]
            opened = -1
    sentence.tags = "".join(tags)
    sentence.keep(kept)


def _tag_lost_genes(words: list[Word], tags: str) -> str:
    for match in _VERB.finditer(tags):
        i = match.start()
        if words[i].relation is Relation.REPRESSES and (tag := _tag_of_repression(words, tags, i)) != tags[i]:
            tags = tags[:i] + tag + tags[i + 1 :]
    if _LOSS_WORD.search(tags) is None:
        return tags
    # Of the nouns only those of repression ("inhibition of A") may speak of a gene's loss.
    repression = [word.tag == Tag.DEED and word.relation is Relation.REPRESSES for word in words]
    matched = "".join([Tag.REPRESSION if is_one else tag for tag, is_one in zip(tags, repression, strict=True)])
    for lost in (_LOST_BEHIND, _LOST_AHEAD, _LOST_PREDICATE):
        for match in lost.finditer(matched):
            start, end = match.span("genes")
            if _is_effect(matched, match.start()):
                continue
            tags = tags[:start] + matched[start:end].replace(Tag.GENE, Tag.LOST_GENE) + tags[end:]
    return tags


def _is_effect(tags: str, i: int) -> bool:
    """Whether the noun of repression at token i is an effect: "promotes degradation of A" says what happens to A."""
    return tags[i] == Tag.REPRESSION and _CAUSE_AHEAD.search(tags, max(0, i - _CAUSE_WITHIN), i) is not None


def _tag_of_repression(words: list[Word], tags: str, i: int) -> str:
    """The tag of a verb of repression, which may speak of a gene's loss: "repressing A", "A is silenced"."""
    word, following = words[i], tags[i + 1 : i + 2]
    if word.tag == Tag.ACTIVE and word.text.endswith("ing"):
        opens = i == 0 or tags[i - 1] in _OPENS_CLAUSE or words[i - 1].text in _OPENERS
        if opens and following in (Tag.GENE, Tag.DET, Tag.OF):
            return Tag.LOSING
        if word.text == "silencing" and tags[i - 1 : i] == Tag.GENE and following not in (Tag.GENE, Tag.DET):
            return Tag.LOST
    if word.tag == Tag.PARTICIPLE and word.text in ("silenced", "inhibited") and Tag.BE in tags[max(0, i - 3) : i]:
        return tags[i] if _BY_AGENT.match(tags, i + 1) else Tag.LOST
    return tags[i]


def _find_lists(sentence: TaggedSentence) -> None:
    for match in GENE_LIST.finditer(sentence.tags):
        genes: list[ListedGene] = []
        # "Unlike A, B does it": A does not.
        negated, joint = match.start() > 0 and sentence.words[match.start() - 1].text == "unlike", ""
        unlike = negated
        for i in range(*match.span()):
            tag = sentence.tags[i]
            if tag not in _GENES:
                joint += tag
                continue
            if unlike and Tag.COMMA in joint:
                negated = unlike = False
            elif Tag.BUT in joint:
                negated = Tag.NOT in joint
            elif Tag.NOT in joint or Tag.RATHER in joint:
                negated = True
            genes.append(ListedGene(i, sentence.words[i].gene or "", tag == Tag.LOST_GENE, negated))
            sentence.lists[i] = genes
            joint = ""
