from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.duplicates import merge_duplicates
from rbio_kg.graph_builders.parsing.parsed import FoundFiles, ParsedSource
from rbio_kg.graph_builders.sources import perturbqa
from tests.support.source_files.provider_files import DE, DIRECTION, FORMS, context, file_of, packed, rows

HEADER = "pert,gene,label,split\n"


def read_questions(*arguments: Any, **options: Any) -> pl.DataFrame:
    """The rows of a file, each pair once, as its readers take them."""
    return merge_duplicates(perturbqa.question_rows(*arguments, **options), ["pert", "gene"], ["label", "split"])


def read(folder: Path, de: str = DE, direction: str = DIRECTION, marker: str | None = None) -> ParsedSource:
    paths = {
        "de": (file_of(folder, de, "K562-de.csv"),),
        "dir": (file_of(folder, direction, "K562-dir.csv"),),
        "simulated": () if marker is None else (file_of(folder, marker, "simulated.json"),),
    }
    return perturbqa.read(FoundFiles(paths), context())


def test_questions_keep_every_row_under_approved_symbols(tmp_path: Path) -> None:
    parsed = read(tmp_path)
    assert rows(parsed.frames["questions"], "task", "split", "pert", "gene", "label", "cell_line", "simulated") == [
        ("de", "test", "BBB1", "CCC1", 1, "k562", False),
        ("de", "train", "AAA1", "BBB1", 1, "k562", False),
        ("de", "train", "AAA1", "CCC1", 1, "k562", False),
        ("de", "train", "AAA1", "DDD1", 0, "k562", False),
        ("de", "train", "AAA1", "NOGENE", 1, "k562", False),
        ("dir", "test", "BBB1", "CCC1", 0, "k562", False),
        ("dir", "train", "AAA1", "BBB1", 1, "k562", False),
    ]
    assert parsed.frames["cell_lines"]["name"].to_list() == ["k562"]
    assert parsed.rows == parsed.rows_read == 7


def test_knockdowns_are_train_positives_only(tmp_path: Path) -> None:
    parsed = read(tmp_path)
    assert rows(parsed.frames["knockdowns"], "start", "end", "cell_line", "direction", "source") == [
        ("AAA1", "BBB1", "k562", "increase", "PerturbQA"),
        ("AAA1", "CCC1", "k562", "unknown", "PerturbQA"),
    ]
    assert parsed.notes["knockdowns without both genes in HGNC"] == 1


def test_a_direction_never_comes_from_a_test_row(tmp_path: Path) -> None:
    direction = f"{HEADER}AAA1,BBB1,1,test\nAAA1,FORMERC,0,train\n"
    assert rows(read(tmp_path, DE, direction).frames["knockdowns"], "end", "direction") == [
        ("BBB1", "unknown"),
        ("CCC1", "decrease"),
    ]


def test_two_names_of_one_gene_are_one_question(tmp_path: Path) -> None:
    parsed = read(tmp_path, f"{HEADER}AAA1,BBB1,1,train\nFORMERA,bbb1,1,train\nOLDA,CCC1,1,train\n")
    de = parsed.frames["questions"].filter(task="de")
    assert rows(de, "pert", "gene", "label") == [("AAA1", "BBB1", 1), ("AAA1", "CCC1", 1)]
    assert parsed.notes["duplicate rows merged"] == 1
    assert rows(parsed.frames["knockdowns"], "end") == [("BBB1",), ("CCC1",)]
    assert parsed.rows == parsed.rows_read == 5


@pytest.mark.parametrize(
    ("other", "column", "values"),
    [
        ("FORMERA,BBB1,0,train", "label", "1 there, 0 here"),
        ("OLDA,bbb1,1,test", "split", "train there, test here"),
        ("ENSG00000000001.4,BBB1,0,test", "label", "1 there, 0 here"),
        ("hgnc:1,NCBIGene:102,0.0,train", "label", "1 there, 0 here"),
    ],
)
def test_two_names_of_one_question_must_agree(tmp_path: Path, other: str, column: str, values: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, f"{HEADER}AAA1,BBB1,1,train\nCCC1,DDD1,0,test\n{other}\n")
    names = f"AAA1,BBB1 and {','.join(other.split(',')[:2])}"
    assert str(caught.value).startswith(
        f"{tmp_path / 'K562-de.csv'}, line 4: the row of line 2 is the same question ({names}) with another {column}: "
        f"{values}"
    )


def two_files(folder: Path, first: str, second: str) -> ParsedSource:
    paths = (file_of(folder, HEADER + first, "K562-de.csv"), file_of(folder, HEADER + second, "k-562_de.csv"))
    return perturbqa.read(FoundFiles({"de": paths}), context())


