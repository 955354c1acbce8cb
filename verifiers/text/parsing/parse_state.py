"""What is known while a sentence is parsed, from left to right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.parsing.tagging import ListedGene, TaggedSentence
from rbio_kg.verifiers.text.term_names import TermRef
from rbio_kg.verifiers.text.vocabulary import Word

Polarity = Literal["affirmed", "negated"]
Certainty = Literal["asserted", "hedged"]

NOWHERE = -1
"""A token that does not exist."""


class RawStatement(NamedTuple):
    """A statement as the text makes it, not yet checked.

    Args:
        text: the sentence that makes it.
        subject: gene symbol.
        relation: what is stated.
        object: gene symbol, or the id of the first of `terms`.
        polarity: affirmed or negated.
        certainty: asserted or hedged.
        terms: all terms and pathways that have the name that the text uses.
    """

    text: str
    subject: str
    relation: Relation
    object: str
    polarity: Polarity
    certainty: Certainty
    terms: tuple[TermRef, ...] = ()


class Mood(NamedTuple):
    """How something is stated."""

    negated: bool
    hedged: bool


@dataclass(slots=True)
class Subject:
    """The genes that a verb speaks of.

    Args:
        genes: the genes.
        first, last: tokens at which the sentence names them, or has a pronoun for them.
        link: the word across which they are taken over from an earlier verb: "and" in "A binds B and activates C".
            With neither they are the topic, which the sentence does not mention: "Activates B."
    """

    genes: list[ListedGene]
    first: int = NOWHERE
    last: int = NOWHERE
    link: int = NOWHERE

    @property
    def written(self) -> bool:
        """Whether the sentence names them right ahead of the verb."""
        return self.first != NOWHERE


@dataclass(slots=True)
class PreviousVerb:
    """What the next verb may take over: "A may not bind B or activate C".

    Args:
        subject: whom it speaks of; None where it states nothing.
        negated, hedged: how it is stated.
        bare: whether it is in its base form.
    """

    subject: Subject | None = None
    negated: bool = False
    hedged: bool = False
    bare: bool = False


@dataclass(slots=True)
class ParseState:
    """A sentence, and what has been found in it so far.

    Args:
        sentence: what is parsed.
        lexicon: names of terms and pathways.
        topic: the genes that "it" means at the beginning.
        previous: the verb that was read last.
        trigger: token of the trigger that was read last.
        used_to: the last gene that is used up as an object: no later verb has it as its subject.
        read_to: the last token that was read; triggers up to here are part of another one.
        uses_topic: whether the statements depend on the topic.
        term_spans: first and last character between which names of terms and pathways were looked up.
        statements: what the sentence states.
    """

    sentence: TaggedSentence
    lexicon: Lexicon
    topic: tuple[str, ...]
    previous: PreviousVerb = field(default_factory=PreviousVerb)
    trigger: int = NOWHERE
    used_to: int = NOWHERE
    read_to: int = NOWHERE
    uses_topic: bool = False
    term_spans: list[tuple[int, int]] = field(default_factory=list)
    statements: list[RawStatement] = field(default_factory=list)
    tags: str = field(init=False)
    words: list[Word] = field(init=False)
    lists: dict[int, list[ListedGene]] = field(init=False)

    def __post_init__(self) -> None:
        self.tags, self.words, self.lists = self.sentence.tags, self.sentence.words, self.sentence.lists

    def tag(self, i: int) -> str:
        """The tag of word i, empty outside of the sentence."""
        return self.tags[i : i + 1] if i >= 0 else ""

    def text(self, i: int) -> str:
        """Word i in lower case, empty outside of the sentence."""
        return self.words[i].text if 0 <= i < len(self.words) else ""

    def end(self, i: int) -> int:
        """The character after word i."""
        return self.sentence.source.span(i)[1]

    def gene(self, i: int) -> ListedGene:
        """The gene at token i."""
        return next(item for item in self.lists[i] if item.token == i)

    def add(
        self, subject: str, relation: Relation, target: str, mood: Mood, *, terms: tuple[TermRef, ...] = ()
    ) -> None:
        """Add a statement."""
        polarity: Polarity = "negated" if mood.negated else "affirmed"
        certainty: Certainty = "hedged" if mood.hedged else "asserted"
        text = self.sentence.source.text
        self.statements.append(RawStatement(text, subject, relation, target, polarity, certainty, terms))

    def use(self, trigger: int, last: int) -> None:
        """Note that a trigger is read, and that genes up to token `last` are its objects."""
        self.trigger, self.used_to = trigger, max(self.used_to, last)

    def skip_objects(self, last: int) -> None:
        """Note that genes up to token `last` are objects of a verb that states nothing."""
        self.used_to, self.previous.subject = max(self.used_to, last), None
