"""Sister relations: which pairs have one, that the metrics report them, and that a split can keep them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.link_predictor.fit import fit_link_predictor
from rbio_kg.verifiers.link_predictor.sisters import SISTERS, sister_masks, sister_report
from rbio_kg.verifiers.link_predictor.split import split_graph
from tests.support.graphs import small_tables


def opened(tables: GraphTables, folder: Path) -> Snapshot:
    write_snapshot(tables, folder / "snapshot", "build-1")
    return Snapshot.open(folder / "snapshot")


def planted(seed: int, share: float) -> GraphTables:
    """A graph in which a share of the interactions also have a regulation, and no other interaction has one."""
    tables = small_tables(seed, genes=240)
    interactions = tables["interactions"]
    chosen = interactions.sample(round(share * len(interactions)), seed=seed)
    rows = chosen.select("start", "end").with_columns(
        sign=pl.lit(1, dtype=pl.Int64), references=pl.lit(["1"]), source=pl.lit("collectri")
    )
    ends = interactions.select("start", "end")
    either = pl.concat([ends, ends.select(start="end", end="start")])
    others = tables["regulations"].join(either, on=["start", "end"], how="anti")
    regulations = pl.concat([others, rows.select(others.columns).cast(dict(others.schema))]).sort("start", "end")
    return GraphTables({**tables, "regulations": regulations})


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return opened(planted(5, 0.3), tmp_path_factory.mktemp("some"))


@pytest.mark.parametrize("relation", SISTERS)
def test_the_pairs_with_a_sister_are_those_of_a_slow_search(snapshot: Snapshot, relation: str) -> None:
    genes = len(snapshot.genes)
    a, b = (part.ravel().astype(np.int32) for part in np.meshgrid(np.arange(genes), np.arange(genes)))
    masks = sister_masks(snapshot, relation, a, b)
    assert tuple(masks) == SISTERS[relation]
    regulates = {(i, int(j)) for i in range(genes) for j in snapshot.regulates.row(i)[0]}
    interacts = {(i, int(j)) for i in range(genes) for j in snapshot.interactions.row(i)[0]}
    sets = [
        set(csr.row(i)[0].tolist()) for csr in (snapshot.pathway_genes, snapshot.term_genes) for i in range(len(csr))
    ]
    two = [members for members in sets if len(members) == 2]
    for x, y, *found in zip(a.tolist(), b.tolist(), *(mask.tolist() for mask in masks.values()), strict=True):
        regulated = (x, y) in regulates or (y, x) in regulates
        other = regulated if relation == "interacts_with" else (x, y) in interacts
        expected = {"other_relation": other, "other_direction": (y, x) in regulates, "two_gene_sets": {x, y} in two}
        assert dict(zip(masks, found, strict=True)) == {kind: expected[kind] for kind in masks}, (x, y)


def test_a_two_gene_pathway_is_a_sister(tmp_path: Path) -> None:
    tables = small_tables(5, genes=240)
    pathway = {"id": "TWO", "name": "two genes", "source": tables["pathways"]["source"][0]}
    rows = [
        {"start": gene, "end": "TWO", "direct": True, "source": pathway["source"]} for gene in ("GENE003", "GENE007")
    ]
    frames = dict(tables)
    for name, more in (("pathways", [pathway]), ("memberships", rows)):
        frames[name] = pl.concat(
            [frames[name], pl.DataFrame(more, schema_overrides=frames[name].schema)], how="diagonal"
        )
    graph = opened(GraphTables(frames), tmp_path)
    first, second, third = (
        np.array([graph.genes.index(name)], dtype=np.int32) for name in ("GENE003", "GENE007", "GENE009")
    )
    for relation in SISTERS:
        assert sister_masks(graph, relation, second, first)["two_gene_sets"].tolist() == [True]
        assert sister_masks(graph, relation, first, third)["two_gene_sets"].tolist() == [False]


def test_a_link_to_a_term_has_no_sister(snapshot: Snapshot) -> None:
    pair = np.zeros(1, dtype=np.int32)
    assert sister_masks(snapshot, "terms", pair, pair) == {}
    assert sister_masks(snapshot, "pathways", pair, pair) == {}


def test_the_report_counts_true_pairs_only() -> None:
    masks = {"one": np.array([True, False, False, True]), "two": np.array([True, True, False, False])}
    shares, alone = sister_report(masks, np.array([1, 1, 1, 0]))
    assert shares == pytest.approx({"one": 1 / 3, "two": 2 / 3, "any": 2 / 3})
    assert alone.tolist() == [False, False, True, False]


def test_planted_sisters_are_reported_and_the_metrics_without_them_are_lower(tmp_path: Path) -> None:
    found: dict[float, Any] = {}
    for share in (0.0, 0.5):
        graph = opened(planted(5, share), tmp_path / str(share))
        found[share] = fit_link_predictor(graph, tmp_path / f"model-{share}", seed=2)["interacts_with"]
    bare, sisters = found[0.0]["sisters"], found[0.5]["sisters"]
    assert bare["other_relation"] == 0.0
    assert bare["without"]["positives"] + round(bare["any"] * found[0.0]["positives"]) == found[0.0]["positives"]
    assert sisters["other_relation"] == pytest.approx(0.5, abs=0.15)
    assert sisters["any"] >= max(sisters["other_relation"], sisters["two_gene_sets"])
    assert found[0.5]["auroc"] > found[0.0]["auroc"] + 0.05
    assert sisters["without"]["auroc"] < found[0.5]["auroc"] - 0.05
    assert sisters["without"]["rows"] < found[0.5]["rows"]


def test_a_split_can_keep_all_relations_of_two_genes_together(snapshot: Snapshot) -> None:
    split = split_graph(snapshot, np.random.default_rng(0), test_share=0.1, sisters_together=True)
    held = [
        {frozenset(pair) for pairs in (part["interacts_with"], part["regulates"]) for pair in zip(*pairs, strict=True)}
        for part in (
            {name: pairs.true for name, pairs in split.supervision.items()},
            {name: pairs.true for name, pairs in split.validation.items()},
            split.test,
        )
    ]
    graph = split.graph
    message = {
        frozenset((int(a), int(b)))
        for csr in (graph.interactions, graph.regulates)
        for a, b in zip(csr.rows(), csr.indices, strict=True)
    }
    groups = [message, *({frozenset(map(int, pair)) for pair in part} for part in held)]
    assert all(groups)
    assert not any(one & other for i, one in enumerate(groups) for other in groups[:i])
