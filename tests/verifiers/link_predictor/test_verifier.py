from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import ModelError, SnapshotError, VerifierError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.verifiers.link_predictor.features import features
from rbio_kg.verifiers.link_predictor.model import LinkModel
from rbio_kg.verifiers.link_predictor.split import split_graph
from rbio_kg.verifiers.link_predictor.verifier import LinkPredictorVerifier, fit_link_predictor
from rbio_kg.verifiers.stats.negatives import is_known, keys_of
from tests.contracts.verifier import VerifierContract, assert_directions_sum_to_the_change
from tests.support.graphs import small_tables
from tests.support.locations import ROOT
from tests.verifiers.graph_path.test_verifier import mixed_claims

EPOCHS = 15
NATURAL_CLAIMS = ("interacts_with", "changes_expression_of")


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(5, genes=240)


@pytest.fixture(scope="module")
def fitted(
    tables: GraphTables, snapshot_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[float | None]]:
    directory = tmp_path_factory.mktemp("models") / "link_predictor"
    shares: list[float | None] = []
    metrics = fit_link_predictor(
        snapshot_dir,
        directory,
        questions=tables["questions"],
        seed=2,
        epochs=EPOCHS,
        progress=lambda message, share: shares.append(share),
    )
    return directory, metrics, shares


class TestLinkPredictor(VerifierContract):
    @pytest.fixture
    def verifier(self, fitted: tuple[Path, Any, Any]) -> Verifier:
        return LinkPredictorVerifier(fitted[0])

    @pytest.fixture
    def claims(self, tables: GraphTables) -> list[Claim]:
        return mixed_claims(tables)[::3]


def test_metrics_stand_beside_their_baselines(fitted: tuple[Path, dict[str, Any], Any]) -> None:
    metrics = fitted[1]
    assert metrics["loss"][-1] < metrics["loss"][0]
    assert {"interacts_with", "terms", "changes"} <= set(metrics)
    measured = metrics["interacts_with"]
    for kind in ("random", "degree", "two_hop", "hard"):
        assert {"model", "common_neighbours", "adamic_adar", "resource_allocation", "degree_product"} <= set(
            measured[kind]
        )
    # Who of a community interacts is drawn at random here, so only a little can be predicted.
    assert measured["random"]["model"]["auroc"] > 0.6
    assert measured["base_rate"] == pytest.approx(0.2, abs=0.03)
    assert measured["rows"] == pytest.approx(5 * measured["positives"], rel=0.1)
    json.dumps(metrics, allow_nan=False)


def test_progress_rises_to_one(fitted: tuple[Path, Any, list[float | None]]) -> None:
    shares = [share for share in fitted[2] if share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_interaction_has_no_direction_and_directions_share_out_the_change(
    fitted: tuple[Path, Any, Any], tables: GraphTables
) -> None:
    verifier = LinkPredictorVerifier(fitted[0])
    pairs = [
        (a, b) for a, b in tables["questions"].select("pert", "gene").unique().sort("pert", "gene").head(40).iter_rows()
    ]
    forward = verifier.score([Claim(a, "interacts_with", b) for a, b in pairs])
    np.testing.assert_array_equal(forward, verifier.score([Claim(b, "interacts_with", a) for a, b in pairs]))
    assert_directions_sum_to_the_change(verifier, [(a, b, "k562") for a, b in pairs])


def test_natural_probabilities_add_up_to_the_edges_there_are(
    fitted: tuple[Path, Any, Any], snapshot_dir: Path, tables: GraphTables
) -> None:
    snapshot = Snapshot.open(snapshot_dir)
    split = split_graph(snapshot, np.random.default_rng(2))
    model = LinkModel.read(fitted[0])
    for name in ("interacts_with", "regulates"):
        subjects, objects = split.negatives.subjects[name], split.negatives.objects[name]
        a, b = (part.ravel() for part in np.meshgrid(subjects, objects))
        known = model.graph.interactions if name == "interacts_with" else model.graph.regulates
        ask = ~is_known(keys_of(known), a, b) & ((a < b) if name == "interacts_with" else (a != b))
        expected = model.probabilities(name, a[ask], b[ask], natural=True).sum()
        assert expected == pytest.approx(split.held[name], rel=0.35)
        assert (model.probabilities(name, a[ask], b[ask]) > 0.05).mean() > 0.5, "at one in five they are no rarities"
    genes = sorted({symbol for symbol, *_ in tables["questions"].select("pert").iter_rows()})[:30]
    claims = [Claim(genes[0], relation, gene, "k562") for gene in genes[1:] for relation in NATURAL_CLAIMS]
    usual, natural = (LinkPredictorVerifier(fitted[0], natural=choice) for choice in (False, True))
    structural = np.array([claim.relation == "interacts_with" for claim in claims])
    assert (natural.score(claims)[structural] < usual.score(claims)[structural]).all()
    np.testing.assert_array_equal(natural.score(claims)[~structural], usual.score(claims)[~structural])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(natural)).score(claims), natural.score(claims))
    assert "drawn from all" in natural.card.limits


