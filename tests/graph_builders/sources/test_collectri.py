from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.sources import collectri
from tests.support.source_files.provider_files import COLLECTRI, context, file_of, files, reasons, rows


def read(folder: Path, text: str) -> ParsedSource:
    return collectri.read(files("regulation", file_of(folder, text)), context())


def test_signs_and_references(tmp_path: Path) -> None:
    parsed = read(tmp_path, COLLECTRI)
    assert rows(parsed.frames["regulations"], "start", "end", "sign", "references", "source") == [
        ("AAA1", "BBB1", 1, ["1234567", "7654321"], "CollecTRI"),
        ("AAA1", "CCC1", -1, [], "CollecTRI"),
        ("BBB1", "AAA1", 0, [], "CollecTRI"),
        ("CCC1", "CCC1", 1, [], "CollecTRI"),
    ]
    assert parsed.notes == {"contradicting signs": 1, "duplicate rows merged": 2}
    assert parsed.unmapped.rows == 1
    assert reasons(parsed.rejections) == [(9, "the weight is not a number")]
    assert (parsed.rows_read, parsed.rows) == (8, 6)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column source, target, weight"):
        read(tmp_path, "a,b,c\n1,2,3\n")
    with pytest.raises(SourceError, match="no row of the file is usable as signed regulation"):
        read(tmp_path, "source,target,weight\n")


pairs = st.tuples(st.sampled_from(["AAA1", "BBB1"]), st.sampled_from(["AAA1", "CCC1"]), st.sampled_from([-1, 0, 1]))


@given(st.lists(pairs, min_size=1))
def test_several_rows_of_a_pair_agree_or_cancel(tmp_path: Path, written: list[tuple[str, str, int]]) -> None:
    text = "source,target,weight\n" + "".join(f"{one},{other},{sign}\n" for one, other, sign in written)
    expected = []
    for pair in {row[:2] for row in written}:
        signs = {sign for *ends, sign in written if tuple(ends) == pair} - {0}
        expected.append((*pair, signs.pop() if len(signs) == 1 else 0))
    assert rows(read(tmp_path, text).frames["regulations"], "start", "end", "sign") == sorted(expected)
