"""Whether a statement is denied, hedged, or part of a question."""

from __future__ import annotations

from rbio_kg.verifiers.text.parsing.parse_state import NOWHERE, Mood, ParseState, PreviousVerb, Subject
from rbio_kg.verifiers.text.tags import Tag, letters, pattern

_HEDGE = pattern("[HEDGE UNLIKELY IF]")
"""A hedge.

>>> matched(_HEDGE, "TP53 may bind MDM2.")
'may'
"""
_FURTHER_CLAUSE = pattern("[TRIGGER ANY_GENE AND BUT OR CONJUNCTION COLON]")
"""What ends the clause of a verb, so that a hedge at the end of the sentence does not apply to it.

>>> read("TP53 binds MDM2, perhaps.")
['TP53 interacts_with MDM2 (hedged)']
>>> read("TP53 binds MDM2 but perhaps in vain.")
['TP53 interacts_with MDM2']
"""
_QUESTION = pattern("WHETHER | UNKNOWN .* IF")
"""The beginning of an indirect question, which states nothing.

>>> matched(_QUESTION, "We tested if TP53 binds MDM2.")
'tested if'
>>> read("Whether TP53 binds MDM2 is unclear.")
[]
"""
_CLAUSE_STARTS = letters("COMMA CONJUNCTION COLON BUT")
_LISTING = letters("COMMA AND RATHER")
_OR = letters("OR NOR")
_FOCUS = frozenset(("only", "just", "merely", "simply", "solely"))
"""Behind "not" these deny nothing: "not only"."""


def settle(state: ParseState, i: int, subject: Subject, last: int) -> Mood:
    """How the verb at token i is stated. Notes what the next verb may take over.

    Args:
        state: the sentence.
        i: the verb.
        subject: whom it speaks of.
        last: the last token of its objects.

    Example:
        >>> read("It is not true that TP53 does not bind MDM2.")
        ['TP53 interacts_with MDM2']
        >>> read("TP53 may not bind MDM2 or activate MYC.")
        ['not TP53 interacts_with MDM2 (hedged)', 'not TP53 activates MYC (hedged)']
    """
    bare, previous = state.words[i].bare, state.previous
    start = (subject.last if subject.written else subject.link) + 1
    mood = _between(state, start, i)
    if subject.written:
        ahead = opening(state, subject.first)
        mood = Mood(mood.negated ^ ahead.negated, mood.hedged or ahead.hedged)
    elif subject.link != NOWHERE:
        link = state.tags[subject.link]
        if link in _OR or (link in _LISTING and bare and previous.bare):
            mood = Mood(mood.negated or previous.negated, mood.hedged or previous.hedged)
        if link == Tag.RATHER:
            mood = Mood(not previous.negated, mood.hedged)
    state.previous = PreviousVerb(subject, mood.negated, mood.hedged, bare)
    state.use(i, last)
    return Mood(mood.negated, mood.hedged or _hedged_behind(state, last))


def opening(state: ParseState, start: int) -> Mood:
    """What the words ahead of token `start` make of the statement that follows.

    Example:
        >>> read("There is no evidence that TP53 binds MDM2.")
        ['not TP53 interacts_with MDM2']
    """
    begin = max(state.trigger, state.used_to) + 1
    for k in range(start - 1, begin - 1, -1):
        if state.tags[k] in _CLAUSE_STARTS:
            begin = k if state.tags[k] == Tag.CONJUNCTION else k + 1
            break
    return _between(state, begin, start)


def is_question(state: ParseState, subject: Subject) -> bool:
    """Whether the sentence asks if something holds: "whether A binds B is unknown"."""
    return subject.written and _QUESTION.search(state.tags, max(state.trigger, 0), subject.first) is not None


def _between(state: ParseState, start: int, end: int) -> Mood:
    """What the words from token `start` up to `end` make of a statement. Two denials cancel out."""
    words = state.tags[start:end]
    negated = Tag.UNLIKELY in words
    if Tag.NOT in words:
        denials = sum(tag == Tag.NOT and state.text(k + 1) not in _FOCUS for k, tag in enumerate(words, start=start))
        negated ^= denials % 2 == 1
    return Mood(negated, _HEDGE.search(words) is not None)


def _hedged_behind(state: ParseState, last: int) -> bool:
    """Whether a hedge at the end of the sentence applies to the clause that ends at token `last`."""
    return Tag.HEDGE in state.tags[last + 1 :] and _FURTHER_CLAUSE.search(state.tags, last + 1) is None
