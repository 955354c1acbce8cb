from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.sources import biogrid
from tests.support.source_files.provider_files import BIOGRID, FORMS, context, file_of, files, packed, reasons, rows
from tests.support.source_files.provider_files import biogrid as tab3


def read(path: Path) -> ParsedSource:
    return biogrid.read(files("pairs", path), context())


@pytest.mark.parametrize("form", FORMS)
def test_physical_pairs_of_human_genes(tmp_path: Path, form: str) -> None:
    parsed = read(file_of(tmp_path, packed(BIOGRID, form), "BIOGRID-ALL-4.4.232.tab3.txt"))
    assert rows(parsed.frames["reported_interactions"], "start", "end", "methods", "references", "source") == [
        ("AAA1", "BBB1", ["Two-hybrid"], ["PMID:1"], "BioGRID"),
        ("AAA1", "CCC1", ["Two-hybrid"], ["PMID:2"], "BioGRID"),
    ]
    assert parsed.version == "4.4.232"
    assert parsed.unmapped.rows == 1
    assert (parsed.rows_read, parsed.rows) == (3, 2)


def test_what_is_left_out(tmp_path: Path) -> None:
    body = [
        tab3(("101", "AAA1", "102", "BBB1"), kind="genetic"),
        tab3(("101", "AAA1", "102", "BBB1"), taxon="10090"),
        tab3(("101", "AAA1", "102", "BBB1"), kind="imagined"),
        tab3(("101", "AAA1", "101", "AAA1"), ("102", "BBB1", "101", "AAA1"), ("101", "AAA1", "102", "BBB1")),
    ]
    text = body[0] + "".join(part.partition("\n")[2] for part in body[1:])
    parsed = read(file_of(tmp_path, text))
    assert rows(parsed.frames["reported_interactions"], "start", "end", "references") == [
        ("AAA1", "BBB1", ["PMID:2", "PMID:3"])
    ]
    assert parsed.left_out == {"a gene with itself": 1, "genetic interactions": 1, "other species": 1}
    assert reasons(parsed.rejections) == [(4, "the experiment is neither physical nor genetic")]
    assert parsed.notes == {"duplicate rows merged": 1}
    assert (parsed.rows_read, parsed.rows) == (6, 2)


def test_a_table_of_symbols(tmp_path: Path) -> None:
    parsed = read(file_of(tmp_path, "gene_a\tgene_b\nBBB1\tAAA1\nOLDA\tBBB1\n101\tBBB1\n999\tBBB1\n"))
    assert rows(parsed.frames["reported_interactions"], "start", "end", "methods", "references") == [
        ("AAA1", "BBB1", [], [])
    ]
    assert parsed.notes == {"duplicate rows merged": 2}  # An identifier names its gene in every column.
    assert parsed.unmapped.rows == 1


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column Entrez Gene Interactor A"):
        read(file_of(tmp_path, "a\tb\n1\t2\n"))
    with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
        read(file_of(tmp_path, BIOGRID.partition("\n")[0] + "\n"))
    with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
        read(file_of(tmp_path, "gene_a\tgene_b\nAAA1\n"))


genes = st.sampled_from(["AAA1", "OLDA", "BBB1", "CCC1", "NOGENE"])


@given(st.lists(st.tuples(genes, genes), min_size=1))
def test_written_pairs_are_read_back(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    text = "gene_a\tgene_b\n" + "".join(f"{one}\t{other}\n" for one, other in pairs)
    symbol = {"AAA1": "AAA1", "OLDA": "AAA1", "BBB1": "BBB1", "CCC1": "CCC1"}
    known = [{symbol[one], symbol[other]} for one, other in pairs if one in symbol and other in symbol]
    expected = sorted({tuple(sorted(pair)) for pair in known if len(pair) == 2})
    if not expected:
        with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
            read(file_of(tmp_path, text))
        return
    parsed = read(file_of(tmp_path, text))
    assert rows(parsed.frames["reported_interactions"], "start", "end") == expected
    assert parsed.rows == sum(len(pair) == 2 for pair in known)


def test_an_excerpt_of_the_collection(shared: Path, real_genes: BuildContext, tmp_path: Path) -> None:
    sources = shared / "sources"
    with gzip.open(sources / "extra" / "biogrid_4.4.232_human_symbols.tsv.gz", "rt") as stream:
        lines = [line for line in islice(stream, 400_000) if line.startswith(("gene_a", "B", "C1"))]
    path = file_of(tmp_path, "".join(lines), "biogrid_4.4.232_human_symbols.tsv")
    parsed = biogrid.read(files("pairs", path), real_genes)
    assert parsed.version == "4.4.232"
    pairs = set(rows(parsed.frames["reported_interactions"], "start", "end"))
    assert {("BARD1", "BRCA1"), ("BRCA1", "PALB2")} <= pairs
    # The table is in upper case, HGNC's C1orf109 is not.
    assert any(one.startswith("C") and "orf" in one for one, _ in pairs)
    assert parsed.unmapped.rows < 0.1 * parsed.rows_read
