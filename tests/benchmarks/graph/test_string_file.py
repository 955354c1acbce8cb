from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.graph.string_file import INFO_NAME, LINKS_NAME, write_files
from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph_builders.sources.string import links as string
from tests.graph_builders.sources.string.test_scores import slow
from tests.support.source_files.provider_files import INFO, context, file_of, files


def written(folder: Path, proteins: int, pairs: int, seed: int = 0, info: Path | None = None) -> list[list[str]]:
    write_files(folder, proteins, pairs, seed, info)
    text = gzip.decompress((folder / "string" / LINKS_NAME).read_bytes()).decode()
    return [line.split(" ") for line in text.removesuffix("\n").split("\n")]


def test_every_pair_both_ways_with_the_score_that_its_channels_give(tmp_path: Path) -> None:
    header, *rows = written(tmp_path, 60, 300)
    pairs = {(one, other): cells for one, other, *cells in rows}
    assert len(rows) == len(pairs) == 600
    assert all(pairs[other, one] == cells and one != other for (one, other), cells in pairs.items())
    firsts = [row[0] for row in rows]
    assert firsts == sorted(firsts)
    for row in rows:
        cells = dict(zip(header[2:], map(int, row[2:]), strict=True))
        assert cells["combined_score"] == slow(cells, STRING_CHANNELS) >= 150
        assert max(cells.values()) <= 1000
    info = gzip.decompress((tmp_path / "string" / INFO_NAME).read_bytes()).decode().splitlines()
    assert info[0].split("\t") == ["#string_protein_id", "preferred_name", "protein_size", "annotation"]
    assert {row[0] for row in rows} <= {line.split("\t")[0] for line in info[1:]}
    assert len(info) == 61


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        write_files(tmp_path / name, 60, 300, seed)
    one, two, three = ((tmp_path / name / "string" / LINKS_NAME).read_bytes() for name in ("one", "two", "three"))
    assert one == two != three


def test_degrees_and_scores_are_skewed(tmp_path: Path) -> None:
    _, *rows = written(tmp_path, 2000, 20_000)
    degrees = Counter(row[0] for row in rows)
    assert max(degrees.values()) > 5 * 20
    assert sorted(degrees.values())[len(degrees) // 2] < 20
    scores = sorted(int(row[-1]) for row in rows)
    assert 150 <= scores[0] < 160
    assert scores[len(scores) // 2] < 250
    assert 0.1 < sum(score >= 400 for score in scores) / len(scores) < 0.2
    assert 0.02 < sum(score >= 700 for score in scores) / len(scores) < 0.06


def test_the_builder_reads_it(tmp_path: Path) -> None:
    info = file_of(tmp_path, INFO)
    written(tmp_path, 0, 4, info=info)
    folder = tmp_path / "string"
    reading = string.read(files("none", info=folder / INFO_NAME, links=folder / LINKS_NAME), context(min_score=0))
    assert reading.version == "12.0"
    assert reading.rows_read == 5 + 8
    assert reading.rejected == 0
    assert reading.notes["other orientation merged"] == (reading.rows - 5) / 2


def test_more_pairs_than_can_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="give 1 to 22"):
        write_files(tmp_path, 10, 23, 0)


def test_the_real_header(shared: Path, tmp_path: Path) -> None:
    header, *_ = written(tmp_path, 10, 5)
    for name, mine in ((LINKS_NAME, " ".join(header)), (INFO_NAME, None)):
        with gzip.open(shared / "sources/string" / name, "rt", encoding="utf-8") as stream:
            first = stream.readline().rstrip("\n")
        with gzip.open(tmp_path / "string" / name, "rt", encoding="utf-8") as stream:
            assert stream.readline().rstrip("\n") == first == (mine or first)
