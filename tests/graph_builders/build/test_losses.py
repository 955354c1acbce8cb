from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import ConfigError, SourceError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.identity.gene_names import LABELS, UNRECOGNISED, GeneNames
from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.graph_builders.build.build import build_graph, build_id, build_tables
from rbio_kg.graph_builders.build.directory import find_sources
from rbio_kg.graph_builders.build.losses import Losses, LostName, check_losses, remarks
from rbio_kg.graph_builders.build.options import BuildOptions
from rbio_kg.graph_builders.parsing.names import Unmapped
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.parsing.rejections import Rejections
from tests.support.source_files.provider_files import SMALL, file_of

_ROWS = [("A", "A", "approved"), ("B", "B", "approved"), ("both", "A", "previous"), ("both", "B", "alias")]
NAMES = GeneNames.of(pl.DataFrame(_ROWS, schema=LABELS, orient="row"))
QUESTIONS = "pert,gene,label,split\n"


def parsed_with(unmapped: Unmapped, rows: int) -> ParsedSource:
    rejections = Rejections(Path("folder/file.txt"))
    rejections.seen = rows
    return ParsedSource({}, [rejections], unmapped=unmapped)


def test_lost_rows_are_counted_by_kind_and_name() -> None:
    unmapped = Unmapped()
    labels = ["x", "x", "both", "b", "A_sgRNA1", "nan", "A"]
    frame = pl.DataFrame({"label": labels, "symbol": [None] * 6 + ["A"]})
    unmapped.drop(frame, {"symbol": "label"})
    found = Losses.of(parsed_with(unmapped, 20), NAMES)
    assert (found.rows, found.kept, found.set_aside, found.total, found.share) == (6, 0, 0, 20, 0.3)
    assert (found.labels, found.ambiguous) == (5, 1)
    # `b` is B in another case, which this source did not take.
    assert found.kinds == {"missing": 1, "guide": 1, "ambiguous": 1, "unknown": 3}
    assert found.first == (
        LostName("x", 2, "unknown", ()),
        LostName("A_sgRNA1", 1, "guide", ("A",)),
        LostName("b", 1, "unknown", ("B",)),
        LostName("both", 1, "ambiguous", ("A", "B")),
        LostName("nan", 1, "missing", ()),
    )
    assert found.line("HERE") == (
        "warning: HERE: 6 of 20 rows (30.0%) name no gene (6 lost): 'x' (2 rows), 'A_sgRNA1' (1 row; A?), "
        "'b' (1 row; B?), 'both' (1 row; A or B?), 'nan' (1 row)"
    )


losses = st.builds(
    Losses,
    total=st.integers(1, 10**6),
    rows=st.integers(0, 10**5),
    kept=st.integers(0, 10**5),
    set_aside=st.integers(0, 10**5),
    applied=st.integers(0, 10**5),
    labels=st.integers(0, 50),
    ambiguous=st.integers(0, 50),
    kinds=st.dictionaries(st.sampled_from(UNRECOGNISED), st.integers(1, 99)),
    first=st.lists(
        st.builds(
            LostName,
            label=st.text(),
            rows=st.integers(1, 99),
            kind=st.sampled_from(UNRECOGNISED),
            candidates=st.lists(st.text(), max_size=3).map(tuple),
            place=st.none() | st.text(),
        ),
        max_size=4,
    ).map(tuple),
)


@given(losses)
def test_losses_read_back(found: Losses) -> None:
    assert Losses.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("rows", "warned", "refused"),
    [(0, False, False), (1, False, False), (20, False, False), (21, True, False), (200, True, False), (201, True, True),
     (1000, True, True)],
)  # fmt: skip
def test_limits(rows: int, warned: bool, refused: bool) -> None:
    lost = Losses(1000, rows, 0, 0, 0, 1, 0, {"unknown": rows}, (LostName("x", rows, "unknown", ()),))
    assert [line.startswith("warning: ") for line in remarks({"S": lost})] == [warned]
    if not refused:
        check_losses({"S": lost}, 0.2)
        return
    with pytest.raises(SourceError) as caught:
        check_losses({"S": lost}, 0.2)
    assert f"S: {rows:,} of 1,000 rows" in str(caught.value)
    assert "--max-unrecognised" in str(caught.value)
    assert "--accept-suggestions" not in str(caught.value)
    check_losses({"S": lost}, 1.0)