def test_numpy_scores_as_torch_does(fitted: tuple[Path, Any, Any]) -> None:
    import torch

    from rbio_kg.verifiers.link_predictor.decoder import Decoder

    model = LinkModel.read(fitted[0])
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, len(model.graph.interactions), (2, 50)).astype(np.int32)
    for name in ("interacts_with", "regulates"):
        columns = features(model.parts, name, a, b)
        weights = model.decoders[name]
        width, hidden = weights["subject"].shape[0], weights["mix"].shape[1]
        decoder = Decoder(width, hidden, columns.shape[1], symmetric=name == "interacts_with").double()
        with torch.no_grad():
            for key, layer in (("subject", decoder.subject), ("object", decoder.object)):
                scale = decoder.gain if key == "subject" and name != "interacts_with" else 1.0
                layer.weight.copy_(torch.tensor(weights[key].T / scale))
            for key in ("mix", "inner", "out"):
                layer = getattr(decoder, key)
                layer.weight.copy_(torch.tensor(np.atleast_2d(weights[key].T)))
                layer.bias.copy_(torch.tensor(np.array(weights[f"{key}_bias"])))
            decoder.skip.weight.copy_(torch.tensor(np.array(weights["skip"])[None, :]))
            scaled = (columns - model.scaling[name][0]) / model.scaling[name][1]
            ends = (torch.from_numpy(model.embeddings["gene"][x].astype(np.float64)) for x in (a, b))
            expected = decoder(*ends, torch.from_numpy(scaled)).numpy()
        np.testing.assert_allclose(model.log_odds(name, a, b), expected, atol=1e-6)


def test_many_pairs_score_as_few_do(fitted: tuple[Path, Any, Any]) -> None:
    model, rng = LinkModel.read(fitted[0]), np.random.default_rng(0)
    a, b = rng.integers(0, len(model.graph.interactions), (2, 30_000)).astype(np.int32)
    every = model.log_odds("interacts_with", a, b)
    chosen = rng.permutation(len(a))[:500]
    np.testing.assert_array_equal(every[chosen], model.log_odds("interacts_with", a[chosen], b[chosen]))
    assert len(model.log_odds("interacts_with", a[:0], b[:0])) == 0


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_decoder_runs_on_any_device(symmetric: bool) -> None:
    import torch

    from rbio_kg.verifiers.link_predictor.decoder import Decoder, weighted_loss

    decoder = Decoder(8, 6, 5, symmetric=symmetric).to("meta")
    end = torch.empty(7, 8, device="meta")
    batch = (torch.empty(7, device="meta"), torch.empty(7, 5, device="meta"), torch.empty(7, device="meta"))
    loss = weighted_loss(decoder, end, end, batch)
    assert loss.device.type == "meta"
    assert loss.shape == ()


def test_same_seed_same_bytes_another_seed_not(
    fitted: tuple[Path, Any, Any], tables: GraphTables, snapshot_dir: Path, tmp_path: Path
) -> None:
    def digest(folder: Path) -> dict[str, str]:
        files = json.loads((folder / "header.json").read_text())["files"]
        return {name: entry["sha256"] for name, entry in files.items()}

    questions = tables["questions"]
    flipped = questions.with_columns(
        pl.when(pl.col("split") == "test").then(1 - pl.col("label")).otherwise(pl.col("label")).alias("label")
    )
    fit_link_predictor(Snapshot.open(snapshot_dir), tmp_path / "again", questions=flipped, seed=2, epochs=EPOCHS)
    assert digest(tmp_path / "again") == digest(fitted[0])
    again, first = (
        json.loads((folder / "header.json").read_text())["meta"] for folder in (tmp_path / "again", fitted[0])
    )
    assert again["calibrations"] == first["calibrations"], "a test label was read"
    fit_link_predictor(snapshot_dir, tmp_path / "other", seed=3, epochs=1)
    assert digest(tmp_path / "other")["embedding.gene"] != digest(fitted[0])["embedding.gene"]


def test_without_questions_it_abstains_on_knockdowns(snapshot_dir: Path, tmp_path: Path) -> None:
    fit_link_predictor(snapshot_dir, tmp_path / "m", seed=1, epochs=1)
    verifier = LinkPredictorVerifier(tmp_path / "m")
    claims = [Claim("GENE001", relation, "GENE005", "k562") for relation in ("changes_expression_of", "increases")]
    assert np.isnan(verifier.score(claims)).all()
    assert "was not trained on" in verifier.explain(claims[0]).reason
    assert not verifier.card.simulated


def test_scoring_does_not_import_torch(fitted: tuple[Path, Any, Any]) -> None:
    code = (
        "import sys; from rbio_kg.core.claims import Claim; "
        "from rbio_kg.verifiers.link_predictor.verifier import LinkPredictorVerifier; "
        f"s = LinkPredictorVerifier({str(fitted[0])!r}).score([Claim('GENE001', 'interacts_with', 'GENE002')]); "
        "assert 0 <= s[0] <= 1; assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_broken_and_foreign_models(fitted: tuple[Path, Any, Any], tables: GraphTables, tmp_path: Path) -> None:
    claim = [Claim("GENE001", "interacts_with", "GENE002")]
    with pytest.raises(ModelError, match="train link-predictor"):
        LinkPredictorVerifier(tmp_path / "nothing").score(claim)
    write_snapshot(tables, tmp_path / "snapshot", "build-2")
    with pytest.raises(VerifierError, match="build-2"):
        LinkPredictorVerifier(fitted[0], tmp_path / "snapshot").score(claim)
    copy = tmp_path / "elsewhere" / "copy"
    copy.mkdir(parents=True)
    for file in fitted[0].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(SnapshotError):
        LinkPredictorVerifier(copy).score(claim)  # moved away from its snapshot
    table = copy / "embedding.gene.npy"
    table.write_bytes(table.read_bytes()[:-8])
    with pytest.raises(ModelError, match=r"embedding\.gene"):
        LinkPredictorVerifier(copy).score(claim)


def test_a_graph_too_small_to_learn_from(tmp_path: Path) -> None:
    write_snapshot(small_tables(0, genes=12), tmp_path / "s", "tiny")
    with pytest.raises(ModelError, match="too few edges"):
        fit_link_predictor(tmp_path / "s", tmp_path / "m", epochs=1)
    assert not (tmp_path / "m").exists()
