"""Results of `build` and `stats`: they read back, and are the documents of the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rbio_kg
from rbio_kg.graph_builders.build.losses import Losses, LostName
from rbio_kg.services.build import BuildResult, Digests, GraphCounts, GraphStats, ImportFiles, Reused, graph_stats
from tests.support.commands import invoke

LOSSES = Losses(
    total=20,
    rows=2,
    kept=1,
    set_aside=1,
    applied=3,
    labels=2,
    ambiguous=1,
    kinds={"control": 1, "ambiguous": 3},
    first=(
        LostName("TAZ", 3, "ambiguous", ("TAFAZZIN", "WWTR1"), "perturbqa/k562-de.csv, line 7"),
        LostName("AP1", 1, "unknown", ()),
    ),
)
LOADED = BuildResult(
    build_id="0123456789abcdef",
    sources="/data/sources",
    nodes={"Gene": 3},
    relationships={"INTERACTS_WITH": 2},
    rejected_rows=1,
    losses={"CollecTRI": LOSSES},
    unclaimed_files=("extra/other.tsv",),
    readings_kept=("HGNC",),
    seconds={"read": 1.5, "store": 0.25},
    simulated=True,
    store="embedded:/data/store",
    reused=Reused(tables=True, store=False),
    updated=7,
)
EXPORTED = replace(LOADED, store=None, updated=None, files=ImportFiles(("/out/a.csv", "/out/b.csv"), "neo4j-admin x"))
COUNTED = GraphCounts("0123456789abcdef", {"Gene": 3}, {"INTERACTS_WITH": 2})
STATS = GraphStats("bolt://localhost", COUNTED, {"Run": 0}, replace(COUNTED, nodes={"Gene": 4}), agrees=False)
DIGESTED = replace(STATS, manifest=COUNTED, agrees=True, digest=Digests("ab" * 32, "ab" * 32))


@pytest.mark.parametrize("result", [LOADED, EXPORTED, STATS, DIGESTED])
def test_a_result_reads_back(result: BuildResult | GraphStats) -> None:
    document = json.loads(json.dumps(result.to_json()))
    assert type(result).from_json(document) == result
    assert type(result).from_json(document | {"further": 1}) == result


def test_names_that_are_no_gene_are_reported_by_source() -> None:
    document = LOADED.to_json()
    assert document["unrecognised"] == {"CollecTRI": {"control": 1, "ambiguous": 3}}
    reported = document["unmapped"]["CollecTRI"]
    assert (reported["rows"], reported["kept"], reported["set_aside"], reported["share"]) == (2, 1, 1, 0.2)
    assert reported["first"][0]["candidates"] == ["TAFAZZIN", "WWTR1"]
    assert document["unclaimed_files"] == ["extra/other.tsv"]


def test_a_build_for_a_store_names_no_files() -> None:
    assert not {"files", "command"} & set(LOADED.to_json())
    assert {"files", "command"} < set(EXPORTED.to_json())
    assert "digest" not in STATS.to_json()


def test_python_and_the_command_give_the_same(built: tuple[Path, dict[str, Any]]) -> None:
    folder, document = built
    assert BuildResult.from_json(document).to_json() == document
    with rbio_kg.Workspace(folder) as workspace:
        found = graph_stats(workspace, digest=True)
        again = workspace.build()
    assert found.agrees
    assert found.digest is not None and found.digest.store == found.digest.tables
    assert found.to_json() == invoke(folder, "stats", "--digest")
    assert again.build_id == document["build_id"]
    assert again.reused == Reused(tables=True, store=True)
