from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.identity.gene_names import IDENTIFIERS, LABELS, UNRECOGNISED, GeneNames
from rbio_kg.graph.schema.schema import SYMBOL_KINDS


def names(*rows: tuple[str, str, str]) -> GeneNames:
    return GeneNames.of(pl.DataFrame(rows, schema=LABELS, orient="row"))


KNOWN = names(
    ("A", "A", "approved"),
    ("B", "B", "approved"),
    ("A", "B", "alias"),
    ("old", "A", "previous"),
    ("both", "A", "previous"),
    ("both", "B", "alias"),
    ("twice", "A", "previous"),
    ("twice", "A", "alias"),
    ("7", "A", "entrez"),
    ("7", "B", "alias"),
    ("P1", "A", "uniprot"),
    ("P1", "B", "uniprot"),
)


def resolved(frame: pl.DataFrame, **steps: tuple[str, ...]) -> list[str | None]:
    return KNOWN.resolve(frame, steps, "symbol")["symbol"].to_list()


def test_approved_wins_and_shared_labels_are_never_guessed() -> None:
    labels = ["A", "B", "old", "both", "twice", "P1", "a", "", "nothing"]
    assert resolved(pl.DataFrame({"label": labels}), label=SYMBOL_KINDS) == [
        "A", "B", "A", None, "A", None, "A", None, None,
    ]  # fmt: skip
    assert KNOWN.ambiguous.rows() == [("P1", ["A", "B"]), ("both", ["A", "B"])]
    assert KNOWN.ambiguity()["count"] == 2


def test_an_identifier_comes_before_an_alias_of_the_same_spelling() -> None:
    assert resolved(pl.DataFrame({"label": ["7"]}), label=("entrez",)) == ["A"]
    assert resolved(pl.DataFrame({"label": ["7"]}), label=SYMBOL_KINDS) == ["A"]


def test_a_label_has_one_row() -> None:
    assert KNOWN.labels["label"].is_unique().all()
    assert KNOWN.labels.filter(label="twice").rows() == [("twice", "A", "previous")]


def test_steps_go_approved_first_then_in_their_order() -> None:
    frame = pl.DataFrame({"id": ["7", "7", None, "9"], "label": ["B", "old", "old", "both"]})
    assert resolved(frame, id=("entrez",), label=SYMBOL_KINDS) == ["B", "A", "A", None]


def test_order_and_other_columns_stay() -> None:
    frame = pl.DataFrame({"label": ["old", "x", "B", "old"], "line": [4, 3, 2, 1]})
    assert KNOWN.resolve(frame, {"label": SYMBOL_KINDS}, "symbol").drop("symbol").equals(frame)


label_rows = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from("ABC"), st.sampled_from(["previous", "alias", *IDENTIFIERS]))
)


@given(label_rows)
def test_against_a_slow_reference(given_rows: list[tuple[str, str, str]]) -> None:
    rows = [*given_rows, *((symbol, symbol, "approved") for symbol in "ABC")]
    tiers: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for label, symbol, kind in rows:
        tiers[label][0 if kind == "approved" else 1 if kind in IDENTIFIERS else 2].add(symbol)
    expected = {}
    for label, by_tier in tiers.items():
        best = by_tier[min(by_tier)]
        if len(best) == 1:
            expected[label] = next(iter(best))
    built = names(*rows)
    assert dict(built.labels.select("label", "symbol").rows()) == expected
    assert set(built.ambiguous["label"]) == set(tiers) - set(expected)


APPROVED = (
    "TP53", "MDM2", "HLA-A", "HLA-DRB1", "NKX2-1", "KRTAP10-4", "TBCE", "C1orf43", "CTRL", "NTS", "SCRG1", "WT1",
    "NCS1", "SEPTIN2", "SEPTIN7", "SEPTIN10", "MARCHF1", "MARCHF5", "MTARC1", "DELEC1", "CAD", "B4GALNT2", "BHLHE40",
    "CENPX", "GTF2H2C_2", "POU2F1", "XK", "SCN11A", "H2AZ1", "RN7SK", "NME1", "NME2",
)  # fmt: skip
ROWS = [
    *((gene, gene, "approved") for gene in APPROVED),
    ("p53", "TP53", "alias"),
    ("LFS1", "TP53", "alias"),
    ("HDM2", "MDM2", "alias"),
    ("H2AFZ", "H2AZ1", "previous"),
    ("Cad", "B4GALNT2", "alias"),
    ("STRA13", "BHLHE40", "alias"),
    ("STRA13", "CENPX", "alias"),
    ("NA", "XK", "previous"),
    ("NaN", "SCN11A", "alias"),
    ("OCT1", "POU2F1", "alias"),
    ("7SK", "RN7SK", "alias"),
    ("ERV-1.2", "MDM2", "alias"),
    ("NME1-NME2", "NME1", "alias"),
    ("HGNC:11998", "TP53", "hgnc"),
    ("HGNC:6973", "MDM2", "hgnc"),
    ("ENSG00000141510", "TP53", "ensembl"),
    ("ENSG00000135679", "MDM2", "ensembl"),
    ("7157", "TP53", "entrez"),
    ("4193", "MDM2", "entrez"),
    ("P04637", "TP53", "uniprot"),
    ("A0A087WT22", "MDM2", "uniprot"),
    ("9606.ENSP00000269305", "TP53", "string"),
    ("Q9Y5P6", "NME1", "uniprot"),
    ("Q9Y5P6", "NME2", "uniprot"),
]
WILD = names(*ROWS)


