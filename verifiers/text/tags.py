"""The tag alphabet: what a word does in a sentence, as one letter, and patterns over such letters.

A sentence becomes a string with one letter per word. What may stand around a word is then a regular expression over
letters. `pattern` writes these expressions with tag names.
"""

from __future__ import annotations

import re


class Tag:
    """What a word does in a sentence, as a letter: `Tag.ACTIVE` is "A"."""

    # Words that may state a relation
    ACTIVE = "A"
    """Verb in the active voice: activates, binding, bind."""
    PARTICIPLE = "S"
    """Past participle: activated, bound."""
    DEED = "N"
    """Noun of a verb's action: activation, inhibition."""
    AGENT = "E"
    """Noun of the one who acts, or is acted on: activator, target."""
    MEETING = "X"
    """Noun of an interaction: interaction, complex."""
    MEMBERSHIP = "P"
    """Word that puts a gene into a term or pathway: involved (in), required (for), mediates."""
    NEEDS = "Q"
    """Verb whose subject is a term or pathway: requires."""
    MEDIATED = "M"
    """Suffix behind a gene: -mediated, -dependent, -induced."""
    MOVES = "I"
    """Verb of a change without an object: falls, rises."""
    HAS = "H"
    """Has, in 'has kinase activity'."""
    # Genes
    GENE = "G"
    """A gene."""
    LOST_GENE = "K"
    """A gene that is lost, depleted or knocked down."""
    NAME_START = "g"
    """A word that may begin a gene name of several words: cyclin (D1)."""
    # Loss of a gene
    LOSING = "k"
    """Word before a lost gene: lacking, deleting, siRNA."""
    LOSS = "l"
    """Noun of loss: knockdown, depletion."""
    LOST = "v"
    """Word behind a lost gene: depleted, null."""
    REPRESSION = "L"
    """A DEED of repression (inhibition), which may name a loss; only while lost genes are searched."""
    # Denials, hedges, questions
    NOT = "n"
    """Denial: not, no, fails."""
    HEDGE = "h"
    """Hedge: may, probably, suggests."""
    UNLIKELY = "U"
    """Hedged denial: unlikely."""
    IF = "f"
    """If."""
    WHETHER = "q"
    """Whether."""
    UNKNOWN = "z"
    """Verb of asking, before 'if': ask, tested, unclear."""
    # Small words
    BE = "b"
    """Form of to be, or of a verb used as such: is, remains."""
    AUX = "a"
    """Auxiliary verb: does, can, will."""
    PRONOUN = "t"
    """It, they, the latter."""
    WHICH = "w"
    """Relative pronoun: which, whose."""
    BY = "y"
    """By."""
    OF = "o"
    """Of."""
    PREP = "p"
    """Preposition: in, through, after."""
    TO = "2"
    """To."""
    ON = "4"
    """On, onto."""
    WITH = "W"
    """With."""
    AND = "&"
    """And, plus."""
    OR = "V"
    """Or."""
    NOR = "r"
    """Nor."""
    BUT = "u"
    """But."""
    RATHER = "R"
    """Rather (than)."""
    EACH = "m"
    """Each, one (another)."""
    INCLUDING = "i"
    """Including, such (as)."""
    CONJUNCTION = "j"
    """Word that joins clauses: because, while, thus."""
    CAUSE = "c"
    """Verb of cause or of expression: leads, causes, shows."""
    FORM = "F"
    """Forms."""
    DET = "D"
    """Determiner: the, its, several."""
    MOD = "d"
    """Adverb, or noun that may surround a gene: directly, protein, expression."""
    OTHER = "x"
    """Any other word."""
    # Punctuation
    COMMA = ","
    """Comma."""
    DASH = "/"
    """Hyphen, dash or slash."""
    COLON = ":"
    """Colon."""
    OPEN = "("
    """Opening bracket."""
    CLOSE = ")"
    """Closing bracket."""


LETTERS: dict[str, str] = {name: letter for name, letter in vars(Tag).items() if name.isupper()}
"""Each tag's letter by its name."""
CLASSES: dict[str, str] = {
    "ANY_GENE": Tag.GENE + Tag.LOST_GENE,
    "TRIGGER": "".join(
        [Tag.ACTIVE, Tag.PARTICIPLE, Tag.DEED, Tag.AGENT, Tag.MEETING, Tag.MEMBERSHIP, Tag.NEEDS, Tag.MEDIATED,
         Tag.MOVES, Tag.HAS]
    ),
}  # fmt: skip
"""Groups of tags that have a name of their own, for use within [] in a pattern. A TRIGGER may state a relation."""

_NAME = re.compile(r"[A-Z][A-Z_]+")


def letters(names: str) -> frozenset[str]:
    """The letters of tags and classes that are named, by spaces.

    Example:
        >>> sorted(letters("ANY_GENE NOT"))
        ['G', 'K', 'n']
    """
    return frozenset("".join(CLASSES.get(name) or LETTERS[name] for name in names.split()))


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression over tag letters, written with tag names; spaces and comments (#) are left out.

    Example:
        >>> pattern("[DET MOD]* (?= [ANY_GENE] )   # up to a gene").pattern
        '[Dd]*(?=[GK])'
    """
    named = " ".join(line.partition("#")[0] for line in text.splitlines())
    return re.compile("".join(_NAME.sub(_written, named).split()))


def _written(match: re.Match[str]) -> str:
    name = match.group()
    return CLASSES.get(name) or re.escape(LETTERS[name])
