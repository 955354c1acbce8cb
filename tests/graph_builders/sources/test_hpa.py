from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.sources import hpa
from tests.support.source_files.provider_files import FORMS, HPA, context, file_of, files, packed, reasons, rows


def read(path: Path, *cell_lines: str) -> ParsedSource:
    return hpa.read(files("expression", path), replace(context(), cell_lines=cell_lines))


@pytest.mark.parametrize("form", FORMS)
def test_detected_genes_of_the_lines_asked_about(tmp_path: Path, form: str) -> None:
    parsed = read(file_of(tmp_path, packed(HPA, form)), "k562", "rpe1")
    assert rows(parsed.frames["expression"], "start", "end", "nx", "source") == [
        ("AAA1", "k562", 12.5, "HPA"),
        ("CCC1", "k562", 1.0, "HPA"),
    ]
    assert parsed.left_out == {"cell lines and tissues that no question is about": 1, "not detected": 1}
    assert parsed.unmapped.rows == 1
    assert reasons(parsed.rejections) == [(7, "there is no NX or nTPM")]
    assert (parsed.rows_read, parsed.rows) == (6, 2)


def test_older_releases_say_nx(tmp_path: Path) -> None:
    path = file_of(tmp_path, HPA.replace("nTPM", "NX", 1))
    assert read(path, "K562").frames["expression"]["end"].unique().to_list() == ["K562"]


def test_without_questions_nothing_is_kept(tmp_path: Path) -> None:
    parsed = read(file_of(tmp_path, HPA))
    assert parsed.frames["expression"].is_empty()
    assert parsed.left_out == {"cell lines and tissues that no question is about": 5}


def test_several_ensembl_genes_of_one_gene(tmp_path: Path) -> None:
    parsed = read(file_of(tmp_path, HPA + "ENSG99999999997\tAAA1\tK-562\t0\t0\t40\n"), "k562")
    assert ("AAA1", 40.0) in rows(parsed.frames["expression"], "start", "nx")
    assert parsed.notes == {"rows of one gene merged": 1}


def parquet(folder: Path, **columns: object) -> Path:
    path = folder / "table.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return path


def test_a_wide_table(tmp_path: Path) -> None:
    ids = ["ENSG00000000001", "ENSG99999999999", "ENSG00000000002"]
    path = parquet(
        tmp_path,
        GeneID=ids,
        symbol=["AAA1", None, "BBB1"],
        **{"hTERT-RPE1": [35.099998, 2.0, None], "liver": [1.0, 2.0, 3.0]},
    )
    parsed = read(path, "rpe1")
    assert rows(parsed.frames["expression"], "start", "end", "nx") == [("AAA1", "rpe1", 35.1)]
    assert parsed.left_out == {"cell lines and tissues that no question is about": 3, "not measured": 1}
    assert (parsed.unmapped.rows, parsed.rows_read, parsed.rows) == (1, 6, 1)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column Gene, Gene name, Cell line"):
        read(file_of(tmp_path, "a\tb\n1\t2\n"))
    with pytest.raises(SourceError, match="no row of the file is usable as expression"):
        read(file_of(tmp_path, "Gene\tGene name\tCell line\tTPM\nENSG1\tA\tK-562\t1.0\n"))
    with pytest.raises(SourceError, match="Parquet file cannot be read"):
        read(parquet(tmp_path, some=["thing"]))
    with pytest.raises(SourceError, match="Parquet file cannot be read"):
        read(parquet(tmp_path, GeneID=["ENSG1"], symbol=["A"], k562=["high"]))
    with pytest.raises(SourceError, match="Parquet file cannot be read"):
        read(parquet(tmp_path, GeneID=["ENSG1"], symbol=["A"], line=[1.0]))
    with pytest.raises(SourceError, match="Parquet file cannot be read"):
        read(file_of(tmp_path, b"PAR1 cut"))
    with pytest.raises(SourceError, match="the file is missing"):
        read(tmp_path / "nothing")


def test_a_table_whose_ids_are_numbers_names_no_gene(tmp_path: Path) -> None:
    parsed = read(parquet(tmp_path, GeneID=[1, 2], symbol=[3, None], k562=[1.0, 2.0]), "k562")
    assert (parsed.frames["expression"].height, parsed.unmapped.rows) == (0, 2)


def test_a_table_that_would_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hpa, "MOST_VALUES", 3)
    with pytest.raises(SourceError, match="the table has 2 rows and 3 columns"):
        read(parquet(tmp_path, GeneID=["ENSG1", "ENSG2"], symbol=["A", "B"], line=[1.0, 2.0]))


def test_the_atlas_itself(shared: Path, real_genes: BuildContext) -> None:
    sources = shared / "sources"
    chosen = replace(real_genes, cell_lines=("hepg2", "k562", "rpe1"))
    path = sources / "hpa" / "rna_celline_tissue_nx.parquet"
    parsed = hpa.read(files("expression", path), chosen)
    said = pl.read_parquet(path, columns=["symbol", "Hep G2", "K-562", "hTERT-RPE1"])
    found = {(start, end): nx for start, end, nx in rows(parsed.frames["expression"], "start", "end", "nx")}
    # HBG1 is haemoglobin of K-562, ALB albumin of the liver's Hep G2.
    for symbol in ("TP53", "GAPDH", "HBG1", "ALB"):
        values = said.row(by_predicate=pl.col("symbol") == symbol)[1:]
        for line, value in zip(("hepg2", "k562", "rpe1"), values, strict=True):
            assert found.get((symbol, line), 0.0) == pytest.approx(value if value >= 1 else 0.0, abs=0.05)
    assert 10_000 < sum(line == "k562" for _, line in found) < 12_000
