from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.sources import hgnc
from rbio_kg.graph_builders.sources.string import links as string
from tests.support.source_files.provider_files import INFO, LINKS, context, file_of, files, reasons, rows

FULL = "protein1 protein2 " + " ".join(
    [
        "neighborhood neighborhood_transferred fusion cooccurence homology coexpression coexpression_transferred",
        "experiments experiments_transferred database database_transferred textmining textmining_transferred",
        "combined_score",
    ]
)
DETAILED = (
    "protein1 protein2 neighborhood fusion cooccurence coexpression experimental database textmining combined_score"
)


def read(folder: Path, links: str, info: str = INFO, min_score: int = 400, textmining: bool = True) -> ParsedSource:
    paths = {"info": file_of(folder, info, "9606.protein.info.v12.0.txt"), "links": file_of(folder, links, "l.txt")}
    return string.read(files("none", **paths), replace(context(min_score=min_score), textmining=textmining))


def test_pairs_once_lower_symbol_first_with_the_best_score(tmp_path: Path) -> None:
    parsed = read(tmp_path, LINKS)
    assert rows(parsed.frames["interactions"], "start", "end", "score", "textmining", "source") == [
        ("AAA1", "BBB1", 900, None, "STRING"),
        ("AAA1", "CCC1", 450, None, "STRING"),
    ]
    assert parsed.left_out == {"a gene with itself": 1, "below the minimum score": 1}
    assert parsed.notes == {
        "duplicate rows merged": 1,
        "other orientation merged": 1,
        "orientations with different scores": 0,
        "several proteins of a gene merged": 1,
    }
    assert reasons(parsed.rejections) == [
        (10, "the protein is not in the info file"),
        (11, "a score is not a whole number from 0 to 1000"),
    ]
    assert parsed.unmapped.rows == 1
    assert parsed.rows == 5 + 5
    assert parsed.version == "12.0"


def test_min_score(tmp_path: Path) -> None:
    assert read(tmp_path, LINKS, min_score=0).frames["interactions"].height == 3
    with pytest.raises(SourceError, match=r"nothing of the file reaches the graph .*8 below the minimum score"):
        read(tmp_path, LINKS, min_score=901)


def test_detailed_channels(tmp_path: Path) -> None:
    parsed = read(tmp_path, f"{DETAILED}\n9606.ENSP01 9606.ENSP02 1 2 3 4 5 6 7 800\n")
    assert rows(parsed.frames["interactions"], *STRING_CHANNELS, "score") == [(1, 2, 3, 4, 5, 6, 7, 800)]


def test_full_channels_join_direct_and_transferred(tmp_path: Path) -> None:
    line = "9606.ENSP01 9606.ENSP02 0 50 2 3 978 97 74 477 0 500 300 41 41 800"
    frame = read(tmp_path, f"{FULL}\n{line}\n").frames["interactions"]
    (found,) = frame.select(STRING_CHANNELS).to_dicts()

    def both(one: int, other: int) -> int:
        a, b = ((score / 1000 - 0.041) / 0.959 for score in (one, other))
        joined = 1 - (1 - a) * (1 - b)
        return int((joined * 0.959 + 0.041) * 1000)

    assert found == {
        "neighborhood": 50,
        "fusion": 2,
        "cooccurence": 3,
        "coexpression": both(97, 74),
        "experiments": 477,
        "database": both(500, 300),
        "textmining": 41,
    }
    assert 97 < found["coexpression"] < 97 + 74


