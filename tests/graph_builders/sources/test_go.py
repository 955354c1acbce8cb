from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.sources import go
from tests.support.source_files.provider_files import OBO, file_of, files, reasons, rows


def read(folder: Path, text: str | bytes) -> ParsedSource:
    return go.read(files("ontology", file_of(folder, text, "go.obo")), BuildContext())


def term(number: int, *lines: str) -> str:
    head = f"\n[Term]\nid: GO:{number:07}\nname: term {number}\nnamespace: biological_process\n"
    return head + "".join(f"{line}\n" for line in lines)


def test_terms_and_relations(tmp_path: Path) -> None:
    parsed = read(tmp_path, OBO)
    frames = parsed.frames
    assert rows(frames["terms"], "id", "name", "namespace")[1] == ("GO:0000002", "branch", "biological_process")
    assert frames["terms"].filter(id="GO:0000002")["synonyms"].to_list() == [["bough"]]
    assert rows(frames["is_a"], "start", "end") == [
        ("GO:0000002", "GO:0000001"),
        ("GO:0000003", "GO:0000002"),
        ("GO:0000004", "GO:0000001"),
    ]
    assert rows(frames["part_of"], "start", "end", "source") == [("GO:0000004", "GO:0000002", "GO")]
    assert rows(frames["regulates_term"], "start", "end", "sign") == [("GO:0000003", "GO:0000004", 1)]
    assert parsed.left_out == {"obsolete terms": 2, "relation has_part": 1}
    assert (parsed.version, parsed.date) == ("releases/2024-03-04", "2024-03-04")
    assert (parsed.rows_read, parsed.rows, parsed.rejected) == (13, 10, 0)


def test_where_ids_lead(tmp_path: Path) -> None:
    text = OBO + term(30, "is_obsolete: true", "replaced_by: GO:0000031")
    text += term(31, "is_obsolete: true", "replaced_by: GO:0000020")
    text += term(32, "is_obsolete: true", "replaced_by: GO:0000001", "replaced_by: GO:0000002")
    text += term(33, "is_obsolete: true", "replaced_by: GO:0000034") + term(
        34, "is_obsolete: true", "replaced_by: GO:0000033"
    )
    text += term(35, "alt_id: GO:0000050", "alt_id: GO:0000001") + term(36, "alt_id: GO:0000050")
    terms = read(tmp_path, text).terms
    assert terms is not None
    leads = dict(terms.redirects.rows())
    assert leads["GO:0000003"] == "GO:0000003"
    assert leads["GO:0000020"] == "GO:0000002"
    assert leads["GO:0000007"] == "GO:0000003"
    assert leads["GO:0000030"] == leads["GO:0000031"] == "GO:0000002"
    assert leads["GO:0000001"] == "GO:0000001"
    assert "GO:0000050" not in leads
    assert terms.obsolete == {"GO:0000008", "GO:0000032", "GO:0000033", "GO:0000034"}


def test_malformed_stanzas_and_lines_are_rejected(tmp_path: Path) -> None:
    text = OBO + "\n[Term]\nid: GO:12\nname: short\nnamespace: biological_process\n"
    text += "\n[Term]\nid: GO:0000061\nname: no namespace\n"
    text += term(1) + term(62, "is_a: GO:0000001 GO:0000002", "is_a: GO:0000099", "no tag here", "is_a: GO:0000008")
    parsed = read(tmp_path, text)
    start = text.splitlines().index("id: GO:12")
    assert reasons(parsed.rejections) == [
        (start, "the term's id is not GO: and seven digits"),
        (start + 5, "GO:0000061 lacks a name or one of GO's three namespaces"),
        (start + 9, "GO:0000001 is given twice, first on line 5"),
        (start + 14, "is_a joins GO:0000062 to GO:0000008, but GO:0000008 is not a live term"),
        (start + 14, "is_a joins GO:0000062 to GO:0000099, but GO:0000099 is not a live term"),
        (start + 18, "is_a does not name one term"),
        (start + 20, "the line is not `tag: value`"),
    ]
    assert "GO:0000062" in parsed.frames["terms"]["id"]
    assert parsed.rows == parsed.frames["terms"].height + 5


def test_a_cycle_is_named(tmp_path: Path) -> None:
    text = term(1, "is_a: GO:0000002") + term(2, "relationship: part_of GO:0000003") + term(3, "is_a: GO:0000001")
    with pytest.raises(SourceError, match=r"form a cycle: (GO:000000[123] -> ){3}GO") as caught:
        read(tmp_path, text)
    names = caught.value.what.split(": ", 1)[1].split(" -> ")
    assert names[0] == names[-1]
    following = {"GO:0000001": "GO:0000002", "GO:0000002": "GO:0000003", "GO:0000003": "GO:0000001"}
    assert all(following[one] == other for one, other in pairwise(names))


@pytest.mark.parametrize("text", ["pert,gene,label,split\nA,B,1,train\n", "format-version: 1.2\n", "\n[Term]\nid: X\n"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError):
        read(tmp_path, text)


@given(
    st.dictionaries(st.integers(1, 30), st.sets(st.integers(0, 29), max_size=4), min_size=1, max_size=12),
    st.sampled_from(["is_a:", "relationship: part_of", "relationship: regulates"]),
)
def test_written_ontologies_are_read_back(tmp_path: Path, below: dict[int, set[int]], relation: str) -> None:
    edges = {(child, parent) for child, parents in below.items() for parent in parents if parent < child}
    text = "".join(
        term(child, *(f"{relation} GO:{parent:07} ! name" for one, parent in sorted(edges) if one == child))
        for child in below
    )
    parsed = read(tmp_path, text)
    table = {"is_a:": "is_a", "relationship: part_of": "part_of"}.get(relation, "regulates_term")
    assert parsed.frames["terms"]["id"].to_list() == [f"GO:{number:07}" for number in sorted(below)]
    assert rows(parsed.frames[table], "start", "end") == sorted(
        (f"GO:{child:07}", f"GO:{parent:07}") for child, parent in edges if parent in below
    )
    assert parsed.rejected == sum(parent not in below for _, parent in edges)


@given(
    st.lists(
        st.sampled_from([*OBO.splitlines(), "is_a:", "id: GO:0000001 !", "[", "relationship: part_of", ":", "x: y {"])
    )
)
def test_shuffled_lines_never_break_anything_else(tmp_path: Path, lines: list[str]) -> None:
    try:
        parsed = read(tmp_path, "\n".join(lines) or "\n")
    except SourceError:
        return
    assert parsed.rows == sum(parsed.frames[name].height for name in parsed.frames)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"5\\'-cap", r"5\'-cap"),
        (r"a \"quoted\" name", 'a "quoted" name'),
        (r"alpha\, beta", "alpha, beta"),
        (r"beta\(1\,3\)", "beta(1,3)"),
        (r"one\Wblank", "one blank"),
        (r"two\nlines", "two lines"),
        (r"a colon\: here", "a colon: here"),
        (r"\{braces\}", "{braces}"),
        (r"a \\n b", r"a \n b"),
        ("plain", "plain"),
    ],
)
def test_escapes_are_read_as_what_they_stand_for(tmp_path: Path, written: str, meant: str) -> None:
    lines = ["id: GO:0000001", f"name: {written}", "namespace: biological_process", f'synonym: "{written}" EXACT []']
    text = "\n".join(["format-version: 1.2", "", "[Term]", *lines, ""])
    terms = read(tmp_path, text).frames["terms"]
    assert terms["name"].to_list() == [meant]
    assert terms["synonyms"].to_list() == [[meant]]
