"""Turns the words around a trigger into statements: between genes, and of genes in terms and pathways."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, product

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.parsing.parse_state import NOWHERE, Mood, ParseState
from rbio_kg.verifiers.text.parsing.polarity import is_question, opening, settle
from rbio_kg.verifiers.text.parsing.roles import OBJECT_GAP, Objects, subject_of
from rbio_kg.verifiers.text.parsing.tagging import ListedGene
from rbio_kg.verifiers.text.tags import Tag, letters, pattern
from rbio_kg.verifiers.text.term_names import TermRef

_CAUSE = pattern("[CAUSE ACTIVE FORM HEDGE MEMBERSHIP BE]")
"""What makes the subject the agent of a noun that follows.

>>> matched(_CAUSE, "TP53 leads to activation of MDM2.")
'leads'
"""
_CAUSE_WITHIN = 6
"""Words ahead of a noun among which a cause is looked for."""
_CLEFT = pattern("BE [DET MOD OTHER]* (?= [ANY_GENE] )")
"""A subject behind its verb.

>>> matched(_CLEFT, "The gene that activates MDM2 is the kinase TP53.", after="MDM2")
'is the kinase'
>>> read("The gene that activates MDM2 is TP53.")
['TP53 activates MDM2']
"""
_NOT_IN = pattern("[DET MOD PREP]? NOT")
"""A denial of the terms that follow.

>>> matched(_NOT_IN, "TP53 participates in neither autophagy nor DNA repair.", after="participates")
'in neither'
"""
_AHEAD_OF_TRIGGER = letters("BE AUX MOD NOT HEDGE UNLIKELY")
"""Words between the name of a term and a trigger: "autophagy is not"."""
_RELATION_OF_LOSS = {
    Relation.REGULATES: Relation.CHANGES_EXPRESSION_OF,
    Relation.ACTIVATES: Relation.INCREASES,
    Relation.REPRESSES: Relation.DECREASES,
}
"""What a verb of regulation says of a lost gene: "loss of A activates B" states that a knockdown increases B."""
TERM_PREFIXES = {
    Relation.REGULATES: "regulation of",
    Relation.ACTIVATES: "positive regulation of",
    Relation.REPRESSES: "negative regulation of",
}
"""How GO's names begin that say what a verb of regulation says of a process: "A inhibits autophagy"."""
_GAIN_WORD = frozenset(("overexpression", "overexpressing", "overexpressed", "over-expression"))
SIGNS = {Relation.ACTIVATES: 1, Relation.REPRESSES: -1}
"""Signs of the relations that have one."""


def state_objects(state: ParseState, i: int, relation: Relation, objects: Objects, *, passive: bool = False) -> None:
    """What the verb at token i says of its subject and these objects; with `passive` the objects are the agents.

    Example:
        >>> read("TP53 activates MDM2."), read("MDM2 is activated by TP53.")
        (['TP53 activates MDM2'], ['TP53 activates MDM2'])
        >>> read("Autophagy is regulated by TP53.")
        ['TP53 takes_part_in regulation of autophagy']
    """
    if not objects.genes:
        return
    subject = subject_of(state, i)
    if subject is None and (cleft := _CLEFT.match(state.tags, objects.last + 1)):
        agents = state.lists[cleft.end()]
        state_pairs(state, i, relation, product(agents, objects.genes), (i, agents[-1].token))
    elif subject is None and passive and (terms := terms_ahead(state, i, TERM_PREFIXES.get(relation, ""))):
        state_members(state, i, objects, terms)
    elif subject is None or is_question(state, subject):
        state.skip_objects(objects.last)
    else:
        mood = settle(state, i, subject, objects.last)
        # An interaction has no agent: the order of the text stays.
        swapped = passive and relation is not Relation.INTERACTS_WITH
        for one, other in product(subject.genes, objects.genes):
            _add(state, (other, one) if swapped else (one, other), relation, mood)


def state_pairs(
    state: ParseState,
    i: int,
    relation: Relation,
    pairs: Iterable[tuple[ListedGene, ListedGene]],
    span: tuple[int, int],
) -> None:
    """What the noun at token i says of pairs of genes.

    Args:
        state: the sentence.
        i: the noun.
        relation: what it states.
        pairs: subject and object of each statement.
        span: the first token, ahead of which a denial or hedge applies, and the last one that belongs to the noun.

    Example:
        >>> read("There is no activation of MDM2 by TP53.")
        ['not TP53 activates MDM2']
    """
    mood = opening(state, span[0])
    state.use(i, span[1])
    for pair in pairs:
        _add(state, pair, relation, mood)


def state_mutual(state: ParseState, i: int, relation: Relation) -> None:
    """What the subjects of the verb at token i do to each other.

    Example:
        >>> read("TP53 and MDM2 regulate each other.")
        ['TP53 regulates MDM2', 'MDM2 regulates TP53']
    """
    subject = subject_of(state, i)
    if subject is None or len(subject.genes) < 2 or is_question(state, subject):
        return
    mood = settle(state, i, subject, i)
    for one, other in combinations(subject.genes, 2):
        _add(state, (one, other), relation, mood)
        if relation is not Relation.INTERACTS_WITH:
            _add(state, (other, one), relation, mood)


