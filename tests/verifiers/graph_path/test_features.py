"""Direction and sign of the parts of a gene pair, against the tables row by row and NetworkX path by path."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.graph_path.features import HUB_EXPONENT, REGULATION_STEP, PathParts
from rbio_kg.verifiers.graph_path.pair_parts import GenePairs
from tests.support.graphs import small_tables

Pairs = tuple[list[str], list[str], GenePairs]


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(5, genes=45)


@pytest.fixture(scope="module")
def signs(tables: GraphTables) -> dict[tuple[str, str], int]:
    return {(a, b): sign for a, b, sign in tables["regulations"].select("start", "end", "sign").iter_rows()}


@pytest.fixture(scope="module")
def pairs(tables: GraphTables, snapshot_dir: Path, signs: dict[tuple[str, str], int]) -> Pairs:
    """Regulations, the same turned round, and random pairs."""
    snapshot = Snapshot.open(snapshot_dir)
    rng = np.random.default_rng(0)
    symbols = tables["genes"]["symbol"].to_list()
    drawn = [(str(a), str(b)) for a, b in rng.choice(symbols, (150, 2)) if a != b]
    wanted = [*signs, *((b, a) for a, b in signs), *drawn]
    wanted = [(a, b) for a, b in wanted if a != b]
    left, right = ([pair[i] for pair in wanted] for i in (0, 1))
    found = PathParts(snapshot).genes(snapshot.genes.indices(left), snapshot.genes.indices(right), counts=True)
    return left, right, found


def test_regulations_have_a_direction_and_a_sign(pairs: Pairs, signs: dict[tuple[str, str], int]) -> None:
    left, right, found = pairs
    known = [signs.get(pair) for pair in zip(left, right, strict=True)]
    np.testing.assert_array_equal(found.regulation, [sign is not None for sign in known])
    np.testing.assert_array_equal(found.sign, [sign or 0 for sign in known])


def test_what_else_subject_and_object_do(pairs: Pairs, signs: dict[tuple[str, str], int]) -> None:
    left, right, found = pairs
    for i, (a, b) in enumerate(zip(left, right, strict=True)):
        of_a = [sign for (start, end), sign in signs.items() if start == a and end != b]
        of_b = [sign for (start, end), sign in signs.items() if end == b and start != a]
        assert found.is_regulator[i] == bool(of_a)
        assert found.subject_sign[i] == pytest.approx(sum(of_a) / (len(of_a) + 1))
        assert found.object_sign[i] == pytest.approx(sum(of_b) / (len(of_b) + 1))


def test_chains_run_from_subject_to_object(pairs: Pairs, signs: dict[tuple[str, str], int]) -> None:
    left, right, found = pairs
    graph = nx.DiGraph([pair for pair in signs if pair[0] != pair[1]])
    degree = {gene: sum(gene in pair for pair in signs) for gene in graph}
    one_way = 0
    for i, (a, b) in enumerate(zip(left, right, strict=True)):
        best = 0.0
        chains = nx.all_simple_paths(graph, a, b, cutoff=3) if a in graph and b in graph else []
        weights = {}
        for chain in chains:
            if len(chain) > 2:
                through = np.prod([degree[gene] ** -HUB_EXPONENT for gene in chain[1:-1]])
                weights[tuple(chain)] = REGULATION_STEP ** (len(chain) - 1) * float(through)
        best = max(weights.values(), default=0.0)
        assert found.cascade[i] == pytest.approx(best)
        products = {
            int(np.prod([signs[step] for step in itertools.pairwise(chain)]))
            for chain, weight in weights.items()
            if weight == pytest.approx(best)
        }
        assert found.cascade_sign[i] in (products or {0})
        assert found.cascade_activation[i] == found.cascade[i] * found.cascade_sign[i]
        one_way += bool(weights) and not (b in graph and a in graph and nx.has_path(graph, b, a))
    assert one_way > 0


def test_association_is_the_same_both_ways(pairs: Pairs, snapshot_dir: Path) -> None:
    left, right, found = pairs
    snapshot = Snapshot.open(snapshot_dir)
    back = PathParts(snapshot).genes(snapshot.genes.indices(right), snapshot.genes.indices(left), counts=True)
    for part in ("direct", "path", "two", "three", "term", "overlap", "pathway"):
        np.testing.assert_allclose(getattr(found, part), getattr(back, part), atol=1e-12)
    assert (found.cascade != back.cascade).any()