@pytest.mark.parametrize("most", [-0.1, 1.5, float("nan")])
def test_a_share_out_of_range(most: float) -> None:
    with pytest.raises(ConfigError, match="largest share of unrecognised names must be between 0 and 1"):
        BuildOptions(names=NameRules(most=most))


def guides_for(sources: Path) -> str:
    """Questions in which every perturbation is named after a guide."""
    rows = ["AAA1_sgRNA1,BBB1,1,train", "sgAAA1-2,CCC1,0,train", "BBB1_guide3,CCC1,1,test", "BBB1+ctrl,AAA1,0,test"]
    file_of(sources / "perturbqa", QUESTIONS + "\n".join(rows), "k562-de.csv")
    (sources / "perturbqa" / "k562-dir.csv").unlink()
    for folder in ("wikipathways", "hpa", "extra"):  # A row of each names no gene, a large share of a few rows.
        (sources / folder).rename(sources.parent / folder)
    return rows[0]


def test_a_source_of_unknown_names_is_refused_before_anything_is_written(sources: Path, paths: WorkspacePaths) -> None:
    guides_for(sources)
    with pytest.raises(SourceError) as caught:
        build_graph(paths, sources)
    message = str(caught.value)
    assert "PerturbQA: 4 of 4 rows (100.0%) name no gene (4 kept under the name as it is)" in message
    assert "'AAA1_sgRNA1' (1 row; AAA1?; perturbqa/k562-de.csv, line 2)" in message
    assert "accept the suggestions (--accept-suggestions) or allow more (--max-unrecognised)" in message
    assert not paths.current_build.exists()
    allowed = build_graph(paths, sources, BuildOptions(names=NameRules(most=1)))
    assert allowed.relationships["KNOCKDOWN_CHANGES"] == 0
    # The build is there now; the same command still refuses it.
    with pytest.raises(SourceError, match="PerturbQA: 4 of 4 rows"):
        build_graph(paths, sources)


def test_accepted_suggestions_are_counted_and_make_another_build(sources: Path, paths: WorkspacePaths) -> None:
    guides_for(sources)
    allowed = build_graph(paths, sources, BuildOptions(names=NameRules(most=1)))
    accepted = build_graph(paths, sources, BuildOptions(names=NameRules(accept=True)))
    assert accepted.build_id != allowed.build_id
    assert set(accepted.kept) >= {"HGNC", "GO", "STRING"}
    assert "PerturbQA" not in accepted.kept
    assert accepted.losses["PerturbQA"].applied == 4
    assert accepted.losses["PerturbQA"].share == 0
    assert accepted.relationships["KNOCKDOWN_CHANGES"] == 1
    assert "PerturbQA: suggested genes were taken in 4 rows" in list(remarks(accepted.losses))


def test_options_that_change_no_graph_change_no_id(sources: Path) -> None:
    found = find_sources(sources)
    identity = build_id(found, BuildOptions().recorded)
    assert build_id(found, BuildOptions(names=NameRules(most=0.5)).recorded) == identity
    assert build_id(found, BuildOptions(names=NameRules(accept=True)).recorded) != identity


def test_what_is_kept_in_the_cache_is_told_again(sources: Path, paths: WorkspacePaths) -> None:
    file_of(sources / "perturbqa", QUESTIONS + "AAA1,BBB1,1,train\nnan,BBB1,0,train\nX9,BBB1,1,test\n", "k562-de.csv")
    first = build_graph(paths, sources, SMALL)
    again = build_graph(paths, sources, replace(SMALL, min_score=500))
    assert "PerturbQA" in again.kept
    assert again.losses["PerturbQA"] == first.losses["PerturbQA"]
    found = first.losses["PerturbQA"]
    assert (found.kept, found.set_aside, found.kinds) == (1, 1, {"missing": 1, "unknown": 1})
    source = first.source("PerturbQA")
    assert source is not None
    assert source.left_out == {"rows without a gene": 1}


def test_every_source_without_losses_has_none(sources: Path) -> None:
    _, manifest = build_tables(sources)
    assert set(manifest.losses) == {source.name for source in manifest.sources} - {"HGNC", "GO"}
    for name, found in manifest.losses.items():
        assert bool(found.labels) == bool(found.rows or found.kept or found.set_aside), name
