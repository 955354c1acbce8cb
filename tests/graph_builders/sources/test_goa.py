from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.sources import goa
from tests.support.source_files.provider_files import GAF, context, file_of, files, gaf_row, reasons, rows


def read(folder: Path, text: str | bytes) -> ParsedSource:
    return goa.read(files("annotations", file_of(folder, text, "x.gaf")), context())


def test_one_row_per_gene_term_and_relation(tmp_path: Path) -> None:
    parsed = read(tmp_path, GAF)
    assert rows(parsed.frames["annotations"], "start", "end", "qualifier", "evidence", "references") == [
        ("AAA1", "GO:0000002", "involved_in", ["IDA"], ["PMID:1"]),
        ("AAA1", "GO:0000003", "involved_in", ["IDA", "IEA"], ["PMID:1", "PMID:2"]),
        ("BBB1", "GO:0000003", "involved_in", ["IDA"], ["PMID:1"]),
        ("BBB1", "GO:0000004", "involved_in", ["IDA"], ["PMID:1"]),
        ("BBB1", "GO:0000005", "enables", ["IDA"], ["PMID:1"]),
        ("CCC1", "GO:0000002", "involved_in", ["IDA"], ["PMID:1"]),
    ]
    assert parsed.left_out == {"NOT annotations": 1, "other species": 1}
    assert parsed.notes == {"rows with a term id replaced": 2}
    assert (parsed.version, parsed.date) == ("GAF 2.2", "2024-04-05")


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    parsed = read(tmp_path, GAF)
    assert reasons(parsed.rejections) == [
        (10, "the term is obsolete without a single replacement"),
        (11, "the term is not in the ontology"),
        (15, "the row does not have 15 to 17 fields"),
    ]
    assert parsed.unmapped.rows == 1
    assert parsed.rows_read == 13
    assert parsed.rows == 7


def test_gaf_2_1_leaves_the_plain_relation_out(tmp_path: Path) -> None:
    lines = [
        "!gaf-version: 2.1",
        "!Generated: 2019-01-14 09:47",
        gaf_row("AAA1", "GO:0000003", qualifier=""),
        gaf_row("AAA1", "GO:0000005", qualifier="", aspect="F"),
        gaf_row("BBB1", "GO:0000005", qualifier="contributes_to", aspect="F"),
        gaf_row("CCC1", "GO:0000003", qualifier="NOT"),
        gaf_row("CCC1", "GO:0000003", qualifier="NOT|colocalizes_with"),
    ]
    parsed = read(tmp_path, "\n".join(lines))
    assert rows(parsed.frames["annotations"], "start", "end", "qualifier") == [
        ("AAA1", "GO:0000003", "involved_in"),
        ("AAA1", "GO:0000005", "enables"),
        ("BBB1", "GO:0000005", "contributes_to"),
    ]
    assert parsed.left_out == {"NOT annotations": 2}
    assert (parsed.version, parsed.date) == ("GAF 2.1", "2019-01-14")


def test_genes_by_symbol_then_accession(tmp_path: Path) -> None:
    lines = [
        gaf_row("AAA1", "GO:0000003", accession="P00003"),
        gaf_row("FORMERA", "GO:0000003", accession="P00003"),
        gaf_row("NOTHING", "GO:0000003", accession="104", db="NCBI_Gene"),
        gaf_row("SHARED", "GO:0000003", accession="P00002"),
        gaf_row("NOTHING", "GO:0000003", accession="P00009"),
    ]
    parsed = read(tmp_path, "\n".join(lines))
    assert parsed.frames["annotations"]["start"].to_list() == ["AAA1", "BBB1", "CCC1", "DDD1"]
    assert parsed.unmapped.rows == 1
    assert parsed.date == "2024-02-03"


def test_fifteen_columns_are_enough(tmp_path: Path) -> None:
    line = "\t".join(gaf_row("AAA1", "GO:0000003").split("\t")[:15])
    assert read(tmp_path, line).frames["annotations"].height == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (gaf_row("AAA1", "GO:3"), "the term is not GO: and seven digits"),
        (gaf_row("AAA1", "GO:0000003", aspect="X"), "the aspect is not P, F or C"),
        (gaf_row("AAA1", "GO:0000003", evidence="ida"), "the evidence is not a GO code"),
        (gaf_row("AAA1", "GO:0000003", taxon="human"), "the taxon is malformed"),
    ],
)
def test_malformed_rows(tmp_path: Path, line: str, why: str) -> None:
    parsed = read(tmp_path, gaf_row("AAA1", "GO:0000003") + "\n" + line + "\n")
    assert reasons(parsed.rejections) == [(2, why)]
    with pytest.raises(SourceError, match=why):
        read(tmp_path, line + "\n")


genes = st.sampled_from(["AAA1", "BBB1", "CCC1", "DDD1"])
terms = st.sampled_from(["GO:0000001", "GO:0000002", "GO:0000003", "GO:0000004"])
codes = st.sampled_from(["IDA", "IEA", "IMP"])


@given(st.lists(st.tuples(genes, terms, codes, st.booleans()), min_size=1, max_size=30))
def test_written_rows_are_read_back(tmp_path: Path, written: list[tuple[str, str, str, bool]]) -> None:
    lines = [
        gaf_row(gene, term, evidence=code, qualifier="NOT|involved_in" if negated else "involved_in")
        for gene, term, code, negated in written
    ]
    expected: dict[tuple[str, str], set[str]] = {}
    for gene, term, code, negated in written:
        if not negated:
            expected.setdefault((gene, term), set()).add(code)
    if not expected:
        with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
            read(tmp_path, "\n".join(lines))
        return
    parsed = read(tmp_path, "\n".join(lines))
    assert rows(parsed.frames["annotations"], "start", "end", "evidence") == sorted(
        (gene, term, sorted(evidence)) for (gene, term), evidence in expected.items()
    )
    assert parsed.left_out.get("NOT annotations", 0) == sum(negated for *_, negated in written)


def test_a_date_taken_from_the_rows_is_labelled(tmp_path: Path) -> None:
    bare = "".join(line for line in GAF.splitlines(keepends=True) if not line.startswith("!date-generated"))
    parsed = read(tmp_path, bare)
    assert parsed.date is not None
    assert parsed.notes[goa.NEWEST_ROW] >= 1
    assert goa.NEWEST_ROW not in read(tmp_path, GAF).notes