def test_two_files_of_one_line_are_one(tmp_path: Path) -> None:
    parsed = two_files(tmp_path, "AAA1,BBB1,1,train\nBBB1,CCC1,1,test\n", "OLDA,BBB1,1,train\nAAA1,DDD1,0,train\n")
    assert rows(parsed.frames["questions"], "pert", "gene", "label", "cell_line") == [
        ("AAA1", "BBB1", 1, "k562"),
        ("AAA1", "DDD1", 0, "k562"),
        ("BBB1", "CCC1", 1, "k562"),
    ]
    assert rows(parsed.frames["knockdowns"], "start", "end") == [("AAA1", "BBB1")]
    assert parsed.notes["duplicate rows merged"] == 1


@pytest.mark.parametrize("row", ["AAA1,BBB1,0,train", "AAA1,BBB1,1,test", "aaa1,P00002,0,train"])
def test_two_files_of_one_line_that_contradict(tmp_path: Path, row: str) -> None:
    with pytest.raises(SourceError) as caught:
        two_files(tmp_path, "CCC1,BBB1,1,train\nAAA1,BBB1,1,train\n", f"{row}\n")
    assert caught.value.where == str(tmp_path / "k-562_de.csv")
    assert caught.value.line == 2
    assert f"the row of {tmp_path / 'K562-de.csv'}, line 3 is the same question" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["AAA1", "aaa1", "Aaa1", "FORMERA", "formera", "OLDA", "olda", "HGNC:1", "hgnc:1", "101", "NCBIGene:101", "P00001",
     "P00001-2", "ENSG00000000001", "ENSG00000000001.12", "ensg00000000001", " AAA1 "],
)  # fmt: skip
def test_every_name_of_a_gene_is_that_gene(tmp_path: Path, name: str) -> None:
    parsed = read(tmp_path, f"{HEADER}{name},CCC1,1,train\nBBB1,{name},0,test\n")
    assert rows(parsed.frames["questions"].filter(task="de"), "pert", "gene") == [("AAA1", "CCC1"), ("BBB1", "AAA1")]
    assert not any(report.rows for report in parsed.unrecognised)
    assert rows(parsed.frames["knockdowns"], "start", "end") == [("AAA1", "CCC1")]


@pytest.mark.parametrize(
    ("name", "kind", "suggested"),
    [
        ("AAA1_sgRNA2", "guide", "AAA1"),
        ("sgAAA1-1", "guide", "AAA1"),
        ("AAA1+ctrl", "combination", "AAA1"),
        ("AAA1+BBB1", "combination", None),
        ("2-Sep", "date", None),
        ("AAA1...3", "mangled", "AAA1"),
        ("SHARED", "ambiguous", None),
        ("ENSG00000099999", "identifier", None),
        ("0", "identifier", None),
        ("NOGENE", "unknown", None),
    ],
)
def test_a_name_that_is_no_gene_is_counted_and_kept(
    tmp_path: Path, name: str, kind: str, suggested: str | None
) -> None:
    de = f"{HEADER}BBB1,CCC1,1,train\n{name},CCC1,1,train\n"
    parsed = read(tmp_path, de, HEADER + "BBB1,CCC1,1,train\n")
    report = parsed.unrecognised[0]
    assert (report.rows, report.total, report.by_kind) == (1, 2, {kind: 1})
    assert (report.names[0].label, report.names[0].line) == (name, 3)
    assert name in parsed.frames["questions"]["pert"].to_list()
    assert rows(parsed.frames["knockdowns"], "start") == [("BBB1",)]
    paths = {"de": (tmp_path / "K562-de.csv",)}
    accepted = perturbqa.read(FoundFiles(paths), replace(context(), accept_suggestions=True))
    assert sorted(accepted.frames["questions"]["pert"]) == sorted(["BBB1", suggested or name])
    assert accepted.unrecognised[0].applied == (suggested is not None)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("non-targeting", "controls"), ("NegCtrl10", "controls"), ("ctrl", "controls"), ("control", "controls"),
        ("safe-harbor", "controls"), ("intergenic_12", "controls"), ("ctrl+ctrl", "controls"), ("NTC", "controls"),
        ("nan", "rows without a gene"), ("NA", "rows without a gene"), ("None", "rows without a gene"),
        ("NULL", "rows without a gene"), ("#N/A", "rows without a gene"), ("-", "rows without a gene"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["pert", "gene"])
def test_controls_and_missing_values_are_no_questions(tmp_path: Path, name: str, why: str, place: str) -> None:
    row = f"{name},BBB1" if place == "pert" else f"BBB1,{name}"
    parsed = read(tmp_path, f"{HEADER}AAA1,CCC1,1,train\n{row},1,train\n{row},0,test\n")
    assert rows(parsed.frames["questions"].filter(task="de"), "pert", "gene") == [("AAA1", "CCC1")]
    assert parsed.left_out == {why: 2}
    assert parsed.rows_read == 5
    assert parsed.rows == 3
    assert parsed.unrecognised[0].rows == 2


