"""Finds the subject and the objects of a verb."""

from __future__ import annotations

from typing import NamedTuple

from rbio_kg.verifiers.text.parsing.parse_state import NOWHERE, ParseState, Subject
from rbio_kg.verifiers.text.parsing.tagging import ListedGene
from rbio_kg.verifiers.text.tags import Tag, letters, pattern

OBJECT_GAP = pattern("""
    [DET MOD WITH TO ON AUX]*                              # "strongly", "with the"
    (?: NOT (?= [DET MOD]* [ANY_GENE AGENT] )              # "neither"
      | [OTHER MOD]* [MOD OF]? OF                          # "transcription and stability of"
      | OTHER (?= [ANY_GENE DET MOD OF] )                  # "kinase"
      | OTHER (?= OTHER [MOD OF] ) )?
    [DET MOD OF WITH TO]* OTHER? [DET MOD OF WITH TO]*     # "the kinase"
    (?: COMMA? INCLUDING MOD? )?                           # ", including"
    (?= [ANY_GENE] )
""")
"""The words between a verb and its object.

>>> matched(OBJECT_GAP, "TP53 activates the rapid expression of MDM2.", after="activates")
'the rapid expression of'
>>> read("TP53 activates many genes, including MDM2 and MYC.")
['TP53 activates MDM2', 'TP53 activates MYC']
"""
BY = pattern("[MOD OTHER ON]{0,2} (?: PREP DEED )? NOT? BY")
"""The words between a participle and its agent.

>>> matched(BY, "MDM2 is activated strongly by TP53.", after="activated")
'strongly by'
>>> matched(BY, "MDM2 is regulated through phosphorylation by SP1.", after="regulated")
'through phosphorylation by'
"""
_IS_LOST = pattern("[AUX MOD HEDGE NOT]* BE [AUX MOD HEDGE NOT]* LOST")
"""A predicate of loss, whose subject is no object of the verb before.

>>> matched(_IS_LOST, "TP53 rises when MYC is completely lost.", after="MYC")
'is completely lost'
"""
_DENIES_ALIKE = pattern("AUX? NOT $")
"""The predicate of a gene that does not do what another one does.

>>> matched(_DENIES_ALIKE, "TP53 activates MDM2, but MYC does not.", after="MYC")
'does not'
"""
_NEXT_VERB = pattern("""
    [AUX MOD BE NOT HEDGE LOSS LOST UNLIKELY]*
    (?P<verb> [ACTIVE PARTICIPLE MEMBERSHIP NEEDS MOVES HAS AGENT] )
""")
"""The verb of a gene, which is then no object of the verb before.

>>> matched(_NEXT_VERB, "TP53 binds MDM2 and MYC is directly activated.", after="MYC")
'is directly activated'
"""
_INSERTED_CLAUSE = pattern("FORM .* COMMA")
"""A relative clause that ends ahead of the verb.

>>> matched(_INSERTED_CLAUSE, "TP53, which forms tetramers, activates MDM2.")
'forms tetramers ,'
"""
REACH = 8
"""Words that may lie between a subject and its verb besides those that are skipped."""
_SKIPPED = letters("AUX BE MOD DET NOT HEDGE UNLIKELY TO LOSS LOST CAUSE FORM OF")
"""Words between a subject and its verb: "TP53 protein may not directly"."""
_JOINTS = letters("COMMA AND OR NOR BUT RATHER CONJUNCTION COLON")
"""Words across which a verb takes over the subject of an earlier one: "TP53 binds MDM2 and activates"."""
_CONSEQUENCES = frozenset(("therefore", "thus", "hence", "then"))
_BARRIERS = letters("ACTIVE PARTICIPLE MEETING")
"""Words across which no subject is looked for."""
_GENES = letters("ANY_GENE")
_PREDICATES = letters("ACTIVE MEMBERSHIP NEEDS MOVES HAS")
_LIST_PREFIX = letters("OF DET MOD")
_LIST_NEGATIONS = letters("NOT BUT RATHER")
_SINGULAR = frozenset(("is", "was", "does", "has", "doesn't", "isn't", "wasn't"))


class Objects(NamedTuple):
    """Genes that are objects of a word, and the last token that belongs to them (the word itself without any)."""

    genes: list[ListedGene]
    last: int


def objects_behind(state: ParseState, i: int, *, denied: bool = False) -> Objects:
    """The genes that are objects of the word at token i.

    Args:
        state: the sentence.
        i: the word ahead of the objects.
        denied: whether a denial ahead of the list applies to it: "not by A".
    """
    gap = OBJECT_GAP.match(state.tags, i + 1)
    if gap is None:
        return Objects([], i)
    start = gap.end()
    genes = [gene for gene in state.lists[start] if gene.token >= start]
    denied, base = denied or Tag.NOT in gap.group(), genes[0].negated
    found: list[ListedGene] = []
    for position, gene in enumerate(genes):
        # "Not by A but by B": the denial ahead of the list ends at its "but".
        denied = denied and not (position and Tag.BUT in state.tags[genes[position - 1].token : gene.token])
        found.append(ListedGene(gene.token, gene.symbol, gene.lost, denied or gene.negated != base))
    while len(found) > 1 and _begins_clause(state, found[-1].token):
        found.pop()
    return Objects(found, found[-1].token)


def _begins_clause(state: ParseState, j: int) -> bool:
    """Whether the gene at token j is the subject of a verb right after it."""
    if _IS_LOST.match(state.tags, j + 1) or _DENIES_ALIKE.match(state.tags, j + 1):
        return True
    match = _NEXT_VERB.match(state.tags, j + 1)
    if match is None:
        return False
    verb, at = match["verb"], match.start("verb")
    if verb == Tag.PARTICIPLE:
        return Tag.BE in match.group() or BY.match(state.tags, at + 1) is None
    return verb in _PREDICATES or state.text(at) == "targets"


