from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import FoundFiles, ParsedSource
from rbio_kg.graph_builders.sources import perturbqa
from tests.support.source_files.provider_files import DE, DIRECTION, FORMS, context, file_of, packed, rows

HEADER = "pert,gene,label,split\n"


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


def test_two_labels_of_one_gene_stay_two_questions(tmp_path: Path) -> None:
    parsed = read(tmp_path, f"{HEADER}AAA1,BBB1,1,train\nFORMERA,BBB1,0,test\nOLDA,CCC1,1,train\n")
    de = parsed.frames["questions"].filter(task="de")
    assert rows(de, "pert", "gene", "label") == [("AAA1", "BBB1", 1), ("AAA1", "CCC1", 1), ("FORMERA", "BBB1", 0)]
    assert parsed.notes["rows whose symbols clash when approved"] == 2
    assert rows(parsed.frames["knockdowns"], "end") == [("CCC1",)]


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
        ("C,D,0,test", "an earlier row of this pair has another label or split"),
    ],
)
def test_a_malformed_row_is_an_error_with_its_line(tmp_path: Path, row: str, why: str) -> None:
    path = file_of(tmp_path, f"{HEADER}C,D,0,train\n{row}\n", "k562-de.csv")
    with pytest.raises(SourceError) as caught:
        perturbqa.read_questions(path, "de", "k562")
    assert str(caught.value).startswith(f"{path}, line 3: {why}")


def test_files_that_are_no_questions(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column split"):
        perturbqa.read_questions(file_of(tmp_path, "pert,gene,label\n"), "de", "k562")
    with pytest.raises(SourceError, match="no row of the file is usable as questions"):
        perturbqa.read_questions(file_of(tmp_path, HEADER), "de", "k562")


@pytest.mark.parametrize(
    ("name", "line"), [("k562-de.csv", "k562"), ("K562-dir.csv.gz", "k562"), ("hep-g2-de.csv", "hep-g2")]
)
def test_the_cell_line_of_a_name(name: str, line: str) -> None:
    assert perturbqa.cell_line_of(Path(name)) == line


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
    frame = perturbqa.read_questions(path, "dir", "RPE1", simulated=True)
    assert frame.select("pert", "gene", "label", "split").rows() == [
        (*pair, *answer) for pair, answer in written.items()
    ]
    assert frame.select("cell_line", "task", "simulated").unique().rows() == [("rpe1", "dir", True)]


@given(st.binary(max_size=200))
def test_garbage_is_a_source_error(tmp_path: Path, garbage: bytes) -> None:
    path = file_of(tmp_path, HEADER.encode() + b"A,B,1,train\n" + garbage, "k562-de.csv")
    try:
        frame = perturbqa.read_questions(path, "de", "k562")
    except SourceError as error:
        assert str(path) in str(error)
    else:
        assert ("A", "B", 1, "train") in frame.select("pert", "gene", "label", "split").rows()
