from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.sources import reactome
from tests.support.source_files.provider_files import (
    FORMS,
    REACTOME,
    REACTOME_NAMES,
    REACTOME_RELATIONS,
    context,
    file_of,
    files,
    packed,
    reasons,
    rows,
)


def read(folder: Path, gmt: str | bytes = REACTOME, **others: str) -> ParsedSource:
    paths = {role: file_of(folder, text, role) for role, text in others.items()}
    return reactome.read(files("members", file_of(folder, gmt, "members"), **paths), context())


@pytest.mark.parametrize("form", FORMS)
def test_human_pathways_with_names_and_hierarchy(tmp_path: Path, form: str) -> None:
    parsed = read(tmp_path, packed(REACTOME, form), hierarchy=REACTOME_RELATIONS, names=REACTOME_NAMES)
    frames = parsed.frames
    assert rows(frames["pathways"], "id", "name", "source") == [
        ("R-HSA-1", "First pathway", "Reactome"),
        ("R-HSA-2", "Second pathway", "Reactome"),
        ("R-HSA-3", "Upper pathway", "Reactome"),
        ("R-HSA-4", "R-HSA-4", "Reactome"),
    ]
    assert rows(frames["memberships"], "start", "end", "direct") == [
        ("AAA1", "R-HSA-1", True),
        ("AAA1", "R-HSA-2", True),
        ("AAA1", "R-HSA-3", False),
        ("AAA1", "R-HSA-4", False),
        ("BBB1", "R-HSA-1", True),
        ("BBB1", "R-HSA-3", False),
        ("BBB1", "R-HSA-4", False),
    ]
    assert rows(frames["pathway_parents"], "start", "end") == [
        ("R-HSA-1", "R-HSA-3"),
        ("R-HSA-2", "R-HSA-3"),
        ("R-HSA-3", "R-HSA-4"),
    ]
    assert reasons(parsed.rejections) == [(4, "the second field is not a Reactome id (R-HSA-number)")]
    assert parsed.left_out == {"other species": 4}
    assert parsed.notes == {"memberships that follow from sub-pathways": 4, "pathways without a name": 1}
    assert parsed.unmapped.rows == 1
    assert parsed.date == ("2024-06-07" if form == "zip" else None)
    # 4 sets and 6 members (2 sets, 1 member lost), 4 relations, 3 names.
    assert (parsed.rows_read, parsed.rows) == (17, 17 - 4 - 1 - 1)


def test_members_alone_are_enough(tmp_path: Path) -> None:
    frames = read(tmp_path).frames
    assert frames["pathways"].height == 2
    assert frames["pathway_parents"].height == 0


def test_malformed_lines(tmp_path: Path) -> None:
    gmt = REACTOME + "First again\tR-HSA-1\tBBB1\nalone\n"
    relations = REACTOME_RELATIONS + "R-HSA-1\tR-HSA-1\nR-HSA-1\n9\tR-HSA-1\n"
    found = reasons(read(tmp_path, gmt, hierarchy=relations).rejections)
    assert (5, "R-HSA-1 is given twice, first on line 1") in found
    assert (6, "the line has no name, description and members") in found
    assert (5, "a pathway cannot be its own part") in found
    assert (6, "the row does not have 2 fields") in found
    assert (7, "there is no Reactome id (R-HSA-number)") in found


def test_a_pathway_cannot_stand_above_itself(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="pathways and their parts form a cycle: R-HSA-") as caught:
        read(tmp_path, hierarchy="R-HSA-1\tR-HSA-2\nR-HSA-2\tR-HSA-3\nR-HSA-3\tR-HSA-1\n")
    assert caught.value.where == str(tmp_path / "hierarchy")


levels = st.sets(st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda ends: ends[0] < ends[1]), min_size=1)
listed = st.sets(st.tuples(st.sampled_from(["AAA1", "BBB1"]), st.integers(1, 6)), min_size=1)


@given(levels, listed)
def test_membership_is_closed_upward(
    tmp_path: Path, parents: set[tuple[int, int]], members: set[tuple[str, int]]
) -> None:
    gmt = "".join(
        f"Set {number}\tR-HSA-{number}\t" + "\t".join(gene for gene, place in sorted(members) if place == number) + "\n"
        for number in sorted({place for _, place in members})
    )
    relations = "".join(f"R-HSA-{parent}\tR-HSA-{child}\n" for parent, child in sorted(parents))
    expected = set(members)
    for _ in range(6):
        expected |= {(gene, parent) for gene, place in expected for parent, child in parents if child == place}
    table = read(tmp_path, gmt, hierarchy=relations).frames["memberships"]
    assert rows(table, "start", "end", "direct") == sorted(
        (gene, f"R-HSA-{place}", (gene, place) in members) for gene, place in expected
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="line 1: no row of the file is usable as gene sets"):
        read(tmp_path, "<html>\n</html>\n")
    with pytest.raises(SourceError, match="no row of the file is usable as Reactome pathways"):
        read(tmp_path, hierarchy="a\tb\n")


sets = st.dictionaries(st.integers(1, 9), st.lists(st.sampled_from(["AAA1", "OLDA", "CCC1", "virus"]), min_size=1))


@given(sets.filter(bool))
def test_written_sets_are_read_back(tmp_path: Path, written: dict[int, list[str]]) -> None:
    text = "".join(f"Set {number}\tR-HSA-{number}\t" + "\t".join(members) + "\n" for number, members in written.items())
    symbol = {"AAA1": "AAA1", "OLDA": "AAA1", "CCC1": "CCC1"}
    expected = {
        (symbol[name], f"R-HSA-{number}") for number, members in written.items() for name in members if name in symbol
    }
    if not expected:
        with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
            read(tmp_path, text)
        return
    assert rows(read(tmp_path, text).frames["memberships"], "start", "end") == sorted(expected)
