from __future__ import annotations

import numpy as np
import pytest

from rbio_kg.graph.snapshot import Snapshot, write_snapshot
from tests.graphs import small_tables
from verifiers.link_features import FEATURES, features
from verifiers.link_split import NEGATIVES, RELATIONS, LinkSplit, split_graph
from verifiers.path_parts import PathParts


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    directory = tmp_path_factory.mktemp("build") / "snapshot"
    write_snapshot(small_tables(5, genes=240), directory, "build-1")
    return Snapshot.open(directory)


@pytest.fixture(scope="module")
def split(snapshot: Snapshot) -> LinkSplit:
    return split_graph(snapshot, np.random.default_rng(0))


def entries(graph: object, relation: str) -> set[tuple[int, int]]:
    """All true pairs, both ways where the relation has no direction."""
    name = {"interacts_with": "interactions", "regulates": "regulates", "terms": "closure", "pathways": "memberships"}[
        relation
    ]
    csr = getattr(graph, name)
    return set(zip(csr.rows().tolist(), csr.indices.tolist(), strict=True))


def both_ways(pairs: set[tuple[int, int]], relation: str) -> set[tuple[int, int]]:
    return pairs | {(b, a) for a, b in pairs} if relation == "interacts_with" else pairs


@pytest.mark.parametrize("relation", RELATIONS)
def test_message_supervision_and_validation_are_disjoint(snapshot: Snapshot, split: LinkSplit, relation: str) -> None:
    message, full = entries(split.graph, relation), entries(snapshot, relation)
    true = []
    for pairs in (split.supervision[relation], split.validation[relation]):
        positive = pairs.labels == 1
        true.append(both_ways(set(zip(pairs.a[positive].tolist(), pairs.b[positive].tolist(), strict=True)), relation))
    assert len(true[0]) > len(true[1]) > 0
    assert not true[0] & true[1]
    assert not (true[0] | true[1]) & message
    assert true[0] | true[1] | message == full


@pytest.mark.parametrize("relation", RELATIONS)
def test_false_pairs_are_false_in_the_whole_graph(snapshot: Snapshot, split: LinkSplit, relation: str) -> None:
    full = entries(snapshot, relation)
    for pairs in (split.supervision[relation], split.validation[relation]):
        false = pairs.labels == 0
        drawn = list(zip(pairs.a[false].tolist(), pairs.b[false].tolist(), strict=True))
        assert not set(drawn) & full
        assert relation in ("terms", "pathways") or all(a != b for a, b in drawn)
        # Nearly every gene is in the largest pathway: it has few false pairs to draw.
        fewest = 0.3 if relation == "pathways" else 0.8
        assert fewest * NEGATIVES < false.sum() / (~false).sum() <= NEGATIVES
        assert 0.25 < pairs.hard[false].mean() < 0.75
        assert not pairs.hard[~false].any()


def test_hard_pairs_are_harder(split: LinkSplit) -> None:
    pairs = split.supervision["interacts_with"]
    shared = features(PathParts(split.graph), "interacts_with", pairs.a, pairs.b)[
        :, FEATURES["interacts_with"].index("common_neighbours")
    ]
    false = pairs.labels == 0
    assert shared[false & pairs.hard].mean() > shared[false & ~pairs.hard].mean()


@pytest.mark.parametrize("relation", RELATIONS)
def test_features_see_the_message_graph_only(split: LinkSplit, relation: str) -> None:
    pairs = split.supervision[relation]
    columns = features(PathParts(split.graph), relation, pairs.a, pairs.b)
    assert np.isfinite(columns).all()
    assert columns.shape == (len(pairs), len(FEATURES[relation]))
    if relation == "interacts_with":
        degrees = split.graph.interactions.degrees
        expected = np.log1p(degrees[pairs.a]) + np.log1p(degrees[pairs.b])
        np.testing.assert_allclose(columns[:, FEATURES[relation].index("degree_product")], expected)
        swapped = features(PathParts(split.graph), relation, pairs.b, pairs.a)
        np.testing.assert_allclose(columns, swapped, atol=1e-12)


def test_the_same_seed_splits_alike(snapshot: Snapshot, split: LinkSplit) -> None:
    again = split_graph(snapshot, np.random.default_rng(0))
    for relation in RELATIONS:
        np.testing.assert_array_equal(again.supervision[relation].a, split.supervision[relation].a)
        np.testing.assert_array_equal(again.validation[relation].b, split.validation[relation].b)
