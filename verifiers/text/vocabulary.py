"""The words by which texts state relations, deny them and hedge them: each word's part in a sentence, as one letter.

A sentence becomes a string of such letters, on which patterns are matched (`rbio_kg.verifiers.text.clauses`).
"""

from __future__ import annotations

from typing import NamedTuple

from rbio_kg.core.claims import Relation

ACTIVE, PARTICIPLE, DEED, AGENT, MEETING = "A", "S", "N", "E", "X"
PART, NEEDS, MEDIATED, MOVES, HAS = "P", "Q", "M", "I", "H"
GENE = "G"
TRIGGERS = ACTIVE + PARTICIPLE + DEED + AGENT + MEETING + PART + NEEDS + MEDIATED + MOVES + HAS
"""Letters of the words that may state a relation: finite verbs, participles, nouns of doing ("activation"), of the doer
("activator") and of meeting ("interaction"), wordings of membership, needing ("requires"), "-mediated", verbs that take
no object ("falls") and "has"."""


class Word(NamedTuple):
    """What a word does in a sentence.

    Args:
        tag: its letter.
        text: in lower case.
        relation: what a trigger states.
        gene: approved symbol, where the word names a gene.
        bare: whether a verb stands in its base form, as after "may" or "does not".
        inverse: whether a doer's noun swaps the ends ("target of").
        after: words that must follow a wording of membership; none where it takes its term directly.
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
    "trigger raise stabilise stabilize derepress amplify potentiate augment switch facilitate accelerate coactivate",
    _REP: "repress inhibit downregulate down-regulate suppress silence reduce decrease lower block dampen antagonise "
    "antagonize degrade destabilise destabilize attenuate abolish diminish impair restrict counteract inactivate "
    "curb limit oppose",
    _INT: "contact recruit sequester phosphorylate dephosphorylate ubiquitinate ubiquitylate deubiquitinate acetylate "
    "deacetylate methylate demethylate sumoylate cleave recognise recognize tether capture engage link connect couple",
}
_MUTUAL = (
    "interact associate partner dimerise dimerize heterodimerise heterodimerize oligomerise oligomerize complex "
    "coimmunoprecipitate co-immunoprecipitate pair dock copurify co-purify"
)
"""Verbs of meeting that name their object after "with" or "to"."""
_IRREGULAR: dict[str, tuple[str, Relation, bool]] = {
    "bind": (ACTIVE, _INT, True),
    **dict.fromkeys(("binds", "holds"), (ACTIVE, _INT, False)),
    **dict.fromkeys(("bound", "held"), (PARTICIPLE, _INT, False)),
    "turns": (ACTIVE, _ACT, False),
    "turning": (ACTIVE, _ACT, False),
    "turned": (PARTICIPLE, _ACT, False),
    "drive": (ACTIVE, _ACT, True),
    "drives": (ACTIVE, _ACT, False),
    "driving": (ACTIVE, _ACT, False),
    "driven": (PARTICIPLE, _ACT, False),
    "occupies": (ACTIVE, _REG, False),
    "silent": (PARTICIPLE, _REP, False),
    "less": (PARTICIPLE, _REP, False),
    "higher": (PARTICIPLE, _ACT, False),
    "effect": (DEED, _REG, False),
    "effects": (DEED, _REG, False),
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
"""Wordings of membership by the words that must follow one of them; "" where it takes its term directly."""

_SMALL: dict[str, str] = {
    "b": "is are was were be been being am get gets got gotten becomes become became remains remain",
    "a": "have had does do did can will must having",
    HAS: "has possesses exhibits",
    "n": "not never cannot no neither none without fail fails failed failing unable lacks lack lacked hardly "
    "scarcely little false wrong incorrect untrue rule rules ruled doubt exclude excludes excluded",
    "h": "may might could would should possibly perhaps probably likely presumably potentially potential possible "
    "putative putatively appears appear seems seem suggest suggests suggested suggesting thought believed believe "
    "think hypothesise hypothesize hypothesised hypothesized hypothesis predicted expected proposed suspected "
    "assuming assume suppose maybe conceivable conceivably plausible plausibly speculate speculated supposedly "
    "supposed argue argued guess",
    "U": "unlikely doubtful questionable",
    "f": "if",
    "q": "whether",
    "z": "ask asked asks test tested unclear unknown wonder wondered see know",
    "t": "it they this latter former them",
    "w": "which that who whose where",
    "y": "by",
    "o": "of",
    "p": "in during through from for at within under over into inside near via among between per upon after "
    "following against across",
    "2": "to",
    "4": "on onto",
    "W": "with",
    "&": "and plus &",
    "V": "or",
    "r": "nor",
    "u": "but",
    "R": "rather",
    "m": "each one",
    "i": "including such",
    "j": "because although though whereas while since when so then thereby hence thus therefore however yet as unless "
    "once until",
    "c": "leads lead led leading causes cause caused causing results result resulting resulted produces produce show "
    "shows showed express expresses gives give yields responsible brings exert exerts exerting",
    "F": "form forms formed forming",
    "D": "the a an its their his our any several many various some both all",
    "d": "protein proteins gene genes expression transcription mrna rna level levels activity activities promoter "
    "enhancer transcript transcripts abundance amount amounts production product products either like also "
    "too directly known than itself physically well well-known own same together only just even first still now "
    "further already longer later human cells cell jointly factor up down off turn shown reported able serves serve "
    "plays play takes take took",
    "k": "lacking losing lose depleting deleting knocking sirna shrna sgrna crispri absence removal removing knock",
    "l": "knockdown knock-down knockdowns knockout knock-out depletion loss deletion ablation deficiency",
    "v": "depleted deleted lost deficient null silenced knocked kd ko",
}


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


PROMOTERS = frozenset(("promoter", "promoters", "enhancer", "enhancers", "gene", "locus"))
"""Binding one of these of a gene is taken for regulating the gene."""
NEGATIONS = frozenset(_SMALL["n"].split()) | {"nor"}
KIND_NOUNS = words_of("""
    cell cells content domain domains box stress assay assays repair motif repeat repeats family superfamily
    scan finger fingers helix
