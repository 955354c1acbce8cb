"""Parses a sentence: each trigger, a word that may state a relation, is read with the words around it.

There is one function for each kind of trigger, in `verb_clauses` and `noun_clauses`. `parse_sentence` calls them from
left to right.
"""

from __future__ import annotations

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.lexicon import Lexicon, Sentence
from rbio_kg.verifiers.text.parsing.noun_clauses import parse_agent, parse_deed, parse_mediated, parse_meeting
from rbio_kg.verifiers.text.parsing.parse_state import ParseState
from rbio_kg.verifiers.text.parsing.pronouns import resolve_lost_pronouns
from rbio_kg.verifiers.text.parsing.tagging import tag_sentence
from rbio_kg.verifiers.text.parsing.verb_clauses import (
    parse_active,
    parse_echo,
    parse_has,
    parse_membership,
    parse_moves,
    parse_needs,
    parse_participle,
)
from rbio_kg.verifiers.text.tags import Tag, pattern

_TRIGGER = pattern("[TRIGGER]")
"""A word that may state a relation.

>>> matched(_TRIGGER, "The kinase TP53 activates MDM2.")
'activates'
"""
_RELATION_OF_ADVERB = {"negative": Relation.REPRESSES, "positive": Relation.ACTIVATES}
_PARSERS = {
    Tag.ACTIVE: parse_active,
    Tag.PARTICIPLE: parse_participle,
    Tag.DEED: parse_deed,
    Tag.AGENT: parse_agent,
    Tag.MEETING: parse_meeting,
    Tag.MEMBERSHIP: parse_membership,
    Tag.NEEDS: parse_needs,
    Tag.MEDIATED: parse_mediated,
    Tag.MOVES: parse_moves,
    Tag.HAS: parse_has,
}
"""What reads a trigger, by its tag."""


def parse_sentence(sentence: Sentence, lexicon: Lexicon, topic: tuple[str, ...]) -> ParseState:
    """Parse a sentence.

    Args:
        sentence: its words, which are changed where it has brackets.
        lexicon: names of terms and pathways.
        topic: the genes that "it" means at the beginning.

    Returns:
        The end of the parse: what the sentence states, in its order, and what that depends on.
    """
    uses_topic = resolve_lost_pronouns(sentence, topic)
    state = ParseState(tag_sentence(sentence), lexicon, topic, uses_topic=uses_topic)
    match = _TRIGGER.search(state.tags)
    while match:
        i = match.start()
        _PARSERS[match.group()](state, i, _signed(state, i))
        match = _TRIGGER.search(state.tags, max(i, state.read_to) + 1)
    if state.statements:
        parse_echo(state)
    return state


def _signed(state: ParseState, i: int) -> Relation:
    """The relation of the trigger at token i; regulation has the sign that the word ahead of it says."""
    relation = state.words[i].relation or Relation.TAKES_PART_IN
    if relation is not Relation.REGULATES:
        return relation
    return _RELATION_OF_ADVERB.get(state.text(i - 1)[:8], relation)
