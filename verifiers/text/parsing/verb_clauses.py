"""Parses clauses around a verb: who does it, and to whom.

Each function reads one kind of trigger, the word at token i, and adds what it states.
"""

from __future__ import annotations

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.parsing.assertions import (
    SIGNS,
    TERM_PREFIXES,
    is_caused_change,
    state_change,
    state_members,
    state_membership,
    state_mutual,
    state_objects,
    terms_ahead,
)
from rbio_kg.verifiers.text.parsing.parse_state import Mood, ParseState
from rbio_kg.verifiers.text.parsing.roles import BY, Objects, objects_behind, pronoun_object
from rbio_kg.verifiers.text.tags import Tag, pattern
from rbio_kg.verifiers.text.vocabulary import PROMOTERS, words_of

_INNER_DEED = pattern("""
    [DET MOD]* PRONOUN [MOD OTHER]? DEED                                # "this rapid activation"
  | [DET MOD]* OTHER? DEED (?= [OF DET MOD]* [ANY_GENE PRONOUN] | $ )   # "the proteasomal degradation of MDM2"
""")
"""A noun of regulation as the object of a verb of regulation.

>>> matched(_INNER_DEED, "TP53 inhibits the activation of MDM2.", after="inhibits")
'the activation'
>>> matched(_INNER_DEED, "TP53 inhibits this rapid activation.", after="inhibits")
'this rapid activation'
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
_AGENT_BEHIND = pattern("COMMA [DET MOD]* (?= [ANY_GENE] )")
"""The words between the objects of a denied verb and its subject.

>>> matched(_AGENT_BEHIND, "Rather than activating MDM2, the protein TP53 binds it.", after="MDM2")
', the protein'
"""
_ECHO = pattern("CONJUNCTION AUX [DET MOD]* (?= [ANY_GENE] )")
"""The words ahead of a further agent.

>>> matched(_ECHO, "TP53 activates MDM2, as does the protein MYC.")
'as does the protein'
"""
_DENIED_ECHO = pattern("[CONJUNCTION BUT] MOD* (?P<agent> [ANY_GENE] ) AUX? NOT $")
"""A gene that does not do what another one does.

>>> matched(_DENIED_ECHO, "TP53 activates MDM2, but MYC does not.")
'but MYC does not'
"""
_DOES = frozenset(("do", "does", "did"))
_RELATION_OF_SIGN = {sign: relation for relation, sign in SIGNS.items()}
_EXPRESSION = words_of("expression transcription level levels activity abundance induction")
_PASSIVE_REACH = 6
"""Words ahead of a participle among which a form of "to be" is looked for."""


def parse_active(state: ParseState, i: int, relation: Relation) -> None:
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
    if _parse_inner_deed(state, i, relation) or _parse_denied_first(state, i, relation):
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


def _parse_denied_first(state: ParseState, i: int, relation: Relation) -> bool:
    """A denied verb ahead of its subject.

    >>> read("Rather than activating MDM2, TP53 represses it.")
    ['not TP53 activates MDM2', 'TP53 represses MDM2']
    """
    if i != 2 or state.tag(0) != Tag.RATHER:
        return False
    objects = objects_behind(state, i)
    agent = _AGENT_BEHIND.match(state.tags, objects.last + 1)
    if not objects.genes or agent is None:
        return False
    state.use(i, objects.last)
    for gene in objects.genes:
        state.add(state.words[agent.end()].gene or "", relation, gene.symbol, Mood(True, False))
    return True


def parse_echo(state: ParseState) -> None:
    """A further agent at the end of the sentence: "as does A", "but A does not".

    >>> read("TP53 activates MDM2, as does MYC."), read("TP53 activates MDM2, but MYC does not.")
    (['TP53 activates MDM2', 'MYC activates MDM2'], ['TP53 activates MDM2', 'not MYC activates MDM2'])
    >>> read("TP53 binds MDM2 and so do MYC and SP1.")
    ['TP53 interacts_with MDM2', 'MYC interacts_with MDM2', 'SP1 interacts_with MDM2']
    """
    last = state.statements[-1]
    echoed = [item for item in state.statements if item[1:3] == last[1:3]]
    echo = _ECHO.search(state.tags)
    if echo is not None and state.text(echo.start()) in ("as", "so") and state.text(echo.start() + 1) in _DOES:
        agents, denied = state.lists[echo.end()], False
    elif (other := _DENIED_ECHO.search(state.tags)) is not None:
        agents, denied = [state.gene(other.start("agent"))], True
    else:
        return
    for gene in agents:
        for item in echoed:
            if gene.symbol not in (item.subject, item.object):
                mood = Mood((item.polarity == "negated") ^ denied, item.certainty == "hedged")
                state.add(gene.symbol, item.relation, item.object, mood, terms=item.terms)


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


def parse_participle(state: ParseState, i: int, relation: Relation) -> None:
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
    is_done = _IS_DONE.search(state.tags, max(0, i - _PASSIVE_REACH), i) is not None
    is_bound_to = relation is Relation.INTERACTS_WITH and state.tag(i + 1) in (Tag.WITH, Tag.TO)
    if is_done and not is_bound_to:
        state_change(state, i, relation)
    else:
        parse_active(state, i, relation)


def parse_membership(state: ParseState, i: int, relation: Relation) -> None:
    """A word that puts a gene into a term or pathway.

    >>> read("TP53 plays a role in DNA repair."), read("TP53 mediates autophagy.")
    (['TP53 takes_part_in DNA repair'], ['TP53 takes_part_in autophagy'])
    >>> read("TP53 is required for MDM2 expression.")
    ['TP53 activates MDM2']
    """
    after, at = state.words[i].after, i
    if after:
        at += 1
        while state.text(at) not in after:
            if state.tag(at) != Tag.MOD:
                return
            at += 1
    if not state_membership(state, i, state.end(at)) and state.text(at) == "for":
        state_objects(state, i, Relation.ACTIVATES, objects_behind(state, at))


def parse_has(state: ParseState, i: int, relation: Relation) -> None:
    """ "Has" before an activity.

    >>> read("TP53 has DNA repair activity.")
    ['TP53 takes_part_in DNA repair']
    """
    if state.tag(i - 1) in (Tag.GENE, Tag.MOD):
        state_membership(state, i, state.end(i))


def parse_needs(state: ParseState, i: int, relation: Relation) -> None:
    """A verb whose subject is a term, a pathway, or a gene's expression.

    >>> read("Autophagy requires MYC.")
    ['MYC takes_part_in autophagy']
    >>> read("MDM2 expression requires TP53."), read("MDM2 depends strongly on TP53.")
    (['TP53 activates MDM2'], ['TP53 activates MDM2'])
    """
    objects = objects_behind(state, i)
    terms = terms_ahead(state, i) if objects.genes else ()
    if terms:
        state_members(state, i, objects, terms)
    elif state.text(i).startswith(("depend", "rel")) or (state.text(i - 1) in _EXPRESSION and Tag.GENE in state.tags):
        state_objects(state, i, Relation.ACTIVATES, objects, passive=True)


def parse_moves(state: ParseState, i: int, relation: Relation) -> None:
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
    caused = objects_behind(state, i + 1) if is_caused_change(state, i) else None
    if caused is not None and (caused.genes or Tag.LOST_GENE not in state.tags):
        state_objects(state, i, relation, caused)
    else:
        state_change(state, i, relation, denied=text.startswith("un"))
