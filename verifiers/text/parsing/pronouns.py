"""Replaces pronouns for a gene that is lost by the gene: "knocking it down", "its loss"."""

from __future__ import annotations

from rbio_kg.verifiers.text.lexicon import Sentence
from rbio_kg.verifiers.text.tags import Tag, pattern
from rbio_kg.verifiers.text.vocabulary import Word

_LOST_PRONOUN = pattern("""
    (?: LOSING | LOSS OF ) (?P<behind> PRONOUN )                        # "knocking it down", "loss of it"
  | (?P<own> DET ) MOD? (?: LOSS | LOSING )                             # "its knockdown", "its removal"
  | (?P<ahead> PRONOUN ) [AUX MOD HEDGE]* BE [AUX MOD HEDGE]* LOST      # "it is lost"
""")
"""A pronoun for a lost gene.

>>> matched(_LOST_PRONOUN, "TP53 activates MDM2, so knocking it down lowers MDM2.")
'knocking it'
>>> read("TP53 is required for MDM2 expression, so knocking it down reduces MDM2.")
['TP53 activates MDM2', 'TP53 decreases MDM2']
>>> read("TP53 activates MDM2. Its loss lowers MDM2."), read("TP53 activates MDM2. When it is depleted, MYC rises.")
(['TP53 activates MDM2', 'TP53 decreases MDM2'], ['TP53 activates MDM2', 'TP53 increases MYC'])
"""
_PRONOUNS = frozenset(("it", "its", "this"))


def resolve_lost_pronouns(sentence: Sentence, topic: tuple[str, ...]) -> bool:
    """Write the gene in place of each pronoun for a lost gene: the first gene of the sentence ahead, else the topic.

    Args:
        sentence: its words, which are changed.
        topic: the genes that "it" means at the beginning.

    Returns:
        Whether the topic was used.
    """
    used = False
    if Tag.LOSS not in sentence.tags and Tag.LOSING not in sentence.tags and Tag.LOST not in sentence.tags:
        return used
    for match in _LOST_PRONOUN.finditer(sentence.tags):
        i = match.start(match.lastgroup or 0)
        if sentence.words[i].text not in _PRONOUNS:
            continue
        first = sentence.tags.find(Tag.GENE, 0, i)
        symbol = sentence.words[first].gene if first >= 0 else next(iter(topic), None)
        if symbol is not None:
            used |= first < 0
            sentence.words[i] = Word(Tag.GENE, symbol.lower(), gene=symbol)
            sentence.tags = f"{sentence.tags[:i]}{Tag.GENE}{sentence.tags[i + 1 :]}"
    return used