def test_orientations_that_disagree_keep_the_higher_score_whole(tmp_path: Path) -> None:
    lower, higher = "9606.ENSP01 9606.ENSP02 9 9 9 9 9 9 9 500", "9606.ENSP02 9606.ENSP01 1 2 3 4 5 6 7 800"
    parsed = read(tmp_path, f"{DETAILED}\n{lower}\n{higher}\n9606.ENSP01 9606.ENSP03 0 0 0 0 0 0 0 700\n")
    assert rows(parsed.frames["interactions"], "score", *STRING_CHANNELS)[1] == (800, 1, 2, 3, 4, 5, 6, 7)
    assert parsed.notes["orientations with different scores"] == 1
    assert parsed.notes["other orientation merged"] == 1
    once = read(tmp_path, f"{DETAILED}\n{lower}\n{higher}\n", min_score=501)
    assert once.notes["orientations with different scores"] == 0
    assert once.left_out == {"below the minimum score": 1}


def test_equal_scores_keep_the_highest_channels(tmp_path: Path) -> None:
    written = [(3, 1, 4), (3, 2, 1), (1, 9, 9), (3, 2, 0)]
    text = "".join(f"9606.ENSP01 9606.ENSP02 {a} {b} {c} 0 0 0 0 800\n" for a, b, c in written)
    frame = read(tmp_path, f"{DETAILED}\n{text}9606.ENSP02 9606.ENSP01 9 9 9 9 9 9 9 700\n").frames["interactions"]
    assert rows(frame, "score", *STRING_CHANNELS[:3]) == [(800, 3, 2, 1)]


def test_rows_of_other_species(tmp_path: Path) -> None:
    text = f"{LINKS}9606.ENSP01 10090.ENSP02 700\n10090.ENSP01 10090.ENSP03 700\n"
    parsed = read(tmp_path, text)
    assert parsed.left_out["other species"] == 2
    assert parsed.rows == read(tmp_path, LINKS).rows


def test_without_textmining(tmp_path: Path) -> None:
    #                                        n  nt f  c  hom  co  cot ex  ext db  dbt tm  tmt score
    supported = "9606.ENSP01 9606.ENSP02 0 0 0 300 500 0 0 600 0 0 0 900 0 999"
    mined = "9606.ENSP01 9606.ENSP03 0 0 0 0 0 0 0 0 0 0 0 900 0 900"
    weak = "9606.ENSP02 9606.ENSP03 0 0 0 0 0 100 0 0 0 0 0 900 0 901"
    text = "\n".join((FULL, supported, mined, weak, ""))
    with_it, without = read(tmp_path, text), read(tmp_path, text, textmining=False)
    assert with_it.frames["interactions"]["score"].to_list() == [999, 900, 901]
    cooccurence, experiments = ((score - 0.041) / 0.959 for score in (0.3, 0.6))
    score = int(1000 * (1 - (1 - cooccurence * 0.5) * (1 - experiments)) * 0.959 + 41)
    assert rows(without.frames["interactions"], "start", "end", "score", "experiments", "textmining") == [
        ("AAA1", "BBB1", score, 600, None)
    ]
    assert without.left_out == {"no evidence but text mining": 1, "below the minimum score": 1}
    assert without.rows + 2 == with_it.rows
    # The first row's own score is made up; the others are what their channels give.
    assert without.notes["combined score not that of the channels"] == 2
    assert rows(read(tmp_path, text, min_score=0, textmining=False).frames["interactions"], "score") == [
        (100,),
        (score,),
    ]


@pytest.mark.parametrize("links", [LINKS, f"{DETAILED}\n9606.ENSP01 9606.ENSP02 1 2 3 4 5 6 7 800\n"])
def test_without_textmining_the_full_file_is_needed(tmp_path: Path, links: str) -> None:
    with pytest.raises(SourceError, match=r"lacks the column .*links\.full"):
        read(tmp_path, links, textmining=False)


def test_versions_must_agree(tmp_path: Path) -> None:
    info = file_of(tmp_path, INFO, "9606.protein.info.v11.5.txt.gz")
    links = file_of(tmp_path, LINKS, "9606.protein.links.v12.0.txt.gz")
    with pytest.raises(SourceError, match=r"version 11\.5, its links file of 12\.0"):
        string.read(files("none", info=info, links=links), context())