def meant(label: str) -> tuple[str, str | None, tuple[str, ...]]:
    match = WILD.match(label)
    return match.kind, match.symbol, match.candidates


NAMED = {
    "TP53": (
        "TP53", "tp53", "Tp53", "p53", "P53", "lfs1", " TP53", "TP53 ", "\u00a0TP53", "\ufeffTP53", "TP53\t",
        "HGNC:11998", "hgnc:11998", "HGNC:HGNC:11998", "ENSG00000141510", "ENSG00000141510.17", "ensg00000141510",
        "ENSG00000141510.1", "ENSG00000141510_PAR_Y", "7157", "NCBI:7157", "NCBIGene:7157", "GeneID:7157",
        "ncbi gene 7157", "entrez:7157", "P04637", "p04637", "P04637-2", "P04637-11", "UniProtKB:P04637",
        "uniprot:P04637", "sp|P04637|P53_HUMAN", "9606.ENSP00000269305", "ENSP00000269305", "ENSP00000269305.4",
    ),
    "MDM2": (
        "hdm2", "Hdm2", "Mdm2", "erv-1.2", "HGNC:6973", "ENSG00000135679.26", "EntrezGene:4193", "gene_id:4193",
        "tr|A0A087WT22|X_HUMAN", "A0A087WT22",
    ),
    "HLA-A": (
        "hla-a",
    ),
    "HLA-DRB1": (
        "hla-drb1",
    ),
    "C1orf43": (
        "C1ORF43", "c1orf43",
    ),
    "H2AZ1": (
        "h2afz", "H2afz",
    ),
    "CTRL": (
        "CTRL",
    ),
    "NTS": (
        "nts", "Nts",
    ),
    "SCRG1": (
        "scrg1",
    ),
    "WT1": (
        "wt1",
    ),
    "NCS1": (
        "ncs1",
    ),
    "GTF2H2C_2": (
        "GTF2H2C_2", "gtf2h2c_2",
    ),
    "KRTAP10-4": (
        "KRTAP10-4",
    ),
    "RN7SK": (
        "7SK", "7sk",
    ),
    "NME1": (
        "NME1-NME2",
    ),
    "CAD": (
        "cad", "CAD",
    ),
    "POU2F1": (
        "oct1",
    ),
}  # fmt: skip
"""Approved symbol -> labels that mean it."""


@pytest.mark.parametrize(("label", "symbol"), [(label, symbol) for symbol, labels in NAMED.items() for label in labels])
def test_names_of_one_gene(label: str, symbol: str) -> None:
    assert meant(label)[1:] == (symbol, ())


