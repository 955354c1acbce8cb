from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.sources import wikipathways
from tests.support.source_files.provider_files import WIKIPATHWAYS, context, file_of, files, reasons, rows


def read(folder: Path, text: str) -> ParsedSource:
    return wikipathways.read(files("members", file_of(folder, text)), context())


def test_members_come_from_entrez_ids(tmp_path: Path) -> None:
    parsed = read(tmp_path, WIKIPATHWAYS)
    assert rows(parsed.frames["pathways"], "id", "name", "source") == [("WP10", "A pathway", "WikiPathways")]
    assert rows(parsed.frames["memberships"], "start", "end") == [("AAA1", "WP10"), ("CCC1", "WP10")]
    assert (parsed.version, parsed.date) == ("20240910", "2024-09-10")
    assert parsed.left_out == {"other species": 2}
    assert parsed.unmapped.rows == 1
    assert (parsed.rows_read, parsed.rows) == (6, 3)


def test_malformed_names_and_members(tmp_path: Path) -> None:
    parsed = read(
        tmp_path, WIKIPATHWAYS + "Plain name\tx\t101\nB 50% up%WikiPathways_20240910%WP12%Homo sapiens\tx\tAAA1\n"
    )
    assert reasons(parsed.rejections) == [
        (3, "the name is not `pathway%WikiPathways_date%WP number%species`"),
        (4, "the member is not an NCBI gene id"),
    ]
    assert ("WP12", "B 50% up") in rows(parsed.frames["pathways"], "id", "name")


def test_another_gmt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no row of the file is usable as gene sets"):
        read(tmp_path, "First pathway\tR-HSA-1\tAAA1\n")
