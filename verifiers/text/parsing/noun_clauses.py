"""Parses clauses around a noun that may state a relation: activation, activator, interaction, "-mediated".

Each function reads one kind of trigger, the word at token i, and adds what it states.
"""

from __future__ import annotations

from itertools import combinations, product

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.parsing.assertions import (
    TERM_PREFIXES,
    has_cause,
    state_membership,
    state_mutual,
    state_objects,
    state_pairs,
)
from rbio_kg.verifiers.text.parsing.parse_state import ParseState
from rbio_kg.verifiers.text.parsing.roles import Objects, objects_behind
from rbio_kg.verifiers.text.tags import Tag, letters, pattern

_NOUN_BY = pattern("MOD{0,2} BY")
"""The words between the object of a noun and its agent.

>>> matched(_NOUN_BY, "Activation of MDM2 expression by TP53", after="MDM2")
'expression by'
"""
_AGENT_OF = pattern("[MOD OTHER]* [OF PREP WITH]")
"""The words behind a noun of an agent.

>>> matched(_AGENT_OF, "TP53 is an activator of MDM2.", after="activator")
'of'
"""
_TO_FIRST_GENE = pattern("[DET MOD OTHER]* (?= [ANY_GENE] )")
"""The words between "interaction between" and its first gene.

>>> matched(_TO_FIRST_GENE, "interaction between the protein TP53 and MDM2", after="between")
'the protein'
"""
_TO_SECOND_GENE = pattern("MOD* [WITH TO] [DET MOD]* (?= [ANY_GENE] )")
"""The words between the two genes of an interaction.

>>> matched(_TO_SECOND_GENE, "binding of TP53 to the MDM2 gene", after="TP53")
'to the'
"""
_JOINED_GENES = pattern("[ANY_GENE] DASH [ANY_GENE] MOD* $")
"""Two genes that a dash joins, ahead of a noun of interaction.

>>> read("The TP53-MDM2 complex is stable.")
['TP53 interacts_with MDM2']
"""
_GENE_AHEAD = pattern("[ANY_GENE] MOD* $")
"""A gene ahead of a noun of interaction.

>>> read("TP53 binding to MDM2 is strong.")
['TP53 interacts_with MDM2']
"""
_FORMED = pattern("[FORM PREP] [DET OTHER MOD]* $")
"""What says that the subjects form a complex.

>>> read("TP53 and MDM2 form a stable complex.")
['TP53 interacts_with MDM2']
"""
_MEDIATED_NOUN = pattern("[DET MOD OTHER]* [DEED PARTICIPLE]")
"""The words behind "-mediated".

>>> matched(_MEDIATED_NOUN, "TP53-mediated rapid activation of MDM2", after="mediated")
'rapid activation'
"""
_LOOK_BACK = 5
"""Words ahead of a noun that are looked at."""
_BEHIND_NOUN = letters("OF MOD ON")
_CAUSES = letters("CAUSE FORM")


def parse_deed(state: ParseState, i: int, relation: Relation) -> None:
    """A noun of a verb's action.

    >>> read("Activation of MDM2 by TP53 is known."), read("TP53 leads to activation of MDM2.")
    (['TP53 activates MDM2'], ['TP53 activates MDM2'])
    >>> read("TP53 causes MDM2 activation."), read("MDM2 is under the control of TP53.")
    (['TP53 activates MDM2'], ['TP53 regulates MDM2'])
    """
    objects = objects_behind(state, i) if state.tag(i + 1) in _BEHIND_NOUN else Objects([], i)
    if "under" in (state.text(i - 1), state.text(i - 2)):
        state_objects(state, i, relation, objects, passive=True)
    elif objects.genes:
        by = _NOUN_BY.match(state.tags, objects.last + 1)
        if by:
            agents = objects_behind(state, by.end() - 1)
            state_pairs(state, i, relation, product(agents.genes, objects.genes), (i, agents.last))
        elif state.text(i).startswith("effect") or has_cause(state, i):
            state_objects(state, i, relation, objects)
    elif state.tag(i - 1) == Tag.GENE and not _CAUSES.isdisjoint(state.tags[max(0, i - 4) : i - 1]):
        state_objects(state, i - 1, relation, Objects(state.lists[i - 1][-1:], i))


def parse_agent(state: ParseState, i: int, relation: Relation) -> None:
    """A noun of the one who acts, or is acted on.

    >>> read("TP53 is an activator of MDM2."), read("MDM2 is a target of TP53.")
    (['TP53 activates MDM2'], ['TP53 regulates MDM2'])
    >>> read("TP53 is an inhibitor of autophagy.")
    ['TP53 takes_part_in negative regulation of autophagy']
    """
    of = _AGENT_OF.match(state.tags, i + 1)
    if not of and state.text(i) != "targets":
        return
    objects = objects_behind(state, i)
    if objects.genes:
        state_objects(state, i, relation, objects, passive=state.words[i].inverse and of is not None)
    else:
        state_membership(state, i, state.end(i), TERM_PREFIXES.get(relation, ""))


def parse_meeting(state: ParseState, i: int, relation: Relation) -> None:
    """A noun of an interaction.

    >>> read("The interaction between TP53 and MDM2 is weak."), read("The binding of TP53 to MDM2 is weak.")
    (['TP53 interacts_with MDM2'], ['TP53 interacts_with MDM2'])
    >>> read("TP53 forms a complex with MDM2.")
    ['TP53 interacts_with MDM2']
    """
    if state.tag(i + 1) == Tag.OF or state.text(i + 1) in ("between", "among"):
        _parse_meeting_of(state, i, relation)
        return
    joined = _JOINED_GENES.search(state.tags, max(0, i - _LOOK_BACK), i)
    if joined and state.tag(i + 1) != Tag.WITH:
        start = joined.start()
        state_pairs(state, i, relation, [(state.gene(start), state.gene(start + 2))], (start, i))
        return
    objects = objects_behind(state, i)
    has_gene_ahead = _GENE_AHEAD.search(state.tags, max(0, i - _LOOK_BACK + 1), i) is not None
    if objects.genes and (state.tag(i + 1) in (Tag.WITH, Tag.TO) or has_gene_ahead):
        state_objects(state, i, relation, objects)
    elif not objects.genes and _FORMED.search(state.tags, max(0, i - _LOOK_BACK), i):
        state_mutual(state, i, relation)


def _parse_meeting_of(state: ParseState, i: int, relation: Relation) -> None:
    """ "Interaction between A and B", "binding of A to B"."""
    match = _TO_FIRST_GENE.match(state.tags, i + 2)
    if match is None:
        return
    first = state.lists[match.end()]
    joint = _TO_SECOND_GENE.match(state.tags, first[-1].token + 1)
    second = state.lists[joint.end()] if joint else []
    pairs = product(first, second) if second else combinations(first, 2)
    state_pairs(state, i, relation, pairs, (i, (second or first)[-1].token))


def parse_mediated(state: ParseState, i: int, relation: Relation) -> None:
    """A suffix behind a gene.

    >>> read("TP53-mediated activation of MDM2 is known."), read("We saw TP53-driven MDM2 expression.")
    (['TP53 activates MDM2'], ['TP53 activates MDM2'])
    """
    noun, own = _MEDIATED_NOUN.match(state.tags, i + 1), state.words[i].relation
    at = noun.end() - 1 if noun else i
    objects = objects_behind(state, at)
    if objects.genes and i - 1 in state.lists:
        relation = own or state.words[at].relation or Relation.ACTIVATES
        state_pairs(state, i, relation, product(state.lists[i - 1][-1:], objects.genes), (i, objects.last))
        state.read_to = objects.last