def state_change(state: ParseState, i: int, relation: Relation, *, denied: bool = False) -> None:
    """A change without an agent is attributed to a gene that the sentence speaks of as lost or overexpressed.

    Example:
        >>> read("MYC falls after loss of TP53."), read("Upon overexpression of TP53, MYC falls.")
        (['TP53 decreases MYC'], ['TP53 represses MYC'])
    """
    gained = None if Tag.LOST_GENE in state.tags else _GAIN_WORD.intersection([word.text for word in state.words])
    subject = subject_of(state, i) if gained is None or gained else None
    changed = [gene for gene in subject.genes if not gene.lost] if subject else []
    if subject is None or not changed or is_question(state, subject):
        return
    at = state.tags.find(Tag.LOST_GENE, i)
    at = at if at >= 0 else state.tags.rfind(Tag.LOST_GENE)
    if gained:
        at = _gained_gene(state)
        changed = [gene for gene in changed if gene.token != at]
        if at < 0 or not changed:
            return
    mood = settle(state, i, subject, i)
    mood = Mood(mood.negated ^ denied, mood.hedged)
    lost = ListedGene(at, state.words[at].gene or "", lost=not gained)
    for gene in changed:
        _add(state, (lost, gene), relation, mood)


def _gained_gene(state: ParseState) -> int:
    """Token of the gene that is overexpressed, -1 without one."""
    at = next(k for k, word in enumerate(state.words) if word.text in _GAIN_WORD)
    behind = OBJECT_GAP.match(state.tags, at + 1)
    if behind is not None:
        return behind.end()
    return at - 1 if state.tag(at - 1) == Tag.GENE else NOWHERE


def state_membership(state: ParseState, i: int, start: int, prefix: str = "") -> bool:
    """The subject of the word at token i takes part in the terms and pathways named from character `start` on.

    Args:
        state: the sentence.
        i: the trigger.
        start: the character from which on names are looked up.
        prefix: words that are put before each name, see `TermNames.after`.

    Returns:
        Whether there are such terms, and a subject.

    Example:
        >>> read("TP53 and MYC take part in DNA repair and autophagy.")[:2]
        ['TP53 takes_part_in DNA repair', 'MYC takes_part_in DNA repair']
        >>> read("TP53 inhibits autophagy.")
        ['TP53 takes_part_in negative regulation of autophagy']
    """
    text = state.sentence.source.text
    state.term_spans.append((start, len(text)))
    named = list(state.lexicon.term_names.after(text, start, prefix))
    subject = subject_of(state, i) if named else None
    if subject is None or is_question(state, subject):
        return False
    last = i
    while last + 1 < len(state.words) and state.end(last + 1) <= named[-1][1]:
        last += 1
    none_of = _NOT_IN.match(state.tags, i + 1) is not None
    mood = settle(state, i, subject, last)
    for terms, _ in named:
        for gene in subject.genes:
            if not gene.lost:
                _add_member(state, gene, terms, Mood(mood.negated ^ gene.negated ^ none_of, mood.hedged))
    state.read_to = last
    return True


def state_members(state: ParseState, i: int, objects: Objects, terms: tuple[TermRef, ...]) -> None:
    """The objects of the word at token i take part in the term that is named ahead of it.

    Example:
        >>> read("Autophagy requires MYC and SP1.")
        ['MYC takes_part_in autophagy', 'SP1 takes_part_in autophagy']
    """
    mood = opening(state, i)
    state.use(i, objects.last)
    for gene in objects.genes:
        _add_member(state, gene, terms, mood)


def terms_ahead(state: ParseState, i: int, prefix: str = "") -> tuple[TermRef, ...]:
    """The terms and pathways whose name ends right ahead of the word at token i."""
    j = i
    while j > 0 and state.tags[j - 1] in _AHEAD_OF_TRIGGER:
        j -= 1
    if not j:
        return ()
    start, end = state.end(state.trigger) if state.trigger >= 0 else 0, state.end(j - 1)
    state.term_spans.append((start, end))
    return state.lexicon.term_names.before(state.sentence.source.text, start, end, prefix)


def has_cause(state: ParseState, i: int) -> bool:
    """Whether a word of cause stands ahead of the noun at token i: "leads to", "is"."""
    return _CAUSE.search(state.tags, max(state.trigger + 1, i - _CAUSE_WITHIN), i) is not None


def is_caused_change(state: ParseState, i: int) -> bool:
    """Whether the word at token i is a noun: "leads to a decrease in B"."""
    return state.text(i + 1) == "in" and has_cause(state, i)


def _add(state: ParseState, pair: tuple[ListedGene, ListedGene], relation: Relation, mood: Mood) -> None:
    """Add a statement about two genes, if it says something that can be checked."""
    one, other = pair
    stated: Relation | None = relation
    if one.lost:
        stated = None if other.lost else _RELATION_OF_LOSS.get(relation)
    elif other.lost and relation is not Relation.INTERACTS_WITH:
        stated = None
    if stated is not None and one.symbol != other.symbol:
        mood = Mood(mood.negated ^ one.negated ^ other.negated, mood.hedged)
        state.add(one.symbol, stated, other.symbol, mood)


def _add_member(state: ParseState, gene: ListedGene, terms: tuple[TermRef, ...], mood: Mood) -> None:
    state.add(gene.symbol, Relation.TAKES_PART_IN, terms[0].key, mood, terms=terms)
