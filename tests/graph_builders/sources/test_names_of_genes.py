"""Every source takes every name of a gene: in another case, a former symbol, an alias, an identifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.sources import (
    biogrid,
    coessential,
    collectri,
    corum,
    goa,
    hpa,
    intact,
    perturbqa,
    reactome,
    wikipathways,
)
from rbio_kg.graph_builders.sources.gene_pairs import symbol_blocks
from rbio_kg.graph_builders.sources.string import links as string
from tests.support.source_files.provider_files import biogrid as tab3
from tests.support.source_files.provider_files import context, file_of, files, gaf_row, mitab

IDENTIFIERS = ("HGNC:1", "hgnc:1", "101", "NCBIGene:101", "P00001", "P00001-2", "ENSG00000000001", "ENSG00000000001.7")
FORMER = ("FORMERA", "OLDA")
OTHER_CASE = ("aaa1", "Aaa1", "formera", "Olda")
NAMES = ("AAA1", *FORMER, *OTHER_CASE, *IDENTIFIERS)
"""Names of AAA1, HGNC's first gene in these files."""


def read_string(folder: Path, name: str) -> ParsedSource:
    info = f"#string_protein_id\tpreferred_name\n9606.ENSP01\t{name}\n9606.ENSP02\tBBB1\n"
    links = "protein1 protein2 combined_score\n9606.ENSP01 9606.ENSP02 700\n"
    return string.read(
        files("none", info=file_of(folder, info, "info.txt"), links=file_of(folder, links, "links.txt")), context()
    )


def read_collectri(folder: Path, name: str) -> ParsedSource:
    return collectri.read(
        files("regulation", file_of(folder, f"source,target,weight\n{name},BBB1,1\nBBB1,{name},1\n")), context()
    )


def read_goa(folder: Path, name: str) -> ParsedSource:
    return goa.read(files("annotations", file_of(folder, gaf_row(name, "GO:0000003", db="X"), "x.gaf")), context())


def read_reactome(folder: Path, name: str) -> ParsedSource:
    return reactome.read(files("members", file_of(folder, f"First\tR-HSA-1\t{name}\tBBB1\n")), context())


def read_hpa(folder: Path, name: str) -> ParsedSource:
    text = f"Gene\tGene name\tCell line\tnTPM\nENSG99999999999\t{name}\tK-562\t5\n"
    return hpa.read(files("expression", file_of(folder, text)), replace(context(), cell_lines=("k562",)))


def read_biogrid(folder: Path, name: str) -> ParsedSource:
    return biogrid.read(files("pairs", file_of(folder, tab3(("-", name, "102", "BBB1")))), context())


def read_symbols_of_biogrid(folder: Path, name: str) -> ParsedSource:
    return biogrid.read(files("pairs", file_of(folder, f"gene_a\tgene_b\n{name}\tBBB1\n")), context())


def read_intact(folder: Path, name: str) -> ParsedSource:
    alias = f"uniprotkb:{name}(gene name)"
    pair = ("uniprotkb:P00002", "intact:EBI-1")
    text = mitab(pair, aliases=alias)
    return intact.read(files("pairs", file_of(folder, text)), context())


def read_symbols_of_intact(folder: Path, name: str) -> ParsedSource:
    return intact.read(files("pairs", file_of(folder, f"gene_a\tgene_b\n{name}\tBBB1\n")), context())


def read_coessential(folder: Path, name: str) -> ParsedSource:
    text = f"cluster\tmost_enriched_go\tgenes\n1\t\t{name}|BBB1\n"
    return coessential.read(files("modules", file_of(folder, text)), context())


def read_perturbqa(folder: Path, name: str) -> ParsedSource:
    path = file_of(folder, f"pert,gene,label,split\n{name},BBB1,1,train\n", "k562-de.csv")
    return perturbqa.read(files("de", path), context())


def read_corum(folder: Path, name: str) -> ParsedSource:
    text = "ComplexID\tComplexName\tOrganism\tsubunits(Entrez IDs)\n"
    return corum.read(files("complexes", file_of(folder, f"{text}1\tFirst\tHuman\t{name};102\n")), context())


