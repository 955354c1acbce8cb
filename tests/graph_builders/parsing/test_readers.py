from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.content import archive_date
from rbio_kg.graph_builders.parsing.readers import Layout, numbered_lines, read_table, text_blocks
from rbio_kg.graph_builders.parsing.rejections import Rejections
from tests.support.source_files.provider_files import FORMS, file_of, packed

TWO = Layout("\t", ("a", "b"))


def table(path: Path, layout: Layout = TWO) -> tuple[list[tuple[object, ...]], Rejections]:
    rejections = Rejections(path)
    return read_table(path, layout, rejections).rows(), rejections


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["file.txt", "file.txt.gz", "file.zip"])
def test_content_decides_not_the_name(tmp_path: Path, form: str, name: str) -> None:
    path = file_of(tmp_path, packed("one\ntwo\n", form), name)
    assert list(numbered_lines(path)) == [(1, "one"), (2, "two")]


def test_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = file_of(tmp_path, b"\xef\xbb\xbfone\r\n\r\ntwo")
    assert list(numbered_lines(path)) == [(1, "one"), (2, ""), (3, "two")]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_blocks_are_whole_lines_with_their_numbers(tmp_path: Path, size: int) -> None:
    text = "".join(f"line {number}\n" for number in range(1, 40)) + "last"
    blocks = list(text_blocks(file_of(tmp_path, text), size))
    assert "".join(block for _, block in blocks) == text
    for start, block in blocks:
        assert text.split("\n")[start - 1] == block.split("\n")[0]
        assert block.endswith(("\n", "last"))


def broken_zip() -> bytes:
    data = bytearray(packed("x" * 5000, "zip"))
    data[40] ^= 0xFF
    return bytes(data)


def zip_of(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, f"in {name}\n")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(bytes(range(60, 120)) * 500)[:-20], "breaks off"),
        (gzip.compress(b"good\n")[:-8] + b"\0" * 8, "damaged"),
        (b"\x1f\x8b" + b"nonsense" * 5, "damaged"),
        (b"PK\x03\x04 not a zip", "damaged"),
        (broken_zip(), "damaged"),
        (bz2.compress(b"text\n"), "bzip2"),
        (b"PAR1....", "Parquet"),
        (zip_of("a.txt", "b.txt"), "holds 2 files"),
        (zip_of(), "holds 0 files"),
        (b"one\ntwo\x00\n", "line 2: the file is not text"),
        (b"one\ntwo\nthr\xe9e\n", "line 3: the file is not UTF-8"),
        ("text\n".encode("utf-16"), "line 1: the file is not UTF-8"),
    ],
    # By the message alone: packed files hold the time, and two processes must call a test the same.
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_unreadable_files_name_themselves(tmp_path: Path, content: bytes, message: str) -> None:
    path = file_of(tmp_path, content)
    with pytest.raises(SourceError) as caught:
        list(numbered_lines(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(SourceError, match=str(path)):
            list(numbered_lines(path))


def test_zip_with_one_file_of_its_name(tmp_path: Path) -> None:
    path = file_of(tmp_path, zip_of("file.txt", "readme.txt"), "file.txt.zip")
    assert list(numbered_lines(path)) == [(1, "in file.txt")]


def test_the_date_of_a_zip(tmp_path: Path) -> None:
    assert archive_date(file_of(tmp_path, packed("x", "zip"))) == "2024-06-07"
    assert archive_date(file_of(tmp_path, "x")) is None


def test_columns_by_name_in_any_order(tmp_path: Path) -> None:
    rows, rejections = table(file_of(tmp_path, "#b\tx\ta\n1\t2\t3\n\n4\t5\t6\n"))
    assert rows == [(2, "3", "1"), (4, "6", "4")]
    assert (rejections.seen, rejections.count) == (2, 0)


def test_wrong_number_of_fields_is_rejected_with_its_line(tmp_path: Path) -> None:
    rows, rejections = table(file_of(tmp_path, "a\tb\n1\t2\n1\n1\t2\t3\n3\t4\n"))
    assert rows == [(2, "1", "2"), (5, "3", "4")]
    assert [(reason.line, reason.why) for reason in rejections.reasons] == [
        (3, "the row does not have 2 fields"),
        (4, "the row does not have 2 fields"),
    ]
    assert rejections.seen == 4


def test_a_missing_column_says_what_is_there(tmp_path: Path) -> None:
    path = file_of(tmp_path, "\n<html>\n<body>\n")
    with pytest.raises(SourceError, match=r"line 2: the header lacks the column a, b \(it has '<html>'\)"):
        table(path)
    with pytest.raises(SourceError, match="no header line"):
        table(file_of(tmp_path, "\n \n"))


def test_optional_columns_are_null_when_absent_and_text_when_empty(tmp_path: Path) -> None:
    layout = Layout("\t", ("a",), optional=("b", "c"))
    rows, _ = table(file_of(tmp_path, "a\tb\n1\t\n"), layout)
    assert rows == [(2, "1", "", None)]


def test_without_header_short_rows_are_filled(tmp_path: Path) -> None:
    layout = Layout("\t", ("a", "b"), header=False, fields=(1, 3), comment="!")
    rows, rejections = table(file_of(tmp_path, "!note\n1\n1\t2\n1\t2\t3\n1\t2\t3\t4\n"), layout)
    assert rows == [(2, "1", ""), (3, "1", "2"), (4, "1", "2")]
    assert [reason.line for reason in rejections.reasons] == [5]


def test_quoted_fields_may_hold_separators_and_quotes(tmp_path: Path) -> None:
    layout = Layout(",", ("a", "b"), quoted=True)
    rows, rejections = table(file_of(tmp_path, 'a,b\n1,2\n"x,y","say ""so"""\n5" pipe,2\n"open,2\n'), layout)
    assert rows == [(2, "1", "2"), (3, "x,y", 'say "so"'), (4, '5" pipe', "2")]
    assert [reason.line for reason in rejections.reasons] == [5]


def test_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a\tb\n" + "".join(f"{number}\t{number * 7}\n" if number % 5 else "bad\n" for number in range(200))
    path = file_of(tmp_path, text)
    whole, rejected = table(path)
    monkeypatch.setattr("rbio_kg.graph_builders.parsing.readers._BLOCK", 64)
    monkeypatch.setattr(text_blocks, "__defaults__", (64,))
    parts, rejected_parts = table(path)
    assert parts == whole
    assert (rejected_parts.seen, rejected_parts.reasons) == (rejected.seen, rejected.reasons)


cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters='\0\t\n\r"'), max_size=12)