def pronoun_object(state: ParseState, i: int) -> list[ListedGene]:
    """The gene that "it" means as an object of the verb at i: the nearest one ahead that is not the subject.

    Example:
        >>> read("MDM2 binds TP53 and SP1 activates it.")
        ['MDM2 interacts_with TP53', 'SP1 activates TP53']
    """
    subject = subject_of(state, i)
    own = {gene.symbol for gene in subject.genes} if subject else set()
    for k in range(i - 1, -1, -1):
        symbol = state.words[k].gene
        if symbol is not None and symbol not in own:
            return [ListedGene(k, symbol)]
    state.uses_topic = True
    return [ListedGene(NOWHERE, symbol) for symbol in state.topic if symbol not in own]


def subject_of(state: ParseState, i: int) -> Subject | None:
    """Whom the verb at token i speaks of.

    Example:
        >>> read("TP53 protein may directly bind MDM2 and activates MYC.")
        ['TP53 interacts_with MDM2 (hedged)', 'TP53 activates MYC']
        >>> read("TP53 binds MDM2. It activates MYC.")
        ['TP53 interacts_with MDM2', 'TP53 activates MYC']
    """
    tags = state.tags
    j = i - 1
    while j >= 0 and (tags[j] in _SKIPPED or state.text(j) == "binding" or _is_adverb(state, j)):
        j -= 1
    if j >= 0 and tags[j] in _JOINTS:
        if tags[j] == Tag.COMMA and j - 1 > state.used_to and tags[j - 1] in _GENES:
            return _listed(state, j - 1, i)
        if state.previous.subject is not None:
            earlier = state.previous.subject
            return Subject(earlier.genes, last=earlier.last, link=j)
    if j < 0 and state.topic and (state.words[i].text.endswith("s") or BY.match(tags, i + 1)):
        return _topic(state, NOWHERE)
    for k in range(j, max(-1, min(state.used_to, j - 1), j - REACH), -1):
        tag = tags[k]
        if tag == Tag.WHICH and not _INSERTED_CLAUSE.search(tags, k, i):
            return _antecedent(state, k)
        if tag == Tag.PRONOUN:
            return _pronoun(state, k)
        if tag in _GENES:
            if k > state.used_to:
                return _listed(state, k, i)
            to = tags.rfind(Tag.TO, k, i)
            if to >= 0 and state.words[i].bare and state.previous.subject is not None:
                # "A recruits B to activate C": A does.
                return Subject(state.previous.subject.genes, last=state.previous.subject.last, link=to)
            return None
        if tag in _BARRIERS or (tag == Tag.CONJUNCTION and k != j):
            return None
    return None


def _is_adverb(state: ParseState, j: int) -> bool:
    """Whether a word that may join clauses stands within one: "loss of A therefore lowers B"."""
    return state.text(j) in _CONSEQUENCES and j > 0 and state.tags[j - 1] not in _JOINTS


def _antecedent(state: ParseState, j: int) -> Subject | None:
    """The gene that "which" at token j speaks of."""
    for k in range(j - 1, -1, -1):
        if state.tags[k] in _GENES:
            return Subject([state.gene(k)], k, k)
    return None


def _pronoun(state: ParseState, j: int) -> Subject | None:
    """The genes that the pronoun at token j means."""
    text, previous = state.words[j].text, state.previous.subject
    earlier = [state.gene(k) for k in sorted(state.lists) if k < j]
    if text in ("they", "them"):
        genes = list({gene.symbol: gene for gene in earlier}.values())
    elif text == "latter":
        genes = earlier[-1:]
    else:
        genes = (earlier if previous is None else previous.genes)[:1]
    return Subject([gene._replace(negated=False) for gene in genes], j, j) if genes else _topic(state, j)


def _topic(state: ParseState, j: int) -> Subject | None:
    """The gene that the sentence before is about, meant by the word at token j, or by none."""
    state.uses_topic = True
    return Subject([ListedGene(NOWHERE, symbol) for symbol in state.topic], j, j) if state.topic else None


def _listed(state: ParseState, j: int, i: int) -> Subject:
    """The list that ends with the gene at token j, as the subject of the verb at token i."""
    genes = [gene for gene in state.lists[j] if state.used_to < gene.token <= j]
    if len(genes) > 1 and _is_singular(state, j, i):
        # One gene only is the subject of "regulates": an "and" before it joins clauses, not genes.
        joint = state.tags[genes[-2].token + 1 : genes[-1].token]
        if Tag.AND in joint and _LIST_NEGATIONS.isdisjoint(joint) and not _is_none_of(state, genes[0].token):
            genes = genes[-1:]
    if genes[0].negated and genes[-1].negated:
        genes = [gene._replace(negated=False) for gene in genes]
    return Subject(genes, genes[0].token, j)


def _is_singular(state: ParseState, j: int, i: int) -> bool:
    """Whether the verb at token i, with its auxiliaries behind token j, is in the singular."""
    verb = state.words[i]
    return (verb.tag == Tag.ACTIVE and verb.text.endswith("s")) or any(
        word.text in _SINGULAR for word in state.words[j + 1 : i]
    )


def _is_none_of(state: ParseState, j: int) -> bool:
    """Whether the list that begins with the gene at token j is denied as one: "none of A, B and C"."""
    while j > 0 and state.tags[j - 1] in _LIST_PREFIX:
        j -= 1
    return state.tags[j - 1 : j] == Tag.NOT
