"""Parses a sentence: each trigger, a word that may state a relation, is read with the words around it.

There is one function for each kind of trigger. `parse_sentence` calls them from left to right.
"""

from __future__ import annotations

from itertools import combinations, product

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.assertions import (
    SIGNS,
    TERM_PREFIXES,
    has_cause,
    is_caused_change,
    state_change,
    state_members,
    state_membership,
    state_mutual,
    state_objects,
    state_pairs,
    terms_ahead,
)
from rbio_kg.verifiers.text.lexicon import Lexicon, Sentence
from rbio_kg.verifiers.text.parse_state import ParseState
from rbio_kg.verifiers.text.roles import BY, Objects, objects_behind, pronoun_object
from rbio_kg.verifiers.text.tagging import tag_sentence
from rbio_kg.verifiers.text.tags import Tag, letters, pattern
from rbio_kg.verifiers.text.vocabulary import PROMOTERS

_TRIGGER = pattern("[TRIGGER]")
"""A word that may state a relation.

>>> matched(_TRIGGER, "The kinase TP53 activates MDM2.")
'activates'
"""
_INNER_DEED = pattern("""
    [DET MOD]* PRONOUN [MOD OTHER]? DEED
  | [DET MOD]* OTHER? DEED (?= [OF DET MOD]* [ANY_GENE PRONOUN] | $ )   # "the proteasomal degradation of MDM2"
""")
"""A noun of regulation as the object of a verb of regulation.

>>> matched(_INNER_DEED, "TP53 inhibits the activation of MDM2.", after="inhibits")
'the activation'
>>> read("MDM2 promotes the proteasomal degradation of TP53.")
['MDM2 represses TP53']
"""
_EACH_OTHER = pattern("[WITH TO MOD]* EACH")
"""The first words of a mutual object.

>>> matched(_EACH_OTHER, "TP53 and MDM2 interact with each other.", after="interact")
'with each'
"""
_VERB_CHAIN = pattern("""
    (?P<with> WITH? ) MOD* [COMMA AND OR NOR RATHER BUT]+ [AUX MOD NOT HEDGE UNLIKELY]* [ACTIVE PARTICIPLE]
""")
"""A second verb that shares its object with the first.

>>> matched(_VERB_CHAIN, "TP53 binds and also inhibits MDM2.", after="binds")
'and also inhibits'
"""
_IS_DONE = pattern("BE [AUX MOD NOT HEDGE UNLIKELY]* $")
"""The words ahead of a participle in the passive voice.

>>> matched(_IS_DONE, "MDM2 is not", after="MDM2")
'is not'
"""
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
_RELATION_OF_SIGN = {sign: relation for relation, sign in SIGNS.items()}
_RELATION_OF_ADVERB = {"negative": Relation.REPRESSES, "positive": Relation.ACTIVATES}


def parse_sentence(sentence: Sentence, lexicon: Lexicon, topic: tuple[str, ...]) -> ParseState:
    """Parse a sentence.

    Args:
        sentence: its words, which are changed where it has brackets.
        lexicon: names of terms and pathways.
        topic: the genes that "it" means at the beginning.

    Returns:
        The end of the parse: what the sentence states, in its order, and what that depends on.
    """
    state = ParseState(tag_sentence(sentence), lexicon, topic)
    match = _TRIGGER.search(state.tags)
    while match:
        i = match.start()
        _PARSERS[match.group()](state, i, _signed(state, i))
        match = _TRIGGER.search(state.tags, max(i, state.read_to) + 1)
    return state


def _signed(state: ParseState, i: int) -> Relation:
    """The relation of the trigger at token i; regulation has the sign that the word ahead of it says."""
    relation = state.words[i].relation or Relation.TAKES_PART_IN
    if relation is not Relation.REGULATES:
        return relation
    return _RELATION_OF_ADVERB.get(state.text(i - 1)[:8], relation)


def _parse_active(state: ParseState, i: int, relation: Relation) -> None:
    """A verb in the active voice.

    >>> read("TP53 inhibits the activation of MDM2.")
    ['TP53 represses MDM2']
    >>> read("TP53 binds to the promoter of MDM2.")
    ['TP53 regulates MDM2']
    >>> read("TP53 switches off MYC and turns on MDM2.")
    ['TP53 represses MYC', 'TP53 activates MDM2']
    """
    if state.text(i).startswith(("turn", "switch")) and state.text(i + 1) in ("off", "down"):
        relation = Relation.REPRESSES
    if _parse_inner_deed(state, i, relation):
        return
    if _EACH_OTHER.match(state.tags, i + 1) and {"other", "another"} & {w.text for w in state.words[i + 2 : i + 5]}:
        state_mutual(state, i, relation)
        return
    objects = _objects_of_active(state, i)
    if objects.genes:
        behind = state.words[i + 1 : objects.last + 2]
        if relation is Relation.INTERACTS_WITH and any(word.text in PROMOTERS for word in behind):
            relation = Relation.REGULATES
        state_objects(state, i, relation, objects)
    elif relation is Relation.INTERACTS_WITH:
        state_mutual(state, i, relation)
    elif not state_membership(state, i, state.end(i), TERM_PREFIXES[relation]):
        state_change(state, i, relation)


