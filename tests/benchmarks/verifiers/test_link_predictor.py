"""The link predictor's benchmark, whole, on a small graph: every model, the tables, and a later graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from tests.support.graphs import small_tables

# PyKEEN and what it imports call what torch and others deprecate.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PEERS = ("common neighbours", "Adamic-Adar", "resource allocation", "degree product", "TransE", "ComplEx", "RotatE")


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One graph, and the same without a tenth of its annotations."""
    pytest.importorskip("pykeen", reason="PyKEEN comes with the bench extra")
    folder = tmp_path_factory.mktemp("snapshots")
    tables = small_tables(5, genes=240)
    write_snapshot(tables, folder / "new", "new")
    annotations = tables["annotations"]
    kept = np.random.default_rng(0).random(annotations.height) > 0.1
    fewer = GraphTables({**tables, "annotations": annotations.filter(kept)})
    write_snapshot(fewer, folder / "past", "past")
    return folder / "new", folder / "past"


def test_every_model_gets_the_same_questions(
    snapshots: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.verifiers import link_predictor, link_speed

    monkeypatch.setattr(link_speed, "PAIRS", 500)
    monkeypatch.setattr(link_predictor, "NATURAL_PAIRS", 2_000)
    monkeypatch.setenv("PYSTOW_HOME", str(tmp_path / "pystow"))
    arguments = [
        "--snapshot",
        str(snapshots[0]),
        "--folder",
        str(tmp_path),
        "--seeds",
        "0",
        "1",
        "--peer-seconds",
        "0.5",
    ]
    arguments += ["--questions", "20", "--candidates", "20", "--pairs", "40"]
    link_predictor.main([*arguments, "--json"])
    document = json.loads(capsys.readouterr().out)
    models = document["summary"]["interacts_with"]
    assert {"rbio-kg", *PEERS} <= set(models)
    for values in models.values():
        best, real, worst = (values[key]["mean"] for key in ("mrr optimistic", "mrr", "mrr pessimistic"))
        assert worst <= real <= best
        assert values["mrr"]["low"] <= real <= values["mrr"]["high"]
    run = document["runs"][0]
    assert run["rates"]["regulates"]["claims"]["clock"] > 0
    for part in run["relations"].values():
        assert 0 < part["calibration"]["base_rate"] < 0.2
        assert 0.2 < part["calibration"]["expected_over_observed"] < 5
    link_predictor.main(arguments)  # from the files of the first
    printed = capsys.readouterr().out
    assert "RotatE" in printed
    assert "ECE" in printed


def test_a_later_graph_asks_for_what_is_new(snapshots: tuple[Path, Path]) -> None:
    from benchmarks.verifiers.link_predictor import later

    new, past = (Snapshot.open(folder) for folder in snapshots)
    edges, known = later(past, new)
    a, b = edges["terms"]
    has = [set(past.closure.row(i)[0].tolist()) for i in range(len(past.genes))]
    expected = {
        (past.genes.index(new.genes.keys[gene]), past.terms.index(new.terms.keys[term]))
        for gene, term in zip(new.annotations.rows().tolist(), new.annotations.indices.tolist(), strict=True)
    }
    expected = {(gene, term) for gene, term in expected if gene >= 0 and term >= 0 and term not in has[gene]}
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == expected
    assert len(expected) > 10
    assert {(gene << 32) | term for gene, term in expected} <= set(known.tolist())


def test_peer_scores_are_pykeens_own(snapshots: tuple[Path, Path]) -> None:
    import torch
    from pykeen.models import model_resolver
    from pykeen.triples import CoreTriplesFactory

    from benchmarks.verifiers.link_peers import MODELS, scoring, triples, vocabulary
    from rbio_kg.verifiers.link_predictor.negatives import RELATIONS
    from rbio_kg.verifiers.link_predictor.split import split_graph

    known = split_graph(Snapshot.open(snapshots[0]), np.random.default_rng(0)).known
    words, table = vocabulary(known), triples(known)
    size = words.genes + words.terms + words.pathways
    factory = CoreTriplesFactory.create(torch.from_numpy(table), num_entities=size, num_relations=6)
    for name, settings in MODELS.items():
        model = model_resolver.make(name, settings["model"], triples_factory=factory, random_seed=0)
        tables = (
            part[0](indices=None).detach().numpy()
            for part in (model.entity_representations, model.relation_representations)
        )
        score = scoring(name, *tables, words)
        for number, relation in enumerate(RELATIONS):
            some = table[table[:, 1] == number][:25]
            a, b = some[:, 0], some[:, 2] - words.objects(relation)
            with torch.no_grad():
                expected = model.score_hrt(torch.from_numpy(some)).numpy()[:, 0]
                if relation == "interacts_with":
                    expected = expected + model.score_hrt(torch.from_numpy(some[:, ::-1].copy())).numpy()[:, 0]
            np.testing.assert_allclose(score(relation, a, b), expected, rtol=1e-4, atol=1e-4)
