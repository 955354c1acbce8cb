"""Sentence templates of questions: several for each family and relation, chosen by a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from rbio_kg.core.claims import Claim, Relation

FAMILY_RELATIONS: Mapping[str, tuple[Relation, ...]] = MappingProxyType(
    {
        "de": (Relation.CHANGES_EXPRESSION_OF,),
        "dir": (
            Relation.INCREASES_IF_CHANGED,
            Relation.DECREASES_IF_CHANGED,
            Relation.INCREASES,
            Relation.DECREASES,
        ),
        "physical": (Relation.INTERACTS_WITH,),
        "functional": (Relation.INTERACTS_WITH,),
        "regulation": (Relation.REGULATES, Relation.ACTIVATES, Relation.REPRESSES),
        "membership": (Relation.TAKES_PART_IN,),
    }
)
"""Families of questions and what they claim; `de` and `dir` come from the benchmark, the others from the graph."""

_TEMPLATES: Mapping[tuple[str, Relation], tuple[str, ...]] = MappingProxyType(
    {
        ("de", Relation.CHANGES_EXPRESSION_OF): (
            "Does losing {a} change {b}?",
            "Is {b} expressed differently once {a} is knocked down?",
            "Knock down {a}: does the level of {b} move?",
        ),
        ("dir", Relation.INCREASES_IF_CHANGED): (
            "{b} changes when {a} is lost: does it rise?",
            "Knocking down {a} alters {b}: is the new level higher?",
            "The level of {b} moves once {a} is knocked down: up?",
        ),
        ("dir", Relation.DECREASES_IF_CHANGED): (
            "{b} changes when {a} is lost: does it fall?",
            "Knocking down {a} alters {b}: is the new level lower?",
            "The level of {b} moves once {a} is knocked down: down?",
        ),
        ("dir", Relation.INCREASES): (
            "Does losing {a} raise {b}?",
            "Is {b} expressed more once {a} is knocked down?",
            "Knock down {a}: does the level of {b} go up?",
        ),
        ("dir", Relation.DECREASES): (
            "Does losing {a} lower {b}?",
            "Is {b} expressed less once {a} is knocked down?",
            "Knock down {a}: does the level of {b} go down?",
        ),
        ("physical", Relation.INTERACTS_WITH): (
            "Does {a} bind {b}?",
            "Do the proteins of {a} and {b} touch?",
            "Would an experiment find {a} together with {b}?",
        ),
        ("functional", Relation.INTERACTS_WITH): (
            "Do {a} and {b} work together?",
            "Is {a} functionally associated with {b}?",
            "Are {a} and {b} partners in the cell?",
        ),
        ("regulation", Relation.REGULATES): (
            "Does {a} regulate {b}?",
            "Is {b} a target of the transcription factor {a}?",
            "Does the factor {a} control the transcription of {b}?",
        ),
        ("regulation", Relation.ACTIVATES): (
            "Does {a} activate {b}?",
            "Does the factor {a} switch {b} on?",
            "Is {b} transcribed more where {a} is active?",
        ),
        ("regulation", Relation.REPRESSES): (
            "Does {a} repress {b}?",
            "Does the factor {a} switch {b} off?",
            "Is {b} transcribed less where {a} is active?",
        ),
        ("membership", Relation.TAKES_PART_IN): (
            "Does {a} take part in {b}?",
            "Is {b} something that {a} is involved in?",
            "Would you look for {a} in {b}?",
        ),
    }
)


def family_of(relation: Relation | str) -> str:
    """The default family of a relation; interactions belong to the functional ones."""
    relation = Relation(relation)
    if relation is Relation.INTERACTS_WITH:
        return "functional"
    return next(family for family, relations in FAMILY_RELATIONS.items() if relation in relations)


def templates(family: str, relation: Relation | str) -> tuple[str, ...]:
    """The templates of a kind of question, the default one first; `{a}` is the subject, `{b}` the object.

    Raises:
        ValueError: the family does not ask about the relation.
    """
    try:
        return _TEMPLATES[family, Relation(relation)]
    except KeyError:
        raise ValueError(f"no question of the family {family} has a template for the relation {relation}") from None


def chosen_template(claim: Claim, family: str, seed: int) -> int:
    """Number of a question's template: drawn by seed and claim, so that it does not depend on the other questions."""
    digest = hashlib.sha256(f"{seed}\t{family}\t{claim.id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % len(templates(family, claim.relation))


def question_text(claim: Claim, family: str, template: int = 0, object_name: str | None = None) -> str:
    """The question; `object_name` stands for an object that is known by an id, such as a GO term."""
    return templates(family, claim.relation)[template].format(a=claim.subject, b=object_name or claim.object)
