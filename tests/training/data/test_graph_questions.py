"""Questions from the graph: balanced, without repeats and self-pairs, false against every edge, and scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import TrainingError
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.training.data.graph_questions import (
    GRAPH_FAMILIES,
    LEAST_EXPERIMENTS,
    LEAST_SCORE,
    SCHEMA,
    TEST_SHARE,
    available,
    graph_questions,
    held_out,
)
from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier
from tests.support.profiles import examples
from tests.support.random_graph import GENES, random_snapshot


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return random_snapshot(tmp_path_factory.mktemp("random"))


def edges(snapshot: Snapshot, name: str) -> dict[tuple[str, str], int]:
    """Every entry of a relation by its keys: the slow, obvious reference."""
    csr = getattr(snapshot, name)
    keys = {"closure": snapshot.terms, "memberships": snapshot.pathways}.get(name, snapshot.genes).keys
    return {
        (snapshot.genes.keys[row], keys[int(column)]): int(weight)
        for row in range(len(csr))
        for column, weight in zip(*csr.row(row), strict=True)
    }


@pytest.mark.parametrize("family", GRAPH_FAMILIES)
@settings(max_examples=examples(0.17))
@given(seed=st.integers(0, 2**31), rows=st.integers(20, 300))
def test_balanced_different_and_never_of_a_gene_with_itself(
    snapshot: Snapshot, family: str, seed: int, rows: int
) -> None:
    made = graph_questions(snapshot, family, rows=rows, seed=seed)
    assert dict(made.schema) == SCHEMA
    for _, part in made.group_by("relation", "split"):
        assert part["label"].mean() == 0.5
    assert not (made["subject"] == made["object"]).any()
    ends = [
        frozenset(pair) if family in ("physical", "functional") else pair
        for pair in made.select("subject", "object").rows()
    ]
    drawn = list(zip(made["relation"], ends, strict=True))
    assert len(set(drawn)) == len(drawn)
    assert made.equals(graph_questions(snapshot, family, rows=rows, seed=seed))
    test = dict(zip(snapshot.genes.keys, held_out(snapshot.genes.keys), strict=True))
    assert [test[name] for name in made["subject"]] == (made["split"] == "test").to_list()


@pytest.mark.parametrize("family", GRAPH_FAMILIES)
def test_labels_are_the_graphs_edges(snapshot: Snapshot, family: str) -> None:
    made = graph_questions(snapshot, family, rows=200, seed=3)
    linked, regulated = edges(snapshot, "interactions"), edges(snapshot, "regulates")
    member = {**edges(snapshot, "closure"), **edges(snapshot, "memberships")}
    channel = snapshot.channels[:, 4]
    for subject, relation, other, label in made.select("subject", "relation", "object", "label").rows():
        pair = (subject, other)
        if family in ("physical", "functional"):
            if family == "functional":
                assert (linked.get(pair, 0) >= LEAST_SCORE) == bool(label)
            else:
                place = snapshot.interactions.position(*(snapshot.genes.index(name) for name in pair))
                assert (place >= 0 and channel[place] >= LEAST_EXPERIMENTS) == bool(label)
            assert (pair in linked) == bool(label)  # weak pairs are neither a yes nor a no
        elif family == "membership":
            assert (pair in member) == bool(label)
        else:
            sign = {"regulates": None, "activates": 1, "represses": -1}[relation]
            known = pair in regulated if sign is None else regulated.get(pair) == sign
            assert known == bool(label)
            assert sign is None or regulated.get(pair, -sign) != 0  # an edge of unknown sign is never used


def test_signed_questions_are_also_of_the_other_sign(snapshot: Snapshot) -> None:
    made = graph_questions(snapshot, "regulation", rows=300, seed=0)
    regulated = edges(snapshot, "regulates")
    false = made.filter((pl.col("relation") == "activates") & (pl.col("label") == 0))
    signs = [regulated.get(pair) for pair in false.select("subject", "object").rows()]
    assert signs.count(-1) >= len(signs) // 3
    assert None in signs


@pytest.mark.parametrize("family", GRAPH_FAMILIES)
def test_a_verifier_scores_every_question(snapshot: Snapshot, family: str) -> None:
    made = graph_questions(snapshot, family, rows=200, seed=1)
    claims = [Claim(*row) for row in made.select("subject", "relation", "object").rows()]
    scores = GraphPathVerifier(snapshot.directory).score(claims)
    labels = made["label"].to_numpy()
    assert not np.isnan(scores).any()
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 0.2


@pytest.mark.parametrize("family", GRAPH_FAMILIES)
def test_the_subjects_degree_predicts_no_answer(snapshot: Snapshot, family: str) -> None:
    frames = [graph_questions(snapshot, family, rows=200, seed=seed) for seed in range(4)]
    made = pl.concat(frames)
    degree = snapshot.interactions.degrees[snapshot.genes.indices(made["subject"].to_list())].astype(float)
    true, false = (degree[made["label"].to_numpy() == label] for label in (1, 0))
    assert abs(true.mean() - false.mean()) < 0.35 * degree.std()


def test_genes_are_held_out_for_good() -> None:
    test = held_out(GENES)
    assert 0 < test.mean() < 2 * TEST_SHARE
    assert (held_out(GENES[::-1]) == test[::-1]).all()


def test_available_counts_the_possible_questions(snapshot: Snapshot) -> None:
    train = [name for name, out in zip(snapshot.genes.keys, held_out(snapshot.genes.keys), strict=True) if not out]
    linked = edges(snapshot, "interactions")
    strong = [pair for pair, score in linked.items() if score >= LEAST_SCORE and set(pair) <= set(train)]
    assert available(snapshot, "functional") == len(strong)  # the matrix has both directions: two for each pair


def test_reported_pairs_are_never_false_physical_ones(snapshot: Snapshot) -> None:
    linked = edges(snapshot, "interactions")
    apart = [(a, b) for a in GENES for b in GENES if a < b and (a, b) not in linked]
    reported = pl.DataFrame(apart[: int(0.9 * len(apart))], schema=["start", "end"], orient="row")
    made = graph_questions(snapshot, "physical", rows=400, seed=0, reported=reported)
    known = {frozenset(pair) for pair in reported.rows()}
    false = made.filter(pl.col("label") == 0).select("subject", "object").rows()
    assert false
    assert not known & {frozenset(pair) for pair in false}


def test_unknown_families_are_reported(snapshot: Snapshot) -> None:
    with pytest.raises(TrainingError, match=r"'de'.*functional"):
        graph_questions(snapshot, "de", rows=10, seed=0)


def test_a_graph_without_edges_has_nothing_to_ask(tmp_path: Path) -> None:
    from rbio_kg.graph.snapshot.snapshot import write_snapshot
    from tests.support.random_graph import random_tables

    tables = dict(random_tables())
    tables["regulations"] = tables["regulations"].clear()
    write_snapshot(tables, tmp_path / "bare", "bare")
    with pytest.raises(TrainingError, match="no facts for the family 'regulation'"):
        graph_questions(Snapshot.open(tmp_path / "bare"), "regulation", rows=10, seed=0)
