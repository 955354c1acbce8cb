from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.sources import hgnc
from tests.support.source_files.provider_files import HGNC, file_of, files, reasons, rows


def read(folder: Path, text: str) -> ParsedSource:
    return hgnc.read(files("genes", file_of(folder, text)), BuildContext())


def test_genes_with_their_identifiers(tmp_path: Path) -> None:
    parsed = read(tmp_path, HGNC)
    genes = {row["symbol"]: row for row in parsed.frames["genes"].to_dicts()}
    assert genes["AAA1"] == {
        "symbol": "AAA1",
        "hgnc_id": "HGNC:1",
        "entrez": "101",
        "ensembl": "ENSG00000000001",
        "uniprot": ["P00001"],
        "name": "first gene",
        "aliases": ["FORMERA", "OLDA", "SHARED"],
    }
    assert genes["BBB1"]["name"] == 'second gene, "quoted"'
    assert genes["BBB1"]["uniprot"] == ["P00002", "P00009"]
    assert genes["DDD1"]["ensembl"] is None
    assert genes["DDD1"]["aliases"] == []
    assert parsed.left_out == {"not approved": 1}
    assert (parsed.rows_read, parsed.rows, parsed.rejected) == (5, 4, 0)
    assert parsed.date == "2024-05-06"


def test_labels_of_every_kind(tmp_path: Path) -> None:
    names = read(tmp_path, HGNC).names
    assert names is not None
    labels = {(label, kind): symbol for label, symbol, kind in names.labels.rows()}
    assert labels["FORMERA", "previous"] == "AAA1"
    assert labels["OLDA", "alias"] == "AAA1"
    assert labels["102", "entrez"] == "BBB1"
    assert labels["ENSG00000000003", "ensembl"] == "CCC1"
    assert labels["P00002", "uniprot"] == "BBB1"
    assert labels["HGNC:4", "hgnc"] == "DDD1"
    assert labels["AAA1", "approved"] == "AAA1"
    assert names.ambiguous.rows() == [("P00009", ["BBB1", "DDD1"]), ("SHARED", ["AAA1", "BBB1"])]


def test_malformed_rows_are_rejected(tmp_path: Path) -> None:
    row = HGNC.splitlines()[1]
    text = HGNC + "\n".join(
        [row.replace("HGNC:1", "hgnc-9"), row.replace("HGNC:1", "HGNC:9"), row.replace("AAA1", "ZZZ1"), "HGNC:77\tX"]
    )
    parsed = read(tmp_path, text)
    assert reasons(parsed.rejections) == [
        (7, "hgnc_id is not HGNC:number"),
        (8, "the symbol is given twice"),
        (9, "the hgnc_id is given twice"),
        (10, "the row does not have 13 fields"),
    ]
    assert parsed.frames["genes"].height == 4


def test_groups_with_their_members(tmp_path: Path) -> None:
    parsed = read(tmp_path, HGNC)
    assert rows(parsed.frames["gene_sets"], "id", "name", "kind", "source") == [
        ("hgnc.genegroup:11", "First family", "HGNC gene group", "HGNC"),
        ("hgnc.genegroup:12", "Second family", "HGNC gene group", "HGNC"),
    ]
    assert rows(parsed.frames["set_members"], "start", "end", "source") == [
        ("AAA1", "hgnc.genegroup:11", "HGNC"),
        ("AAA1", "hgnc.genegroup:12", "HGNC"),
        ("BBB1", "hgnc.genegroup:11", "HGNC"),
    ]
    assert parsed.notes == {"genes whose groups and group numbers do not pair": 1}


def test_groups_may_be_absent(tmp_path: Path) -> None:
    lines = [line.split("\t")[:11] for line in HGNC.splitlines()]
    parsed = read(tmp_path, "\n".join("\t".join(fields) for fields in lines) + "\n")
    assert parsed.frames["genes"].height == 4
    assert parsed.frames["set_members"].is_empty()
    assert parsed.notes == {}


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column hgnc_id"):
        read(tmp_path, "pert,gene,label,split\n")
    with pytest.raises(SourceError, match="no row of the file is usable as HGNC genes"):
        read(tmp_path, HGNC.splitlines()[0] + "\n")
