from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.claims import Claim


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("K562", "k562"),
        ("K-562", "k562"),
        (" k 562 ", "k562"),
        ("k_562", "k562"),
        ("K.562", "k562"),
        ("Hep G2", "hepg2"),
        ("HEP-G2", "hepg2"),
        ("hTERT-RPE1", "rpe1"),
        ("hTERT RPE-1", "rpe1"),
        ("RPE1-hTERT", "rpe1"),
        ("JURKAT", "jurkat"),
        ("293T", "hek293t"),
        ("HEK-293T", "hek293t"),
        ("HEK 293", "hek293"),
        ("U2-OS", "u2os"),
        ("THP-1", "thp1"),
        ("MCF-7", "mcf7"),
        ("A-549", "a549"),
        ("HeLa", "hela"),
        ("--", ""),
        ("", ""),
    ],
)
def test_one_name_for_each_line(written: str, line: str) -> None:
    assert canonical_line(written) == line
    assert Claim("TP53", "increases", "MDM2", written).cell_line == (line or None)


@pytest.mark.parametrize(("one", "other"), [("HEK293", "HEK293T"), ("MCF7", "MCF10A"), ("U937", "U2OS")])
def test_different_lines_stay_different(one: str, other: str) -> None:
    assert canonical_line(one) != canonical_line(other)


@given(st.text())
def test_a_canonical_name_stays_as_it_is(text: str) -> None:
    line = canonical_line(text)
    assert canonical_line(line) == line


@given(st.text(alphabet="abcxyz0189", min_size=1), st.lists(st.sampled_from(" -_./"), max_size=4), st.data())
def test_punctuation_blanks_and_case_do_not_matter(plain: str, marks: list[str], data: st.DataObject) -> None:
    written = plain.upper()
    for mark in marks:
        at = data.draw(st.integers(0, len(written)))
        written = written[:at] + mark + written[at:]
    assert canonical_line(written) == canonical_line(plain)
