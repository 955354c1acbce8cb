from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.sources import corum
from tests.support.source_files.provider_files import CORUM, FORMS, context, file_of, files, packed, reasons, rows


def read(path: Path) -> ParsedSource:
    return corum.read(files("complexes", path), context())


@pytest.mark.parametrize("form", FORMS)
def test_human_complexes_and_their_subunits(tmp_path: Path, form: str) -> None:
    parsed = read(file_of(tmp_path, packed(CORUM, form)))
    assert rows(parsed.frames["gene_sets"], "id", "name", "kind", "source") == [
        ("corum:1", "First complex", "complex", "CORUM"),
        ("corum:3", "Another complex", "complex", "CORUM"),
    ]
    assert rows(parsed.frames["set_members"], "start", "end") == [
        ("AAA1", "corum:1"),
        ("BBB1", "corum:1"),
        ("BBB1", "corum:3"),
    ]
    assert parsed.left_out == {"other species": 1}
    assert parsed.unmapped.rows == 1
    # Three complexes, and four subunits of the human ones.
    assert (parsed.rows_read, parsed.rows) == (7, 5)


def test_malformed_rows(tmp_path: Path) -> None:
    bad = "\n".join(["one\tA\tHuman\tNone\tP1\t101", "1\tA\tHuman\tNone\tP1\t101", "9\tA\tHuman"])
    assert reasons(read(file_of(tmp_path, CORUM + bad)).rejections) == [
        (5, "the complex has no number"),
        (6, "the complex is given twice"),
        (7, "the row does not have 6 fields"),
    ]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column ComplexID"):
        read(file_of(tmp_path, "a\tb\n1\t2\n"))
    with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
        read(file_of(tmp_path, CORUM.partition("\n")[0] + "\n4\tX\tHuman\tNone\tP\tNone\n"))