def test_the_marker_makes_labels_simulated(tmp_path: Path) -> None:
    parsed = read(tmp_path, marker='{"simulated": true, "model": "coin"}')
    assert (parsed.name, parsed.simulated, parsed.version) == ("simulated knockdowns", True, "coin")
    assert parsed.frames["questions"]["simulated"].all()
    assert parsed.frames["knockdowns"]["source"].unique().to_list() == ["simulated knockdowns"]
    assert parsed.licence != "CC BY 4.0"
    measured = read(tmp_path, marker='{"simulated": false}')
    assert (measured.name, measured.simulated) == (None, False)
    assert not measured.frames["questions"]["simulated"].any()


@pytest.mark.parametrize("marker", ["", "[]", "{}", '{"simulated": "yes"}', "\xff"])
def test_a_bad_marker_is_an_error(tmp_path: Path, marker: str) -> None:
    with pytest.raises(SourceError, match=r"simulated\.json"):
        read(tmp_path, marker=marker)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("A,B,2,train", "label is not 0 or 1"),
        ("A,B,,train", "label is not 0 or 1"),
        ("A,B,1,validation", "split is not train or test"),
        (",B,1,train", "pert is empty"),
        ("A, ,1,train", "gene is empty"),
        ("A,B,1", "the row does not have 4 fields"),
        ("C,D,0,test", "the row of line 2 is the same question with another split: train there, test here"),
        ("C,D,1.0,train", "the row of line 2 is the same question with another label: 0 there, 1 here"),
    ],
)
def test_a_malformed_row_is_an_error_with_its_line(tmp_path: Path, row: str, why: str) -> None:
    path = file_of(tmp_path, f"{HEADER}C,D,0,train\n{row}\n", "k562-de.csv")
    with pytest.raises(SourceError) as caught:
        read_questions(path, "de", "k562")
    assert str(caught.value).startswith(f"{path}, line 3: {why}")


def test_files_that_are_no_questions(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column split"):
        read_questions(file_of(tmp_path, "pert,gene,label\n"), "de", "k562")
    with pytest.raises(SourceError, match="no row of the file is usable as questions"):
        read_questions(file_of(tmp_path, HEADER), "de", "k562")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("k562-de.csv", "k562"), ("K562-dir.csv.gz", "k562"), ("hep-g2-de.csv", "hepg2"), ("K562_de.csv", "k562"),
        ("K-562-de.csv.gz", "k562"), ("k562.de.csv", "k562"), ("hTERT-RPE1_dir.csv", "rpe1"), ("K 562 DE.csv", "k562"),
        ("RPE1-hTERT.dir.csv.zip", "rpe1"), ("Hep G2-DIR.csv", "hepg2"), ("k562-de.filtered.csv", "k562"),
        ("a549.csv.gz", "a549"), ("model-line.csv", "modelline"), ("MCF-7_de.tsv", "mcf7"),
    ],
)  # fmt: skip
def test_the_cell_line_of_a_name(name: str, line: str) -> None:
    assert perturbqa.cell_line_of(Path(name)) == line


@pytest.mark.parametrize("name", ["-de.csv", "de.csv", "_dir.csv.gz", ".de.csv", "--.csv"])
def test_a_name_without_a_cell_line(name: str) -> None:
    with pytest.raises(SourceError, match="the file's name states no cell line"):
        perturbqa.cell_line_of(Path(name))


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("k562-de.csv", "de"), ("K562_DIR.csv.gz", "dir"), ("k562.dir.csv", "dir"), ("rpe1 De.csv", "de"),
        ("direction.csv", None), ("model.csv", None), ("k562-decoy.csv", None),
    ],
)  # fmt: skip
def test_the_task_of_a_name(name: str, task: str | None) -> None:
    assert perturbqa.task_of(Path(name)) == task


symbols = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="-."), min_size=1, max_size=8)
answers = st.tuples(st.integers(0, 1), st.sampled_from(["train", "test"]))


@given(st.dictionaries(st.tuples(symbols, symbols), answers, min_size=1), st.sampled_from(FORMS), st.booleans())
def test_written_questions_are_read_back(
    tmp_path: Path, written: dict[tuple[str, str], tuple[int, str]], form: str, quoted: bool
) -> None:
    cell = '"{}"' if quoted else "{}"
    lines = [
        ",".join([cell.format(pert), cell.format(gene), str(label), split])
        for (pert, gene), (label, split) in written.items()
    ]
    path = file_of(tmp_path, packed(HEADER + "\n".join(lines), form), "rpe1-dir.csv")
    frame = read_questions(path, "dir", "RPE1", simulated=True)
    assert frame.select("pert", "gene", "label", "split").rows() == [
        (*pair, *answer) for pair, answer in written.items()
    ]
    assert frame.select("cell_line", "task", "simulated").unique().rows() == [("rpe1", "dir", True)]


@given(st.binary(max_size=200))
def test_garbage_is_a_source_error(tmp_path: Path, garbage: bytes) -> None:
    path = file_of(tmp_path, HEADER.encode() + b"A,B,1,train\n" + garbage, "k562-de.csv")
    try:
        frame = read_questions(path, "de", "k562")
    except SourceError as error:
        assert str(path) in str(error)
    else:
        assert ("A", "B", 1, "train") in frame.select("pert", "gene", "label", "split").rows()