SUGGESTED = {
    ("missing", ()): (
        "", " ", "nan", "NaN", "NA", "N/A", "None", "NULL", "null", "#N/A", "<NA>", "-",
    ),
    ("control", ()): (
        "non-targeting", "Non-Targeting", "non_targeting", "nontargeting", "non-targeting_00123", "non-targeting|1",
        "NT", "NTC", "ntc_4", "sgNT-1", "NegCtrl0", "negative_control_12", "neg ctrl", "neg_ctrl_3", "negative",
        "ctrl", "Ctrl", "control", "Control_2", "scramble", "scrambled", "scr", "AAVS1", "sgAAVS1", "safe-harbor",
        "safe-targeting_1", "INTERGENIC_12", "unperturbed", "untreated", "mock", "DMSO", "vehicle", "wild type",
        "wt", "sgGFP", "EGFP", "LacZ", "luciferase", "no-guide", "empty vector", "unassigned", "ctrl+ctrl",
        "ctrl+non-targeting",
    ),
    ("date", ("SEPTIN2",)): (
        "2-Sep", "02-Sep", "Sep-02", "2-Sep-23", "Sep-2", "2 Sep 2023", "September 2",
    ),
    ("date", ("SEPTIN7",)): (
        "2023-09-07", "2023-09-07 00:00:00",
    ),
    ("date", ("SEPTIN10",)): (
        "9/10/2023", "10-sep",
    ),
    ("date", ("MARCHF1", "MTARC1")): (
        "1-Mar", "Mar-01",
    ),
    ("date", ("MARCHF5",)): (
        "5-Mar", "2023-03-05",
    ),
    ("date", ("DELEC1",)): (
        "1-Dec", "Dec-01",
    ),
    ("date", ("POU2F1",)): (
        "1-Oct",
    ),
    ("date", ()): (
        "3-Jan",
    ),
    ("mangled", ("HLA-A",)): (
        "HLA.A", "HLA_A", "hla.a", "HLA.A.1",
    ),
    ("mangled", ("HLA-DRB1",)): (
        "HLA.DRB1",
    ),
    ("mangled", ("NKX2-1",)): (
        "NKX2.1",
    ),
    ("mangled", ("KRTAP10-4",)): (
        "KRTAP10.4",
    ),
    ("mangled", ("RN7SK",)): (
        "X7SK",
    ),
    ("mangled", ("TBCE",)): (
        "TBCE-1", "TBCE.1", "TBCE_2",
    ),
    ("mangled", ("TP53",)): (
        "TP53...2", "7157.0", "GRCh38_TP53", "hg19_TP53", "hg38-TP53", "GRCh38______TP53", "\"TP53\"", "'TP53'",
        "TP53_HUMAN", "TP53 (human)", "TP53_ENSG00000141510",
    ),
    ("guide", ("TP53",)): (
        "TP53_sgRNA2", "TP53_sg1", "TP53-sg2", "TP53_g1", "TP53_gRNA3", "TP53.guide1", "TP53_guide_2", "TP53|guide4",
        "sgTP53", "sgTP53_1", "sgTP53-2", "shTP53", "siTP53", "sg_TP53", "TP53_shRNA1", "TP53-KO", "TP53 KO",
        "TP53_KD", "TP53_CRISPRi", "TP53_P1P2", "5127_TP53_P1P2_ENSG00000141510", "TP53_GACCTCAGTCCAGATAGCAT",
        "p53_sgRNA2", "ENSG00000141510_sg1",
    ),
    ("guide", ("HLA-A",)): (
        "sgHLA-A_2",
    ),
    ("guide", ("MDM2",)): (
        "MDM2_+_69202259.23-P1P2",
    ),
    ("combination", ("TP53",)): (
        "TP53+ctrl", "ctrl+TP53", "TP53+control",
    ),
    ("combination", ("TP53", "MDM2")): (
        "TP53+MDM2", "TP53_MDM2", "TP53|MDM2", "TP53;MDM2", "TP53,MDM2", "TP53/MDM2", "TP53 and MDM2", "TP53&MDM2",
        "TP53///MDM2", "TP53 + MDM2",
    ),
    ("combination", ("TP53", "MDM2", "HLA-A")): (
        "TP53+MDM2+HLA-A",
    ),
    ("ambiguous", ("BHLHE40", "CENPX")): (
        "STRA13", "stra13",
    ),
    ("ambiguous", ("B4GALNT2", "CAD")): (
        "Cad",
    ),
    ("ambiguous", ("NME1", "NME2")): (
        "Q9Y5P6", "Q9Y5P6-1",
    ),
    ("identifier", ()): (
        "ENSG00000999999", "ENSG00000999999.3", "HGNC:999999", "0", "999999", "Q99999",
    ),
    ("unknown", ()): (
        "Trp53", "AP1", "NFKB", "sgRNA", "gene", "TP5", "TP53x", "foo+bar", "p.R175H", "MDM2 amplification", "?",
        "\x00",
    ),
}  # fmt: skip
"""Why a label names no gene, and what it may mean -> such labels."""


@pytest.mark.parametrize(
    ("label", "kind", "candidates"), [(label, *case) for case, labels in SUGGESTED.items() for label in labels]
)
def test_names_that_are_suggested_but_never_applied(label: str, kind: str, candidates: tuple[str, ...]) -> None:
    assert meant(label) == (kind, None, candidates)


@given(st.sampled_from(ROWS), st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_case_never_leads_to_a_gene_that_does_not_have_the_name(
    row: tuple[str, str, str], change: Callable[[str], str]
) -> None:
    written = change(row[0])
    match = WILD.match(written)
    owners = {symbol for label, symbol, _ in ROWS if label.lower() == written.lower()}
    assert match.symbol is None or match.symbol in owners
    assert set(match.candidates) <= owners or match.kind in ("guide", "mangled")


@given(st.text(max_size=12))
def test_any_text_has_an_answer(text: str) -> None:
    match = WILD.match(text)
    assert (match.symbol is None) == (match.kind in UNRECOGNISED)
    assert match.symbol is None or not match.candidates
    assert set(match.candidates) <= {symbol for _, symbol, _ in ROWS}


@given(st.one_of(st.sampled_from([row[0] for row in ROWS]), st.text(max_size=12)))
def test_a_symbol_is_that_of_the_match(label: str) -> None:
    for written in (label, label.lower(), f" {label}", f"{label}_sgRNA1", f"9606.{label}"):
        assert WILD.symbol(written) == WILD.match(written).symbol


def test_one_frame_holds_everything() -> None:
    again = GeneNames.of_frame(WILD.frame)
    assert again.labels.equals(WILD.labels) and again.ambiguous.equals(WILD.ambiguous)


def test_a_series_is_resolved_in_its_order() -> None:
    labels = pl.Series(["p53", None, "nothing", "TP53", "p53", "ENSG00000135679.2"])
    assert WILD.symbols(labels).to_list() == ["TP53", None, None, "TP53", "TP53", "MDM2"]


def test_near_names() -> None:
    assert "TP53" in WILD.near("tp5")