def test_labels_of_ensembl_proteins_only(tmp_path: Path) -> None:
    info = INFO + "9606.GENE104\tDDD1\t0\tnone\n"
    labels = read(tmp_path, LINKS, info).frames["names"]
    assert rows(labels, "label", "symbol", "kind") == [
        ("ENSP01", "AAA1", "string"),
        ("ENSP02", "BBB1", "string"),
        ("ENSP03", "CCC1", "string"),
        ("ENSP11", "AAA1", "string"),
    ]


def test_proteins_of_other_species_and_repeated_ones(tmp_path: Path) -> None:
    info = INFO + "10090.ENSP01\tAAA1\t1\tmouse\n9606.ENSP01\tBBB1\t1\tagain\n"
    parsed = read(tmp_path, LINKS, info)
    assert reasons(parsed.rejections)[:2] == [
        (7, "the protein is not human (9606.)"),
        (8, "the protein is given twice"),
    ]


def test_a_file_without_links_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no row of the file is usable as STRING links"):
        read(tmp_path, "protein1 protein2 combined_score\n")
    with pytest.raises(SourceError, match="lacks the column combined_score"):
        read(tmp_path, "protein1 protein2\n")


links = st.tuples(st.sampled_from(["01", "02", "03", "11"]), st.sampled_from(["01", "02", "03"]), st.integers(0, 1000))
SYMBOL = {"01": "AAA1", "11": "AAA1", "02": "BBB1", "03": "CCC1"}


@given(st.lists(links, min_size=1, max_size=30), st.integers(0, 1000))
def test_against_a_slow_reference(tmp_path: Path, written: list[tuple[str, str, int]], min_score: int) -> None:
    text = "protein1 protein2 combined_score\n"
    text += "".join(f"9606.ENSP{one} 9606.ENSP{other} {score}\n" for one, other, score in written)
    best: dict[tuple[str, str], int] = {}
    for one, other, score in written:
        low, high = sorted((SYMBOL[one], SYMBOL[other]))
        if low != high and score >= min_score:
            best[low, high] = max(score, best.get((low, high), 0))
    if not best:
        with pytest.raises(SourceError, match="nothing of the file reaches the graph"):
            read(tmp_path, text, min_score=min_score)
        return
    parsed = read(tmp_path, text, min_score=min_score)
    assert rows(parsed.frames["interactions"], "start", "end", "score") == sorted(
        (low, high, score) for (low, high), score in best.items()
    )
    merged = sum(count for kind, count in parsed.notes.items() if kind.endswith("merged"))
    assert parsed.rows - 5 == len(best) + merged
    assert parsed.frames["interactions"].schema["score"] == pl.Int64


def test_the_real_file_without_textmining(shared: Path) -> None:
    """Its text mining is 0 throughout, so only the pairs that are known as "at least 800" and no more change."""
    folder = shared / "sources"
    names = hgnc.read(files("genes", folder / "hgnc/hgnc_complete_set.txt.gz"), BuildContext()).names
    found = files(
        "none",
        info=folder / "string/9606.protein.info.v12.0.txt.gz",
        links=folder / "string/9606.protein.links.full.v12.0.txt.gz",
    )
    with_it, without = (string.read(found, BuildContext(names, textmining=choice)) for choice in (True, False))
    assert without.left_out["no evidence but text mining"] == 72_670
    assert without.rows_read == with_it.rows_read
    keys = ["start", "end"]
    both = with_it.frames["interactions"].join(without.frames["interactions"], on=keys, suffix="_other")
    changed = both.filter(pl.col("score") != pl.col("score_other"))
    assert (changed["score"] == 800).all()
    assert (changed["score_other"] < 800).all()
    assert without.frames["interactions"]["textmining"].null_count() == without.frames["interactions"].height
    assert both.height == without.frames["interactions"].height < with_it.frames["interactions"].height
