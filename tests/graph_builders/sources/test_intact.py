from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.sources import intact
from tests.support.source_files.provider_files import (
    FORMS,
    INTACT,
    context,
    file_of,
    files,
    mitab,
    packed,
    reasons,
    rows,
)


def read(path: Path) -> ParsedSource:
    return intact.read(files("pairs", path), context())


@pytest.mark.parametrize("form", FORMS)
def test_pairs_of_human_molecules(tmp_path: Path, form: str) -> None:
    parsed = read(file_of(tmp_path, packed(INTACT, form)))
    # P00002-2 is an isoform of BBB1's protein.
    assert rows(parsed.frames["reported_interactions"], "start", "end", "methods", "references", "source") == [
        ("AAA1", "BBB1", ["two hybrid"], ["PMID:1"], "IntAct"),
    ]
    assert parsed.unmapped.rows == 1
    assert (parsed.rows_read, parsed.rows) == (2, 1)


def test_what_is_left_out(tmp_path: Path) -> None:
    pair = ("uniprotkb:P00001", "uniprotkb:P00003")
    body = [
        mitab(pair, negative="true"),
        mitab(pair, taxon="taxid:10090(mouse)|taxid:10090(Mus musculus)"),
        mitab(pair, taxon="taxid:96069(another)"),
        mitab(pair, taxon="-"),
        mitab(pair, taxon="human"),
        mitab(("uniprotkb:P00001", "uniprotkb:P00001-PRO_0000012345"), pair, pair[::-1]),
    ]
    parsed = read(file_of(tmp_path, body[0] + "".join(part.partition("\n")[2] for part in body[1:])))
    assert rows(parsed.frames["reported_interactions"], "start", "end") == [("AAA1", "CCC1")]
    assert parsed.left_out == {"a gene with itself": 1, "negative results": 1, "other species": 3}
    assert reasons(parsed.rejections) == [(6, "the taxon is malformed")]
    assert (parsed.rows_read, parsed.rows) == (8, 2)


def test_the_gene_name_helps_where_hgnc_lacks_the_accession(tmp_path: Path) -> None:
    alias = 'psi-mi:ccc1_human(display_long)|uniprotkb:FORMERC(gene name)|uniprotkb:"C, 1"(gene name synonym)'
    text = mitab(("uniprotkb:P00001", "uniprotkb:A0A000AAA0"), aliases=alias)
    assert rows(read(file_of(tmp_path, text)).frames["reported_interactions"], "start", "end") == [("AAA1", "CCC1")]


def test_a_table_of_symbols_and_ncbi_ids(tmp_path: Path) -> None:
    parsed = read(file_of(tmp_path, "gene_a\tgene_b\n101\tBBB1\n999\tBBB1\n", "intact_2022-12_human_symbols.tsv"))
    assert rows(parsed.frames["reported_interactions"], "start", "end", "methods") == [("AAA1", "BBB1", [])]
    assert parsed.unmapped.rows == 1
    assert parsed.version == "2022-12"


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"lacks the column ID\(s\) interactor A"):
        read(file_of(tmp_path, "a\tb\n1\t2\n"))
    with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
        read(file_of(tmp_path, INTACT.partition("\n")[0] + "\n"))


def test_the_collection_itself(shared: Path, real_genes: BuildContext) -> None:
    sources = shared / "sources"
    parsed = intact.read(files("pairs", sources / "extra/intact_2022-12_human_symbols.tsv.gz"), real_genes)
    pairs = set(rows(parsed.frames["reported_interactions"], "start", "end"))
    # The file's own row is `10013<tab>LRRK2`, and 10013 is NCBI's number of HDAC6.
    assert ("HDAC6", "LRRK2") in pairs
    assert parsed.rows_read == 316_946
    assert parsed.unmapped.rows < 0.005 * parsed.rows_read