def _parse_inner_deed(state: ParseState, i: int, relation: Relation) -> bool:
    """Whether the object of the verb at i is a noun of regulation: the signs of both multiply."""
    noun = _INNER_DEED.match(state.tags, i + 1)
    inner = state.words[noun.end() - 1].relation if noun else None
    if noun is None or relation not in SIGNS or inner not in SIGNS:
        return False
    at = noun.end() - 1
    has_pronoun = Tag.PRONOUN in noun.group()
    objects = Objects(pronoun_object(state, i), at) if has_pronoun else objects_behind(state, at)
    state_objects(state, i, _RELATION_OF_SIGN[SIGNS[relation] * SIGNS[inner]], objects)
    state.read_to = at
    return True


def _objects_of_active(state: ParseState, i: int) -> Objects:
    """The objects of the verb at i: its own, those of the next verb of a chain, a pronoun, or those of a noun.

    >>> read("TP53 binds and inhibits MDM2.")
    ['TP53 interacts_with MDM2', 'TP53 represses MDM2']
    >>> read("Loss of TP53 leads to a decrease in MDM2.")
    ['TP53 decreases MDM2']
    """
    objects = objects_behind(state, i)
    if objects.genes:
        return objects
    chain = _VERB_CHAIN.match(state.tags, i + 1)
    if chain and (chain["with"] or not state.words[i].after):
        objects = Objects(objects_behind(state, chain.end() - 1).genes, i)
    if not objects.genes and state.tag(chain.end() if chain else i + 1) == Tag.PRONOUN:
        objects = Objects(pronoun_object(state, i), i)
    if not objects.genes and is_caused_change(state, i):
        objects = objects_behind(state, i + 1)
    return objects


def _parse_participle(state: ParseState, i: int, relation: Relation) -> None:
    """A participle, in the passive voice or as a past tense.

    >>> read("MDM2 was activated by TP53."), read("TP53 activated MDM2.")
    (['TP53 activates MDM2'], ['TP53 activates MDM2'])
    >>> read("When TP53 is depleted, MDM2 is reduced.")
    ['TP53 decreases MDM2']
    """
    by = BY.match(state.tags, i + 1)
    if by:
        if Tag.DEED in by.group():
            relation = state.words[by.end() - 2].relation or relation
        agents = objects_behind(state, by.end() - 1, denied=Tag.NOT in by.group())
        if not agents.genes and state.tag(by.end()) == Tag.PRONOUN:
            agents = Objects(pronoun_object(state, i), by.end())
        state_objects(state, i, relation, agents, passive=True)
        return
    is_done = _IS_DONE.search(state.tags, max(0, i - _LOOK_BACK - 1), i) is not None
    is_bound_to = relation is Relation.INTERACTS_WITH and state.tag(i + 1) in (Tag.WITH, Tag.TO)
    if is_done and not is_bound_to:
        state_change(state, i, relation)
    else:
        _parse_active(state, i, relation)


def _parse_deed(state: ParseState, i: int, relation: Relation) -> None:
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


def _parse_agent(state: ParseState, i: int, relation: Relation) -> None:
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


def _parse_meeting(state: ParseState, i: int, relation: Relation) -> None:
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


def _parse_membership(state: ParseState, i: int, relation: Relation) -> None:
    """A word that puts a gene into a term or pathway.

    >>> read("TP53 plays a role in DNA repair."), read("TP53 mediates autophagy.")
    (['TP53 takes_part_in DNA repair'], ['TP53 takes_part_in autophagy'])
    """
    after, at = state.words[i].after, i
    if after:
        at += 1
        while state.text(at) not in after:
            if state.tag(at) != Tag.MOD:
                return
            at += 1
    state_membership(state, i, state.end(at))


def _parse_has(state: ParseState, i: int, relation: Relation) -> None:
    """ "Has" before an activity.

    >>> read("TP53 has DNA repair activity.")
    ['TP53 takes_part_in DNA repair']
    """
    if state.tag(i - 1) in (Tag.GENE, Tag.MOD):
        state_membership(state, i, state.end(i))


def _parse_needs(state: ParseState, i: int, relation: Relation) -> None:
    """A verb whose subject is a term or pathway.

    >>> read("Autophagy requires MYC.")
    ['MYC takes_part_in autophagy']
    """
    objects = objects_behind(state, i)
    terms = terms_ahead(state, i) if objects.genes else ()
    if terms:
        state_members(state, i, objects, terms)


def _parse_mediated(state: ParseState, i: int, relation: Relation) -> None:
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


def _parse_moves(state: ParseState, i: int, relation: Relation) -> None:
    """A verb of a change without an object.

    >>> read("MDM2 falls when TP53 is lost."), read("After TP53 loss, MDM2 goes up.")
    (['TP53 decreases MDM2'], ['TP53 increases MDM2'])
    >>> read("MDM2 is unaffected by loss of TP53.")
    ['not TP53 changes_expression_of MDM2']
    """
    text = state.text(i)
    if text.startswith(("go", "went")):
        if state.text(i + 1) not in ("up", "down"):
            return
        relation = Relation.ACTIVATES if state.text(i + 1) == "up" else Relation.REPRESSES
    if is_caused_change(state, i):
        state_objects(state, i, relation, objects_behind(state, i + 1))
    else:
        state_change(state, i, relation, denied=text.startswith("un"))


_PARSERS = {
    Tag.ACTIVE: _parse_active,
    Tag.PARTICIPLE: _parse_participle,
    Tag.DEED: _parse_deed,
    Tag.AGENT: _parse_agent,
    Tag.MEETING: _parse_meeting,
    Tag.MEMBERSHIP: _parse_membership,
    Tag.NEEDS: _parse_needs,
    Tag.MEDIATED: _parse_mediated,
    Tag.MOVES: _parse_moves,
    Tag.HAS: _parse_has,
}
"""What reads a trigger, by its tag."""