def read_wikipathways(folder: Path, name: str) -> ParsedSource:
    text = f"A%WikiPathways_20240910%WP10%Homo sapiens\tx\t{name}\t102\n"
    return wikipathways.read(files("members", file_of(folder, text)), context())


READERS: dict[str, tuple[Callable[[Path, str], ParsedSource], str]] = {
    "STRING": (read_string, "interactions"),
    "CollecTRI": (read_collectri, "regulations"),
    "GOA": (read_goa, "annotations"),
    "HPA": (read_hpa, "expression"),
    "BioGRID": (read_biogrid, "reported_interactions"),
    "IntAct, symbols": (read_symbols_of_intact, "reported_interactions"),
    "co-essential": (read_coessential, "set_members"),
    "CORUM": (read_corum, "set_members"),
    "PerturbQA": (read_perturbqa, "knockdowns"),
}
MIXED: dict[str, tuple[Callable[[Path, str], ParsedSource], str]] = {
    "Reactome": (read_reactome, "memberships"),
    "BioGRID, symbols": (read_symbols_of_biogrid, "reported_interactions"),
}
"""Tables that also name genes of viruses and bacteria, which differ from human ones by case."""


def genes(parsed: ParsedSource, table: str) -> set[str]:
    frame = parsed.frames[table]
    return {gene for column in ("start", "end") for gene in frame[column].to_list() if gene[-2:] in ("A1", "B1", "C1")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source", READERS)
def test_every_name_is_the_gene(tmp_path: Path, source: str, name: str) -> None:
    read, table = READERS[source]
    parsed = read(tmp_path, name)
    assert "AAA1" in genes(parsed, table)
    assert genes(parsed, table) <= {"AAA1", "BBB1"}
    assert parsed.unmapped.rows == 0


@pytest.mark.parametrize("name", ["AAA1", *FORMER, *IDENTIFIERS])
@pytest.mark.parametrize("source", MIXED)
def test_tables_of_several_species(tmp_path: Path, source: str, name: str) -> None:
    read, table = MIXED[source]
    assert "AAA1" in genes(read(tmp_path, name), table)


@pytest.mark.parametrize("name", OTHER_CASE)
@pytest.mark.parametrize("source", MIXED)
def test_case_tells_species_apart(tmp_path: Path, source: str, name: str) -> None:
    table = MIXED[source][1]
    text = {"Reactome": "First\tR-HSA-1\t{}\tBBB1\n", "BioGRID, symbols": "gene_a\tgene_b\nCCC1\tBBB1\n{}\tBBB1\n"}
    path = file_of(tmp_path, text[source].format(name))
    module = reactome if source == "Reactome" else biogrid
    parsed = module.read(files("members" if source == "Reactome" else "pairs", path), context())
    assert "AAA1" not in genes(parsed, table)
    assert parsed.unmapped.ranked() == [(name, 1)]


@pytest.mark.parametrize("name", ["AAA1", *FORMER, *OTHER_CASE])
def test_a_gene_name_of_intact(tmp_path: Path, name: str) -> None:
    assert genes(read_intact(tmp_path, name), "reported_interactions") == {"AAA1", "BBB1"}


@pytest.mark.parametrize("name", ["101"])
def test_wikipathways_names_genes_by_number(tmp_path: Path, name: str) -> None:
    assert genes(read_wikipathways(tmp_path, name), "memberships") == {"AAA1", "BBB1"}


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("C1ORF52", "C1orf52"), ("CXORF40A", "CXorf40A"), ("C2ORF27B", "C2orf27B"), ("ZHX1-C8ORF76", "ZHX1-C8orf76"),
        ("C20ORF166-AS1", "C20orf166-AS1"), ("CYORF15", "CYorf15"), ("ORF3", "ORF3"), ("ORF7B", "ORF7B"),
        ("TORF1", "TORF1"), ("AC1ORF1", "AC1ORF1"),
    ],
)  # fmt: skip
def test_lower_case_of_open_reading_frames(tmp_path: Path, name: str, means: str) -> None:
    path = file_of(tmp_path, f"gene_a\tgene_b\n{name}\tBBB1\n")
    assert [block["gene_a"].item() for block in symbol_blocks(path, Rejections(path))] == [means]
