from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.sources import coessential
from tests.support.source_files.provider_files import COESSENTIAL, FORMS, context, file_of, files, packed, reasons, rows

JOINED = """\
cluster\tmost_enriched_go\tgenes
1\tmolecular function:branch binding\tAAA1|FORMERC|NOGENE
2\t\tBBB1|CCC1
"""


def read(path: Path) -> ParsedSource:
    return coessential.read(files("modules", path), context())


@pytest.mark.parametrize("text", [COESSENTIAL, JOINED])
@pytest.mark.parametrize("form", FORMS)
def test_modules_and_their_genes(tmp_path: Path, text: str, form: str) -> None:
    parsed = read(file_of(tmp_path, packed(text, form)))
    assert rows(parsed.frames["gene_sets"], "id", "name", "kind", "source") == [
        ("coessential:1", "module 1: branch binding", "co-essential module", "co-essential modules"),
        ("coessential:2", "module 2", "co-essential module", "co-essential modules"),
    ]
    assert rows(parsed.frames["set_members"], "start", "end") == [
        ("AAA1", "coessential:1"),
        ("BBB1", "coessential:2"),
        ("CCC1", "coessential:1"),
        ("CCC1", "coessential:2"),
    ]
    assert parsed.unmapped.rows == 1
    # Two modules with three and two genes.
    assert (parsed.rows_read, parsed.rows) == (7, 6)


def test_malformed_lines(tmp_path: Path) -> None:
    parsed = read(file_of(tmp_path, JOINED + "\n1\t\tAAA1\nthree\t\tAAA1\n4\t\t\n5\n"))
    assert reasons(parsed.rejections) == [
        (5, "module 1 is given twice"),
        (6, "the line does not have a module's number, terms and genes"),
        (7, "the line does not have a module's number, terms and genes"),
        (8, "the line does not have a module's number, terms and genes"),
    ]


def test_genes_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
        read(file_of(tmp_path, "cluster\tmost_enriched_go\tgenes\n1\t\tNOGENE|NEITHER\n"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the header is not that of co-essential modules"):
        read(file_of(tmp_path, "cluster\tgenes\n1\tAAA1\n"))
    with pytest.raises(SourceError, match="no row of the file is usable as co-essential modules"):
        read(file_of(tmp_path, JOINED.partition("\n")[0] + "\n"))


def test_the_published_modules(shared: Path, real_genes: BuildContext) -> None:
    sources = shared / "sources"
    parsed = coessential.read(files("modules", sources / "extra/coessential_modules_wainberg2021.tsv.gz"), real_genes)
    assert parsed.frames["gene_sets"].height == 1_892
    pore = {gene for gene, key in rows(parsed.frames["set_members"], "start", "end") if key == "coessential:8"}
    # NUPL2 is NUP42 today.
    assert {"NUP133", "NUP160", "NUP42"} <= pore
    assert parsed.unmapped.rows < 0.005 * parsed.rows_read
