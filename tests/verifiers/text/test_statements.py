"""Statements extracted from texts and checked: direction, sign, negation, lists and hedges each count."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Relation
from rbio_kg.verifiers.text.statements import StatementChecker
from tests.support.named_graph import named_snapshot


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> StatementChecker:
    return StatementChecker(named_snapshot(tmp_path_factory.mktemp("named") / "snapshot"))


CASES = {
    # The tags of a completion are no words.
    "<think>TP53 interacts with MDM2.</think><answer>yes 8</answer>": ["TP53 interacts_with MDM2 +"],
    "<think>TP53 does not interact with MDM2</think>": ["not TP53 interacts_with MDM2 -"],
    # Interactions have no direction; negation turns support into contradiction.
    "MDM2 interacts with TP53.": ["MDM2 interacts_with TP53 +"],
    "MDM2 does not interact with TP53.": ["not MDM2 interacts_with TP53 -"],
    "MDM2 doesn't bind TP53.": ["not MDM2 interacts_with TP53 -"],
    "There is no evidence that MDM2 interacts with p53.": ["not MDM2 interacts_with TP53 -"],
    "It is not true that TP53 does not interact with MDM2.": ["TP53 interacts_with MDM2 +"],
    "TP53 is bound by MDM2.": ["TP53 interacts_with MDM2 +"],
    "TP53 and MDM2 interact.": ["TP53 interacts_with MDM2 +"],
    "The interaction between TP53 and MDM2 is strong.": ["TP53 interacts_with MDM2 +"],
    "There is no interaction between TP53 and MDM2.": ["not TP53 interacts_with MDM2 -"],
    "TP53 and MDM2 form a stable complex.": ["TP53 interacts_with MDM2 +"],
    "SET interacts with CAT.": ["SET interacts_with CAT ?"],
    "SET does not interact with CAT.": ["not SET interacts_with CAT ?"],
    # Lists.
    "TP53 interacts with MDM2, SP1 and ABCE1.": [
        "TP53 interacts_with MDM2 +",
        "TP53 interacts_with SP1 +",
        "TP53 interacts_with ABCE1 ?",
    ],
    "Neither MDM2 nor SP1 interacts with TP53.": [
        "not MDM2 interacts_with TP53 -",
        "not SP1 interacts_with TP53 -",
    ],
    "TP53 interacts with MDM2 but not SP1.": ["TP53 interacts_with MDM2 +", "not TP53 interacts_with SP1 -"],
    "TP53 regulates neither MYC nor CDKN1A.": ["not TP53 regulates MYC -", "not TP53 regulates CDKN1A -"],
    "TP53 does not bind MDM2 or regulate MYC.": ["not TP53 interacts_with MDM2 -", "not TP53 regulates MYC -"],
    # Direction and sign of regulation.
    "TP53 activates CDKN1A and represses MYC.": ["TP53 activates CDKN1A +", "TP53 represses MYC +"],
    "TP53 represses CDKN1A but activates MYC.": ["TP53 represses CDKN1A -", "TP53 activates MYC -"],
    "CDKN1A is strongly activated by TP53.": ["TP53 activates CDKN1A +"],
    # A regulation that the graph knows in the opposite direction refutes nothing.
    "CDKN1A activates TP53.": ["CDKN1A activates TP53 ?"],
    "CDKN1A regulates TP53.": ["CDKN1A regulates TP53 ?"],
    "CDKN1A does not regulate TP53.": ["not CDKN1A regulates TP53 ?"],
    "MYC is not regulated by TP53.": ["not TP53 regulates MYC -"],
    "TP53 does not activate MYC.": ["not TP53 activates MYC +"],
    "TP53 negatively regulates MYC.": ["TP53 represses MYC +"],
    "SP1 activates MDM2.": ["SP1 activates MDM2 ?"],
    "SP1 controls the expression of the MDM2 gene.": ["SP1 regulates MDM2 +"],
    "The activation of CDKN1A by TP53 is known.": ["TP53 activates CDKN1A +"],
    "MYC is a target of TP53.": ["TP53 regulates MYC +"],
    # A noun of repression behind a verb is an effect, not a knockdown: the signs multiply.
    "TP53 promotes the degradation of MYC.": ["TP53 represses MYC +"],
    "TP53 promotes rapid degradation of MYC.": ["TP53 represses MYC +"],
    "TP53 blocks the inhibition of CDKN1A.": ["TP53 activates CDKN1A +"],
    "MDM2 promotes ubiquitination and degradation of TP53.": [],
    # Nouns in "-ly" are no adverbs.
    "The TP53 family activates CDKN1A.": [],
    "TP53 activates assembly MYC.": ["TP53 activates MYC -"],
    "TP53 is a repressor of MYC.": ["TP53 represses MYC +"],
    "TP53 not only activates CDKN1A but also represses MYC.": ["TP53 activates CDKN1A +", "TP53 represses MYC +"],
    "TP53 regulates MDM2, which interacts with SP1.": ["TP53 regulates MDM2 +", "MDM2 interacts_with SP1 ?"],
    "TP53 represses MYC. It also binds HLA-A.": ["TP53 represses MYC +", "TP53 interacts_with HLA-A +"],
    # What a knockdown does is not what the gene does.
    "Knockdown of TP53 increases MYC.": ["TP53 increases MYC ?"],
    "TP53 knockdown does not reduce expression of CDKN1A.": ["not TP53 decreases CDKN1A ?"],
    "Loss of TP53 changes MYC.": ["TP53 changes_expression_of MYC ?"],
    # Terms and pathways; an annotation implies its ancestors.
    "TP53 takes part in double-strand break repair and cell cycle.": [
        "TP53 takes_part_in GO:0000003 +",
        "TP53 takes_part_in GO:0000006 +",
    ],
    "TP53 is involved in DNA repair, which matters.": ["TP53 takes_part_in GO:0000002 +"],
    "TP53 does not take part in DNA repair.": ["not TP53 takes_part_in GO:0000002 -"],
    "MYC takes part in DNA repair.": ["MYC takes_part_in GO:0000002 ?"],
    "SP1 plays a role in negative regulation of transcription by RNA polymerase II and regulates MDM2.": [
        "SP1 takes_part_in GO:0000005 +",
        "SP1 regulates MDM2 +",
    ],
    "TP53 takes part in GO:0000003.": ["TP53 takes_part_in GO:0000003 +"],
    "TP53 is a member of the G1/S transition pathway.": ["TP53 takes_part_in R-HSA-2 +"],
    "CDKN1A takes part in the cell cycle.": ["CDKN1A takes_part_in R-HSA-1 +"],
    # Hedges, questions, doubts.
    "TP53 may regulate MYC.": ["TP53 regulates MYC + hedged"],
    "MDM2 probably interacts with TP53.": ["MDM2 interacts_with TP53 + hedged"],
    "If MDM2 interacts with TP53, all is well.": ["MDM2 interacts_with TP53 + hedged"],
    "Does TP53 regulate MYC?": [],
    "It is unknown whether TP53 binds MDM2.": [],
    # Names: symbols that are words, other names, letter case.
    "It was set by the cat, and the rest is known.": [],
    "THE GENE WAS SET BY REST AND REGULATES TP53.": [],
    "ABC38 interacts with sp1.": ["ABCE1 interacts_with SP1 +"],
    "MYC is repressed.": [],
    "TP53 regulates itself and TP53.": [],
}


@pytest.mark.parametrize("text", CASES)
def test_reads_and_checks(checker: StatementChecker, text: str) -> None:
    signs = {"supported": "+", "contradicted": "-", "unknown": "?"}
    found = [
        ("not " if item.polarity == "negated" else "")
        + f"{item.subject} {item.relation} {item.object} {signs[item.verdict]}"
        + (" hedged" if item.certainty == "hedged" else "")
        for item in checker.check(text)
    ]
    assert found == CASES[text]


@pytest.mark.parametrize("text", CASES)
def test_a_known_template_is_read_as_a_new_sentence(checker: StatementChecker, text: str) -> None:
    genes = ["TP53", "MDM2", "SP1", "MYC", "CDKN1A", "HLA-A", "SET", "FIL1", "CAT"]
    for shift in range(1, len(genes)):
        others = {gene: genes[(i + shift) % len(genes)] for i, gene in enumerate(genes)}
        about_others = "".join([others.get(part, part) for part in re.split(f"({'|'.join(genes)})", text)])
        assert checker.check(about_others) == StatementChecker(checker.snapshot).check(about_others)


def test_a_statement_cites_the_edge_that_decided(checker: StatementChecker) -> None:
    item = checker.check("TP53 takes part in DNA repair.")[0].to_json()
    keys = {"text", "subject", "relation", "object", "polarity", "certainty", "verdict", "simulated", "evidence"}
    assert set(item) == keys
    path = [(edge["start"]["key"], edge["type"], edge["end"]["key"]) for edge in item["evidence"]]
    assert path == [("TP53", "ANNOTATED_WITH", "GO:0000003"), ("GO:0000003", "IS_A", "GO:0000002")]
    direct = checker.check("TP53 takes part in double-strand break repair.")[0].to_json()["evidence"]
    assert [edge["end"]["key"] for edge in direct] == ["GO:0000003"]
    for text in ("SP1 binds TP53.", "TP53 binds SP1."):
        edge = checker.check(text)[0].to_json()["evidence"][0]
        assert (edge["start"]["key"], edge["end"]["key"], edge["weight"]) == ("SP1", "TP53", 0.8)
    assert checker.check("SET binds CAT.")[0].evidence == ()


def test_what_nearly_every_gene_does_is_not_informative(checker: StatementChecker) -> None:
    common, rare = checker.check("FIL1 takes part in protein folding. TP53 takes part in cell cycle.")
    assert (common.verdict, common.informative) == ("supported", False)
    assert rare.informative


def test_statements_are_bounded(checker: StatementChecker) -> None:
    assert len(checker.check("TP53 binds MDM2. " * 500)) == 200
    assert len(checker.check("TP53 binds MDM2. " * 500, limit=3)) == 3


@given(
    st.lists(
        st.sampled_from(
            [
                "TP53",
                "MDM2",
                "MYC",
                "binds",
                "regulates",
                "not",
                "is",
                "by",
                "and",
                ",",
                "no",
                "which",
                "it",
                ".",
                "interact",
            ]
        ),
        max_size=25,
    )
)
def test_any_words_give_statements_about_named_genes(checker: StatementChecker, words: list[str]) -> None:
    text = " ".join(words)
    for item in checker.check(text):
        assert item.subject != item.object
        assert {item.subject, item.object} <= set(words)
        assert item.relation in set(Relation)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", ["TP53 takes part in ", "TP53 binds ", "a", "CAT binds SET and "])
def test_a_hundred_thousand_characters_take_linear_time(checker: StatementChecker, piece: str) -> None:
    assert len(checker.check(piece * (100_000 // len(piece)))) <= 200


@given(st.text(max_size=300))
def test_any_text_can_be_read(checker: StatementChecker, text: str) -> None:
    assert checker.check(text) == checker.check(text)


@pytest.mark.parametrize(
    "term", ["double-strand break repair", "negative regulation of transcription by RNA polymerase II"]
)
def test_words_that_are_left_out_do_not_move_the_topic(checker: StatementChecker, term: str) -> None:
    """The name of a term counts as one word. The gene behind it stays the one that "it" means."""
    found = checker.check(f"* {term} binding (TP53 SP1). It interacts with MDM2.")
    assert [(item.subject, item.object) for item in found][-1:] == [("TP53", "MDM2")]
