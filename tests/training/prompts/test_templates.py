"""Sentence templates: several for each kind of question, none of which contains more than its names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.training.prompts.templates import FAMILY_RELATIONS, chosen_template, family_of, question_text, templates

KINDS = [(family, relation) for family, relations in FAMILY_RELATIONS.items() for relation in relations]


@pytest.mark.parametrize(("family", "relation"), KINDS)
def test_every_kind_has_several_wordings_that_name_both_ends(family: str, relation: Relation) -> None:
    made = templates(family, relation)
    assert len(set(made)) == len(made) >= 3
    for number in range(len(made)):
        text = question_text(Claim("AAA1", relation, "BBB2", "k562"), family, number)
        assert "AAA1" in text
        assert "BBB2" in text
        assert text.endswith("?")
        assert "k562" not in text


def test_every_relation_has_a_family() -> None:
    for relation in Relation:
        assert templates(family_of(relation), relation)


def test_an_object_is_called_by_its_name() -> None:
    claim = Claim("TP53", "takes_part_in", "GO:0006915")
    assert question_text(claim, "membership", 0, "apoptotic process") == "Does TP53 take part in apoptotic process?"


def test_a_family_does_not_ask_about_anothers_relation() -> None:
    with pytest.raises(ValueError, match="no question of the family de"):
        templates("de", Relation.REGULATES)


@given(seed=st.integers(0, 1000))
def test_the_seed_draws_every_template(seed: int) -> None:
    claims = [Claim("A", "regulates", f"B{i}") for i in range(60)]
    drawn = [chosen_template(claim, "regulation", seed) for claim in claims]
    assert set(drawn) == {0, 1, 2}
    assert drawn == [chosen_template(claim, "regulation", seed) for claim in claims]
