"""Tables are read in any dialect, with the same rows; what is unclear is refused with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rbio_kg.core.errors import SourceError
from rbio_kg.training.data.screens.columns import ColumnNames
from rbio_kg.training.data.screens.table import de_rows, read_de_table
from tests.support.screens import PROGRAMS, effects

VALUES = ["pert", "gene", "padj", "lfc"]


def plain_csv() -> str:
    return effects().write_csv()


def german(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


DIALECTS = {
    "plain.csv": lambda text: text.encode(),
    "bom.csv": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "windows.csv": lambda text: text.replace("\n", "\r\n").encode(),
    "old mac.csv": lambda text: text.replace("\n", "\r").encode(),
    "blank lines.csv": lambda text: text.replace("\n", "\n\n").encode(),
    "semicolons.csv": lambda text: text.replace(",", ";").encode(),
    "excel.csv": lambda text: b"\xef\xbb\xbfsep=;\r\n" + german(text).replace("\n", "\r\n").encode(),
    "german.csv": lambda text: german(text).encode(),
    "tabs.tsv": lambda text: text.replace(",", "\t").encode(),
    "tabs named csv.csv": lambda text: text.replace(",", "\t").encode(),
    "packed.csv.gz": lambda text: gzip.compress(text.encode()),
    "comment.csv": lambda text: b"# made by hand\n" + text.encode(),
    "write.table.txt": lambda text: "\n".join(
        line if not n else f'"{n}" ' + line
        for n, line in enumerate(text.replace(",", " ").replace("pert", '"pert"', 1).splitlines())
    ).encode(),
    "quoted.csv": lambda text: "\n".join(
        ",".join(f'"{field}"' for field in line.split(",")) for line in text.splitlines()
    ).encode(),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(DIALECTS[name](plain_csv()))
    assert_frame_equal(read_de_table(path).frame.select(VALUES), effects())


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_program_gives_the_same_rows(program: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"de.{ending}"
    table = PROGRAMS[program](effects())
    table.write_parquet(path) if ending == "parquet" else table.write_csv(path)
    assert_frame_equal(read_de_table(path).frame.select(VALUES), effects(), abs_tol=1e-9)


def test_natural_logarithms_and_ratios_become_logarithms_to_base_2() -> None:
    rows = effects()
    old = rows.rename({"lfc": "avg_logFC"}).with_columns(pl.col("avg_logFC") * 0.6931471805599453)
    assert_frame_equal(de_rows(old, "frame").frame.select(VALUES), rows)
    ratio = rows.rename({"lfc": "fold_change"})
    read = de_rows(ratio.with_columns((2 ** pl.col("fold_change")).alias("fold_change")), "frame")
    assert_frame_equal(read.frame.select(VALUES), rows, abs_tol=1e-12)
    assert "ratios of means" in read.remarks[0]
    assert_frame_equal(de_rows(ratio, "frame").frame.select(VALUES), rows)  # negative: logarithms after all
    signed = ratio.with_columns(pl.when(pl.col("fold_change") < 0).then(-2.0).otherwise(2.0).alias("fold_change"))
    with pytest.raises(SourceError, match="signed fold changes"):
        de_rows(signed, "frame")


def test_p_values_are_adjusted_within_each_perturbation() -> None:
    from scipy.stats import false_discovery_control

    rows = effects().rename({"padj": "pvalue"}).with_columns(pl.when(pl.col("gene") != "EXO1").then("pvalue"))
    read = de_rows(rows, "frame")
    for (pert,), group in rows.drop_nulls().group_by("pert"):
        mine = read.frame.filter(pl.col("pert") == pert).drop_nulls("padj")["padj"].to_list()
        assert mine == pytest.approx(list(false_discovery_control(group["pvalue"].to_numpy())))
    assert read.frame["padj"].null_count() == rows["pvalue"].null_count()
    assert "adjusted (Benjamini-Hochberg) for each perturbation" in read.remarks[0]


@pytest.mark.parametrize("absent", ["", "NA", "NaN", "nan", "#N/A", "NULL", "-"])
def test_absent_numbers_are_null(absent: str, tmp_path: Path) -> None:
    path = tmp_path / "de.csv"
    path.write_text(f"pert,gene,padj,lfc\nSP1,TP53,{absent},1\nSP1,EXO1,0.5,{absent}\nSP1,CDK1,1e-300,-inf\n")
    frame = read_de_table(path).frame
    assert frame["padj"].to_list() == [None, 0.5, 1e-300]
    assert frame["lfc"].to_list() == [1.0, None, float("-inf")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pert,gene,padj,lfc\nSP1,TP53,0.1,1\nSP1,EXO1,high,1\n", "line 3: 'high' in the column 'padj' is no number"),
        ("pert,gene,padj,lfc\nSP1,TP53,12.5,1\n", "line 2: 12.5 .* no p-value.*between 0 and 1"),
        ("pert,gene,padj,lfc\n\nSP1,TP53,-0.1,1\n", "line 3: -0.1"),
        ("pert;gene;padj;lfc\nSP1;TP53;0,1;1.5\nSP1;EXO1;0.1;0,5\n", "line 2: '0,1'.*decimal point"),
        ("pert;gene;padj;lfc\nSP1;TP53;0,1;1.234,5\n", "line 2: '1.234,5'.*thousands"),
        ("pert,gene,padj,lfc\nSP1,TP53,0.1,1,7,8\n", "as many fields as the header"),
        ("", "the file is empty"),
        ("PK\x03\x04", "Excel workbook.*CSV UTF-8"),
        ("pert\nSP1\n", "no column has a name that is known for"),
    ],
)
def test_what_is_unclear_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "de.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read_de_table(path)


def test_other_files_are_named(tmp_path: Path) -> None:
    for name, message in (("screen.h5ad", "from-h5ad"), ("none.csv", "no such table"), ("bad.parquet", "cannot be")):
        if name != "none.csv":
            (tmp_path / name).write_bytes(b"\x89HDF")
        with pytest.raises(SourceError, match=message):
            read_de_table(tmp_path / name)
    (tmp_path / "utf16.csv").write_text(plain_csv(), encoding="utf-16")
    with pytest.raises(SourceError, match="UTF-8"):
        read_de_table(tmp_path / "utf16.csv")
    with pytest.raises(SourceError, match="folder"):
        read_de_table(tmp_path)


def test_the_files_name_states_the_perturbation_where_no_column_does(tmp_path: Path) -> None:
    path = tmp_path / "SP1.csv"
    effects(perts=("SP1",)).drop("pert").write_csv(path)
    assert set(read_de_table(path, pert="SP1").frame["pert"]) == {"SP1"}
    with pytest.raises(SourceError, match="the perturbation"):
        read_de_table(path, ColumnNames())
