"""The labelled sentences: well formed, and read as well as is claimed by the real names of genes and terms."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.verifiers.reasoning_trace import HALVES, LABELS, measure, read_labels, with_synonyms
from rbio_kg.core.claims import IF_CHANGED, Relation
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.graph_builders.build.build import build_tables
from rbio_kg.verifiers.text.statements import StatementChecker

PROSE = LABELS.with_name("statements_prose.tsv")


def test_the_set_is_large_varied_and_in_two_halves() -> None:
    rows = read_labels()
    assert len({row.sentence for row in rows}) == len(rows) >= 400
    for half in HALVES:
        chosen = [row for row in rows if row.half == half]
        assert len(chosen) > 0.4 * len(rows)
        # A sentence says that something rises, never that it does if it changes: only questions do.
        stated = {relation for row in chosen for (_, relation, _, _), _ in row.statements}
        assert stated == set(Relation) - IF_CHANGED
        assert {row.phenomenon for row in chosen} == {row.phenomenon for row in rows}


def test_the_further_sentences_are_new_and_in_two_halves() -> None:
    rows = read_labels(PROSE)
    assert len({row.sentence for row in rows}) == len(rows) >= 150
    assert not {row.sentence for row in rows} & {row.sentence for row in read_labels()}
    assert all(0.4 * len(rows) < sum(row.half == half for row in rows) for half in HALVES)


@pytest.mark.slow
def test_both_halves_are_read_well(shared: Path, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in ("hgnc", "go", "reactome", "string"):
        (sources / name).symlink_to(shared / "sources" / name)
    tables, _ = build_tables(sources)
    folder = with_synonyms(tables, shared / "sources" / "go" / "2019" / "go.obo.gz", tmp_path)
    checker = StatementChecker(Snapshot.open(folder))
    for half in HALVES:
        quality = measure(read_labels(), checker, half, seed=0, errors=False)
        assert quality["f1"] > 0.9
        assert quality["by_phenomenon"]["none"]["read"] <= 1
    further = read_labels(PROSE)
    assert measure(further, checker, "tuning", seed=0, errors=False)["f1"] > 0.95
    assert measure(further, checker, "held-out", seed=0, errors=False)["f1"] > 0.85
