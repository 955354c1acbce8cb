from __future__ import annotations

import numpy as np
import pytest

from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.link_predictor.features import FEATURES, LinkParts, features
from rbio_kg.verifiers.link_predictor.negatives import RELATIONS
from rbio_kg.verifiers.link_predictor.split import NEGATIVES, LinkSplit, containing_pathways, split_graph
from rbio_kg.verifiers.link_predictor.svd import latent_tables
from rbio_kg.verifiers.stats.negatives import is_known
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    directory = tmp_path_factory.mktemp("build") / "snapshot"
    write_snapshot(small_tables(5, genes=240), directory, "build-1")
    return Snapshot.open(directory)


@pytest.fixture(scope="module")
def split(snapshot: Snapshot) -> LinkSplit:
    return split_graph(snapshot, np.random.default_rng(0), test_share=0.1)


@pytest.fixture(scope="module")
def parts(split: LinkSplit) -> LinkParts:
    return LinkParts(split.graph, latent_tables(split.graph, 0))


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
def test_message_supervision_validation_and_test_are_disjoint(
    snapshot: Snapshot, split: LinkSplit, relation: str
) -> None:
    message, known, full = (entries(graph, relation) for graph in (split.graph, split.known, snapshot))
    held = (split.supervision[relation].true, split.validation[relation].true, split.test[relation])
    supervision, validation, test = (
        both_ways(set(zip(a.tolist(), b.tolist(), strict=True)), relation) for a, b in held
    )
    assert len(supervision) > 0
    assert len(validation) > 0
    assert len(test) > 0
    assert not supervision & validation
    assert not test & (supervision | validation)
    assert not supervision & message
    assert not (validation | test) & known, "neither there nor implied by what is"
    assert message < known < full
    assert supervision <= known
    assert validation | test <= full
    if relation in ("interacts_with", "regulates"):
        assert known | validation | test == full
    assert split.held[relation] >= len(split.validation[relation].true[0])


def test_a_pathway_implies_those_that_hold_all_its_genes(snapshot: Snapshot) -> None:
    count = len(snapshot.pathways)
    genes = [set(snapshot.pathway_genes.row(i)[0].tolist()) for i in range(count)]
    found = containing_pathways(snapshot.memberships, count)
    expected = {
        (i, j)
        for i in range(count)
        for j in range(count)
        if i != j and genes[i] and genes[i] <= genes[j] and (genes[i] < genes[j] or i < j)
    }
    assert set(zip(found.rows().tolist(), found.indices.tolist(), strict=True)) == expected


@pytest.mark.parametrize("relation", RELATIONS)
def test_false_pairs_are_false_in_the_whole_graph(snapshot: Snapshot, split: LinkSplit, relation: str) -> None:
    full = entries(snapshot, relation)
    for pairs in (split.supervision[relation], split.validation[relation]):
        false = pairs.labels == 0
        drawn = list(zip(pairs.a[false].tolist(), pairs.b[false].tolist(), strict=True))
        assert not set(drawn) & full
        assert relation in ("terms", "pathways") or all(a != b for a, b in drawn)
        assert {0, 1, 2} == set(pairs.kinds[false].tolist())
        assert (pairs.kinds[~false] == -1).all()
    # Nearly every gene is in the largest pathway: it has few false pairs to draw.
    fewest = 0.3 if relation == "pathways" else 0.8
    most = sum(NEGATIVES.values())
    assert fewest * most < false.sum() / (~false).sum() <= most


@pytest.mark.parametrize("relation", RELATIONS)
def test_all_pairs_are_counted(split: LinkSplit, relation: str) -> None:
    n = split.negatives
    a, b = (part.ravel() for part in np.meshgrid(n.subjects[relation], n.objects[relation]))
    false = ~is_known(n.known[relation], a, b)
    if relation in ("interacts_with", "regulates"):
        false &= a != b
    count = int(false.sum())
    assert n.all_pairs(relation) == (count // 2 if relation == "interacts_with" else count)


def test_hard_pairs_are_harder(split: LinkSplit, parts: LinkParts) -> None:
    pairs = split.supervision["interacts_with"]
    shared = features(parts, "interacts_with", pairs.a, pairs.b)[
        :, FEATURES["interacts_with"].index("common_neighbours")
    ]
    false = pairs.labels == 0
    assert shared[false & pairs.hard].mean() > shared[false & ~pairs.hard].mean()


@pytest.mark.parametrize("relation", RELATIONS)
def test_features_see_the_message_graph_only(split: LinkSplit, parts: LinkParts, relation: str) -> None:
    pairs = split.supervision[relation]
    columns = features(parts, relation, pairs.a, pairs.b)
    assert np.isfinite(columns).all()
    assert columns.shape == (len(pairs), len(FEATURES[relation]))
    if relation == "interacts_with":
        degrees = split.graph.interactions.degrees
        expected = np.log1p(degrees[pairs.a]) + np.log1p(degrees[pairs.b])
        np.testing.assert_allclose(columns[:, FEATURES[relation].index("degree_product")], expected)
        swapped = features(parts, relation, pairs.b, pairs.a)
        np.testing.assert_allclose(columns, swapped, atol=1e-6)


def test_the_same_seed_gives_the_same_split(snapshot: Snapshot, split: LinkSplit) -> None:
    again = split_graph(snapshot, np.random.default_rng(0), test_share=0.1)
    for relation in RELATIONS:
        np.testing.assert_array_equal(again.supervision[relation].a, split.supervision[relation].a)
        np.testing.assert_array_equal(again.validation[relation].b, split.validation[relation].b)
        np.testing.assert_array_equal(again.test[relation], split.test[relation])
