"""The words by which texts state relations, deny them and hedge them, each with its tag and what it states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.tags import Tag


class Word(NamedTuple):
    """What a word does in a sentence.

    Args:
        tag: what kind of word it is, a letter of `Tag`.
        text: in lower case.
        relation: what a trigger states.
        gene: approved symbol, where the word names a gene.
        bare: whether a verb is in its base form, as after "may" or "does not".
        inverse: whether a noun swaps the ends ("target of").
        after: words one of which must follow; none where a word of membership takes its term directly.
    """

    tag: str
    text: str
    relation: Relation | None = None
    gene: str | None = None
    bare: bool = False
    inverse: bool = False
    after: tuple[str, ...] = ()


_REG, _ACT, _REP, _INT = Relation.REGULATES, Relation.ACTIVATES, Relation.REPRESSES, Relation.INTERACTS_WITH

_VERBS: dict[Relation, str] = {
    _REG: "regulate control modulate affect influence alter change govern tune impact target",
    _ACT: "activate transactivate induce upregulate up-regulate stimulate promote enhance increase elevate boost "
    "trigger raise stabilise stabilize derepress amplify potentiate augment switch facilitate accelerate coactivate "
    "restore elicit evoke",
    _REP: "repress inhibit downregulate down-regulate suppress silence reduce decrease lower block dampen antagonise "
    "antagonize degrade destabilise destabilize attenuate abolish diminish impair restrict counteract inactivate "
    "curb limit oppose blunt weaken hamper lessen",
    _INT: "contact recruit sequester phosphorylate dephosphorylate ubiquitinate ubiquitylate deubiquitinate acetylate "
    "deacetylate methylate demethylate sumoylate cleave recognise recognize tether capture engage link connect couple",
}
_MUTUAL = (
    "interact associate partner dimerise dimerize heterodimerise heterodimerize oligomerise oligomerize complex "
    "coimmunoprecipitate co-immunoprecipitate pair dock copurify co-purify "
    "cooperate co-operate synergize synergise collaborate team"
)
"""Verbs of interaction that name their object after "with" or "to"."""
_IRREGULAR: dict[str, tuple[str, Relation, bool]] = {
    "bind": (Tag.ACTIVE, _INT, True),
    **dict.fromkeys(("binds", "holds"), (Tag.ACTIVE, _INT, False)),
    **dict.fromkeys(("bound", "held"), (Tag.PARTICIPLE, _INT, False)),
    "turns": (Tag.ACTIVE, _ACT, False),
    "turning": (Tag.ACTIVE, _ACT, False),
    "turned": (Tag.PARTICIPLE, _ACT, False),
    "drive": (Tag.ACTIVE, _ACT, True),
    "drives": (Tag.ACTIVE, _ACT, False),
    "driving": (Tag.ACTIVE, _ACT, False),
    "driven": (Tag.PARTICIPLE, _ACT, False),
    "occupies": (Tag.ACTIVE, _REG, False),
    "silent": (Tag.PARTICIPLE, _REP, False),
    "less": (Tag.PARTICIPLE, _REP, False),
    "higher": (Tag.PARTICIPLE, _ACT, False),
    "effect": (Tag.DEED, _REG, False),
    "effects": (Tag.DEED, _REG, False),
}
_DEEDS: dict[Relation, str] = {
    _REG: "regulation control modulation",
    _ACT: "activation transactivation induction upregulation up-regulation stimulation stabilisation stabilization "
    "promotion enhancement elevation",
    _REP: "repression inhibition downregulation down-regulation suppression degradation reduction destabilisation "
    "destabilization inactivation",
    _INT: "phosphorylation dephosphorylation ubiquitination ubiquitylation deubiquitination acetylation deacetylation "
    "methylation recruitment recognition sequestration",
}
_AGENTS: dict[Relation, str] = {
    _REG: "regulator modulator controller upstream",
    _ACT: "activator inducer stimulator coactivator transactivator",
    _REP: "repressor inhibitor suppressor silencer antagonist corepressor",
    _INT: "partner interactor ligand",
}
_INVERSE: dict[Relation, str] = {_REG: "target downstream", _INT: "substrate"}
_MEETINGS = "interaction association complex contact dimer heterodimer edge link partnership complexes binding"
_MEDIATED: dict[Relation | None, str] = {
    None: "mediated dependent",
    _ACT: "driven induced activated stimulated",
    _REP: "repressed inhibited suppressed",
    _REG: "regulated controlled",
}
_MOVES: dict[Relation, str] = {
    _ACT: "rise rises rose rising climb climbs climbed grows",
    _REP: "fall falls fell falling drop drops dropped decline declines declined",
    _REG: "go goes went unaffected unchanged",
}
_PARTS: dict[str, str] = {
    "in": "participate participates participated participating involved implicated operates role roles player "
    "players function functions functioning act acts acting work works involvement engaged operate",
    "for": "required needed essential important necessary crucial critical indispensable vital",
    "of": "component components subunit subunits member members constituent constituents",
    "to": "contributes contribute contributed belongs belong",
    "to in at": "localises localizes localise localize localised localized",
    "in at on": "located found resides reside residing present",
    "with to as": "annotated",
    "in of": "part",
    "": "mediate mediates mediated mediating sustain sustains sustained perform performs",
}
"""Words of membership by the words one of which must follow; "" where they take their term directly."""

_OTHER_WORDS: dict[str, str] = {
    Tag.BE: "is are was were be been being am get gets got gotten becomes become became remains remain",
    Tag.AUX: "have had does do did can will must having",
    Tag.HAS: "has possesses exhibits",
    Tag.NOT: (
        "not never cannot no neither none without fail fails failed failing unable lacks lack lacked hardly scarcely "
        "little false wrong incorrect untrue rule rules ruled doubt exclude excludes excluded"
    ),
    Tag.HEDGE: (
        "may might could would should possibly perhaps probably likely presumably potentially potential possible "
        "putative putatively appears appear seems seem suggest suggests suggested suggesting thought believed believe "
        "think hypothesise hypothesize hypothesised hypothesized hypothesis predicted expected proposed suspected "
        "assuming assume suppose maybe conceivable conceivably plausible plausibly speculate speculated supposedly "
        "supposed argue argued guess"
    ),
    Tag.UNLIKELY: "unlikely doubtful questionable",
    Tag.IF: "if",
    Tag.WHETHER: "whether",
    Tag.UNKNOWN: "ask asked asks test tested unclear unknown wonder wondered see know",
    Tag.PRONOUN: "it they this latter former them",
    Tag.WHICH: "which that who whose where",
    Tag.BY: "by",
    Tag.OF: "of",
    Tag.PREP: (
        "in during through from for at within under over into inside near via among between per upon after following "
        "against across"
    ),
    Tag.TO: "to",
    Tag.ON: "on onto",
    Tag.WITH: "with",
    Tag.AND: "and plus &",
    Tag.OR: "or",
    Tag.NOR: "nor",
    Tag.BUT: "but",
    Tag.RATHER: "rather",
    Tag.EACH: "each one",
    Tag.INCLUDING: "including such",
    Tag.CONJUNCTION: (
        "because although though whereas while since when so then thereby hence thus therefore however yet as unless "
        "once until"
    ),
    Tag.CAUSE: (
        "leads lead led leading causes cause caused causing results result resulting resulted produces produce show "
        "shows showed express expresses gives give yields responsible brings exert exerts exerting"
    ),
    Tag.FORM: "form forms formed forming",
    Tag.DET: "the a an its their his our any several many various some both all",
    Tag.MOD: (
        "protein proteins gene genes expression transcription mrna rna level levels activity activities promoter "
        "enhancer transcript transcripts abundance amount amounts production product products either like also too "
        "directly known than itself physically well well-known own same together only just even first still now "
        "further already longer later human cells cell jointly factor up down off turn shown reported able serves "
        "serve plays play takes take took"
    ),
    Tag.LOSING: (
        "lacking losing lose depleting deleting knocking sirna shrna sgrna crispri absence removal removing knock "
        "ablating eliminating disrupting"
    ),
    Tag.LOSS: "knockdown knock-down knockdowns knockout knock-out depletion loss deletion ablation deficiency "
    "disruption",
    Tag.LOST: "depleted deleted lost deficient null silenced knocked kd ko absent missing",
}


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


PROMOTERS = frozenset(("promoter", "promoters", "enhancer", "enhancers", "gene", "locus"))
"""To bind one of these of a gene counts as regulating the gene."""
NEGATIONS = frozenset(_OTHER_WORDS[Tag.NOT].split()) | {"nor"}
KIND_NOUNS = words_of("""
    cell cells content domain domains box stress assay assays repair motif repeat repeats family superfamily
    scan finger fingers helix