""")
"""A gene's symbol before one of these is part of another name: "SET domain", "T cells"."""


def _forms(verb: str) -> tuple[tuple[str, ...], str]:
    """Third person and continuous forms, and the participle."""
    if verb.endswith("e"):
        return (f"{verb}s", f"{verb[:-1]}ing"), f"{verb}d"
    if verb.endswith(("s", "sh", "ch", "x")):
        return (f"{verb}es", f"{verb}ing"), f"{verb}ed"
    if verb in ("control",):
        return (f"{verb}s", f"{verb}ling"), f"{verb}led"
    if verb.endswith("y"):
        return (f"{verb[:-1]}ies", f"{verb}ing"), f"{verb[:-1]}ied"
    return (f"{verb}s", f"{verb}ing"), f"{verb}ed"


def _vocabulary() -> dict[str, Word]:
    found: dict[str, Word] = {}
    for tag, words in _SMALL.items():
        for word in words.split():
            found.setdefault(word, Word(tag, word))
    for relation, verbs in _VERBS.items():
        for verb in verbs.split():
            finite, participle = _forms(verb)
            found[verb] = Word(ACTIVE, verb, relation, bare=True)
            found |= {form: Word(ACTIVE, form, relation) for form in finite}
            found[participle] = Word(PARTICIPLE, participle, relation)
    for verb in _MUTUAL.split():
        finite, participle = _forms(verb)
        found |= {form: Word(ACTIVE, form, _INT, after=("with", "to"), bare=form == verb) for form in (verb, *finite)}
        found[participle] = Word(PARTICIPLE, participle, _INT, after=("with", "to"))
    found |= {word: Word(tag, word, relation, bare=bare) for word, (tag, relation, bare) in _IRREGULAR.items()}
    for tag, table in ((DEED, _DEEDS), (AGENT, _AGENTS), (MOVES, _MOVES)):
        for relation, words in table.items():
            for word in words.split():
                found[word] = Word(tag, word, relation)
                if tag == AGENT:
                    found[f"{word}s"] = Word(tag, f"{word}s", relation)
    for relation, words in _INVERSE.items():
        for word in words.split():
            found |= {form: Word(AGENT, form, relation, inverse=True) for form in (word, f"{word}s")}
    for word in _MEETINGS.split():
        found |= {form: Word(MEETING, form, _INT) for form in (word, f"{word}s")}
    for after, words in _PARTS.items():
        for word in words.split():
            found[word] = Word(PART, word, Relation.TAKES_PART_IN, after=tuple(after.split()))
    for word in ["involves", "involve", "requires", "require", "needs", "need"]:
        found[word] = Word(NEEDS, word, Relation.TAKES_PART_IN)
    for mark, tag in ((",", ","), ("/", "/"), ("-", "/"), ("\N{EN DASH}", "/"), (":", ":"), ("(", "("), (")", ")")):
        found[mark] = Word(tag, mark)
    return found


VOCABULARY = _vocabulary()
"""Lower-case word to what it does."""
SUFFIXES: dict[str, Word] = {
    **{word: Word(MEDIATED, word, relation) for relation, words in _MEDIATED.items() for word in words.split()},
    **{word: Word("v", word) for word in (_SMALL["v"] + " " + _SMALL["l"]).split()},
}
"""What may follow a gene by a hyphen."""


def plain(text: str) -> Word:
    """A word outside the vocabulary; adverbs and contracted negations are told by their ending."""
    if text.endswith("n't"):
        return Word("n", text)
    return Word("d" if text.endswith("ly") and len(text) > 4 else "x", text)