@given(st.lists(st.tuples(cells, cells.filter(lambda cell: cell.strip())), max_size=20), st.sampled_from(FORMS))
def test_rows_survive_writing_and_reading(tmp_path: Path, written: list[tuple[str, str]], form: str) -> None:
    text = "a\tb\n" + "".join(f"{a}\t{b}\n" for a, b in written)
    read, rejections = table(file_of(tmp_path, packed(text, form)))
    assert [row[1:] for row in read] == written
    assert [row[0] for row in read] == list(range(2, 2 + len(written)))
    assert rejections.count == 0


@given(st.binary(max_size=300), st.sampled_from([b"", b"a\tb\n", b"\x1f\x8b\x08", b"PK\x03\x04"]), st.booleans())
def test_garbage_is_an_error_or_counted(tmp_path: Path, garbage: bytes, start: bytes, quoted: bool) -> None:
    path = file_of(tmp_path, start + garbage)
    rejections = Rejections(path)
    try:
        read = read_table(path, Layout("\t", ("a", "b"), quoted=quoted), rejections)
    except SourceError as error:
        assert str(path) in str(error)
    else:
        assert read.height + rejections.count == rejections.seen


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('MDM2,"', ["MDM2", ""]),
        ('",MDM2', ['"', "MDM2"]),
        ('",', ['"', ""]),
        ('",x', ['"', "x"]),
        ('",""', ['"', ""]),
        ('","x y"', ['"', "x y"]),
        ('a"b,c', ['a"b', "c"]),
        ('"a,b",c', ["a,b", "c"]),
        ('"a ""b""",c', ['a "b"', "c"]),
    ],
)
def test_a_field_that_is_one_quote_opens_no_quotation(tmp_path: Path, line: str, fields: list[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"a,b\n{line}\nlast,row\n")
    rejections = Rejections(path)
    found = read_table(path, Layout(",", ("a", "b"), quoted=True), rejections)
    assert rejections.count == 0
    assert [list(row) for row in found.select("a", "b").iter_rows()] == [fields, ["last", "row"]]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "cp850", "mac-roman"])
def test_another_encoding_says_how_to_save_a_file_of_ones_own(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes("a,b\nx,früh\n".encode(encoding))
    with pytest.raises(SourceError, match="save it as UTF-8") as caught:
        read_table(path, Layout(",", ("a", "b")), Rejections(path))
    assert caught.value.line == (1 if "16" in encoding else 2)