""")
"""A gene's symbol before one of these is part of another name: "SET domain", "T cells"."""
_NO_ADVERBS = words_of("""
    ally anomaly apply assembly belly bully butterfly comply costly deadly disassembly doily dragonfly family friendly
    holly imply jelly july monopoly multiply orderly panoply rally reassembly reply subfamily superfamily supply tally
    timely ugly unfriendly
""")
"""Nouns, verbs and adjectives in "-ly"."""
_MARKS = {
    ",": Tag.COMMA,
    "/": Tag.DASH,
    "-": Tag.DASH,
    "\N{EN DASH}": Tag.DASH,
    ":": Tag.COLON,
    "(": Tag.OPEN,
    ")": Tag.CLOSE,
}


def _inflected(verb: str) -> tuple[str, str, str]:
    """A regular verb's third person, its continuous form and its participle."""
    if verb.endswith("e"):
        return f"{verb}s", f"{verb[:-1]}ing", f"{verb}d"
    if verb.endswith(("s", "sh", "ch", "x")):
        return f"{verb}es", f"{verb}ing", f"{verb}ed"
    if verb == "control":
        return "controls", "controlling", "controlled"
    if verb.endswith("y"):
        return f"{verb[:-1]}ies", f"{verb}ing", f"{verb[:-1]}ied"
    return f"{verb}s", f"{verb}ing", f"{verb}ed"


