from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import SelectionError
from rbio_kg.graph.identity.identity import Identity, NameTable
from tests.support.named_graph import named_snapshot, named_tables


@pytest.fixture(scope="module", params=["tables", "snapshot"])
def identity(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The same names from the tables and from the snapshot."""
    if request.param == "tables":
        return Identity.of_tables(named_tables())
    return named_snapshot(Path(tmp_path_factory.mktemp("named"))).identity


@pytest.mark.parametrize("label", ["TP53", "tp53", "p53", "P53", " p53 "])
def test_genes(identity: Identity, label: str) -> None:
    assert identity.symbol(label) == "TP53"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("TP5", "no gene is called 'TP5' .*did you mean TP53"),
        ("HLA.A", "looks like a name changed by a program .*did you mean HLA-A"),
        ("non-targeting", "looks like a control"),
        ("TP53+MDM2", r"looks like a combined perturbation \(did you mean TP53, MDM2\?\)"),
        ("2-Sep", "looks like a date made of SEPTIN2: not in this graph"),
        ("1-Mar", "looks like a date made of MARCHF1 or MTARC1: not in this graph"),
        ("3-Jan", "looks like a date made by a spreadsheet"),
        ("ENSG00000999999", "looks like an identifier"),
        ("nan", "looks like a missing value"),
    ],
)
def test_a_name_without_a_gene_is_refused_with_what_it_may_be(identity: Identity, label: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        identity.symbol(label)


def test_several_genes_each_once(identity: Identity) -> None:
    assert identity.symbols(["p53", "MDM2", "TP53"]) == ["TP53", "MDM2"]
    with pytest.raises(SelectionError, match="no gene is named"):
        identity.symbols([])
    with pytest.raises(SelectionError, match=r"'q7'.*3 more"):
        identity.symbols([f"q{i}" for i in (7, 1, 2, 3, 4, 5, 6, 8)])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("GO:0000002", "GO:0000002"),
        ("go:0000002", "GO:0000002"),
        ("GO_0000002", "GO:0000002"),
        ("GO0000002", "GO:0000002"),
        ("0000002", "GO:0000002"),
        ("DNA repair", "GO:0000002"),
        ("dna  repair", "GO:0000002"),
        ("double strand break repair", "GO:0000003"),
        ("R-HSA-1", "R-HSA-1"),
        ("r-hsa-1", "R-HSA-1"),
        ("R-HSA-1.3", "R-HSA-1"),
        ("REACTOME:R-HSA-1", "R-HSA-1"),
        ("G1/S transition", "R-HSA-2"),
        ("cell cycle", None),  # A term and a pathway.
        ("GO:9999999", None),
        ("R-HSA-99", None),
        ("", None),
    ],
)
def test_terms_and_pathways(identity: Identity, name: str, key: str | None) -> None:
    assert identity.object(name) == key


def test_one_name_in_each_kind(identity: Identity) -> None:
    assert (identity.term("cell cycle"), identity.pathway("Cell cycle")) == ("GO:0000006", "R-HSA-1")


def test_cell_lines() -> None:
    tables = named_tables()
    known = Identity(Identity.of_tables(tables).genes, NameTable(), NameTable(), ("k562", "rpe1"))
    assert known.known_line("K-562") == "k562" and known.known_line("hTERT RPE-1") == "rpe1"
    with pytest.raises(SelectionError, match=r"knows no cell line 'k526'.*did you mean k562.*it knows k562, rpe1"):
        known.known_line("k526")