def _verb(verb: str, relation: Relation, after: tuple[str, ...] = ()) -> Iterator[Word]:
    third, continuous, participle = _inflected(verb)
    yield Word(Tag.ACTIVE, verb, relation, bare=True, after=after)
    yield Word(Tag.ACTIVE, third, relation, after=after)
    yield Word(Tag.ACTIVE, continuous, relation, after=after)
    yield Word(Tag.PARTICIPLE, participle, relation, after=after)


def _verbs() -> Iterator[Word]:
    for relation, verbs in _VERBS.items():
        for verb in verbs.split():
            yield from _verb(verb, relation)
    for verb in _MUTUAL.split():
        yield from _verb(verb, _INT, after=("with", "to"))
    for form, (tag, relation, bare) in _IRREGULAR.items():
        yield Word(tag, form, relation, bare=bare)
    for relation, forms in _MOVES.items():
        yield from (Word(Tag.MOVES, form, relation) for form in forms.split())
    for form in words_of("involves involve requires require needs need depends depend depended relies rely relied"):
        yield Word(Tag.NEEDS, form, Relation.TAKES_PART_IN)


def _nouns() -> Iterator[Word]:
    for relation, nouns in _DEEDS.items():
        yield from (Word(Tag.DEED, noun, relation) for noun in nouns.split())
    for table, inverse in ((_AGENTS, False), (_INVERSE, True)):
        for relation, nouns in table.items():
            for noun in nouns.split():
                yield Word(Tag.AGENT, noun, relation, inverse=inverse)
                yield Word(Tag.AGENT, f"{noun}s", relation, inverse=inverse)
    for noun in _MEETINGS.split():
        yield Word(Tag.MEETING, noun, _INT)
        yield Word(Tag.MEETING, f"{noun}s", _INT)


def _memberships() -> Iterator[Word]:
    for after, words in _PARTS.items():
        for word in words.split():
            yield Word(Tag.MEMBERSHIP, word, Relation.TAKES_PART_IN, after=tuple(after.split()))


def _vocabulary() -> dict[str, Word]:
    found: dict[str, Word] = {}
    for tag, words in _OTHER_WORDS.items():
        for text in words.split():
            found.setdefault(text, Word(tag, text))
    for word in (*_verbs(), *_nouns(), *_memberships()):
        found[word.text] = word
    return found | {mark: Word(tag, mark) for mark, tag in _MARKS.items()}


VOCABULARY = _vocabulary()
"""Lower-case word to what it does.

>>> VOCABULARY["activates"].tag, VOCABULARY["activates"].relation
('A', <Relation.ACTIVATES: 'activates'>)
"""
SUFFIXES: dict[str, Word] = {
    **{word: Word(Tag.MEDIATED, word, relation) for relation, words in _MEDIATED.items() for word in words.split()},
    **{word: Word(Tag.LOST, word) for tag in (Tag.LOST, Tag.LOSS) for word in _OTHER_WORDS[tag].split()},
}
"""What may follow a gene by a hyphen: "TP53-mediated", "TP53-null"."""


def plain(text: str) -> Word:
    """A word outside the vocabulary. Adverbs and contracted negations are known by their ending.

    Example:
        >>> [plain(word).tag for word in ("rapidly", "won't", "assembly", "ribosome")]
        ['d', 'n', 'x', 'x']
    """
    if text.endswith("n't"):
        return Word(Tag.NOT, text)
    adverb = text.endswith("ly") and len(text) > 4 and text not in _NO_ADVERBS
    return Word(Tag.MOD if adverb else Tag.OTHER, text)
