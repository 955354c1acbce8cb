from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.core.errors import ModelError, SnapshotError, VerifierError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.verifiers.graph_path.verifier import KNOWN_MEMBERSHIP, KNOWN_REGULATION, GraphPathVerifier, fit_graph_path
from tests.contracts.verifier import VerifierContract, assert_directions_sum_to_the_change
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(1, genes=80)


@pytest.fixture(scope="module")
def model_dir(tables: GraphTables, snapshot_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "graph_path"
    fit_graph_path(tables, snapshot_dir, directory, seed=3)
    return directory


def mixed_claims(tables: GraphTables) -> list[Claim]:
    """Claims of every relation, about true pairs and about pairs that the graph does not join."""
    rng = np.random.default_rng(0)
    symbols = tables["genes"]["symbol"].to_list()
    pairs = [tuple(rng.choice(symbols, 2, replace=False)) for _ in range(12)]
    pairs += list(tables["interactions"].select("start", "end").head(4).iter_rows())
    pairs += list(tables["regulations"].select("start", "end").head(4).iter_rows())
    relations = [relation for relation in Relation if relation is not Relation.TAKES_PART_IN]
    claims = [Claim(a, relation, b, "k562") for a, b in pairs for relation in relations]
    groups = [*tables["terms"]["id"].to_list()[::3], *tables["pathways"]["id"].to_list()]
    return claims + [Claim(str(rng.choice(symbols)), "takes_part_in", group) for group in groups]


class TestUncalibrated(VerifierContract):
    @pytest.fixture
    def verifier(self, snapshot_dir: Path) -> Verifier:
        return GraphPathVerifier(snapshot_dir)

    @pytest.fixture
    def claims(self, tables: GraphTables) -> list[Claim]:
        return mixed_claims(tables)


class TestCalibrated(VerifierContract):
    @pytest.fixture
    def verifier(self, snapshot_dir: Path, model_dir: Path) -> Verifier:
        return GraphPathVerifier(snapshot_dir, model_dir)

    @pytest.fixture
    def claims(self, tables: GraphTables) -> list[Claim]:
        return mixed_claims(tables)


@pytest.fixture(params=["raw", "calibrated"])
def verifier(request: pytest.FixtureRequest, snapshot_dir: Path, model_dir: Path) -> GraphPathVerifier:
    return GraphPathVerifier(snapshot_dir, model_dir if request.param == "calibrated" else None)


def test_a_known_interaction_is_its_own_answer(verifier: GraphPathVerifier, tables: GraphTables) -> None:
    rows = tables["interactions"].head(30)
    forward = verifier.score([Claim(a, "interacts_with", b) for a, b in rows.select("start", "end").iter_rows()])
    backward = verifier.score([Claim(b, "interacts_with", a) for a, b in rows.select("start", "end").iter_rows()])
    np.testing.assert_allclose(forward, 0.5 + rows["score"].to_numpy() / 2000)
    np.testing.assert_array_equal(forward, backward)


def test_direction_and_sign_of_a_regulation(verifier: GraphPathVerifier, tables: GraphTables) -> None:
    there = set(tables["regulations"].select("start", "end").iter_rows())
    for start, end, sign in tables["regulations"].select("start", "end", "sign").iter_rows():
        regulates, activates, represses = verifier.score(
            [Claim(start, relation, end) for relation in ("regulates", "activates", "represses")]
        )
        assert regulates == KNOWN_REGULATION
        if sign:
            right, wrong = (activates, represses) if sign > 0 else (represses, activates)
            assert right == pytest.approx(KNOWN_REGULATION)
            assert wrong == pytest.approx(1 - KNOWN_REGULATION)
        if (end, start) not in there:
            assert verifier.score([Claim(end, "regulates", start)])[0] < KNOWN_REGULATION


def test_a_narrower_term_implies_the_wider_ones(verifier: GraphPathVerifier, snapshot_dir: Path) -> None:
    snapshot = Snapshot.open(snapshot_dir)
    gene = int(np.argmax(snapshot.closure.degrees))
    having = set(snapshot.closure.row(gene)[0].tolist())
    claims = [Claim(snapshot.genes.keys[gene], "takes_part_in", key) for key in snapshot.terms.keys]
    scores = verifier.score(claims)
    assert {i for i, score in enumerate(scores) if score == KNOWN_MEMBERSHIP} == having
    widest = min(having, key=lambda term: snapshot.information_content[term])
    verdict = verifier.explain(claims[widest])
    assert verdict.evidence[0].type == "ANNOTATED_WITH"
    assert verdict.evidence[-1].end.key == snapshot.terms.keys[widest]


def test_aliases_name_their_gene(verifier: GraphPathVerifier) -> None:
    named = verifier.score([Claim("ALIAS3", "interacts_with", "GENE007"), Claim("GENE003", "interacts_with", "OLD7")])
    np.testing.assert_array_equal(named, verifier.score([Claim("GENE003", "interacts_with", "GENE007")] * 2))


def test_evidence_cites_relationships_of_the_tables(verifier: GraphPathVerifier, tables: GraphTables) -> None:
    names = {
        "INTERACTS_WITH": "interactions",
        "REGULATES": "regulations",
        "ANNOTATED_WITH": "annotations",
        "MEMBER_OF": "memberships",
        "IS_A": "is_a",
        "PART_OF": "part_of",
    }
    there = {kind: set(tables[table].select("start", "end").iter_rows()) for kind, table in names.items()}
    cited = 0
    for claim in mixed_claims(tables):
        for element in verifier.explain(claim).evidence:
            assert (element.start.key, element.end.key) in there[element.type]
            assert element.detail["source"]
            cited += 1
    assert cited > 100


def test_a_gene_without_relationships_is_no_answer(tables: GraphTables, tmp_path: Path) -> None:
    lonely = tables["genes"].head(1).with_columns(pl.lit("LONELY").alias("symbol"))
    write_snapshot(GraphTables({**tables, "genes": pl.concat([tables["genes"], lonely])}), tmp_path / "s", "b")
    verifier = GraphPathVerifier(tmp_path / "s")
    claims = [Claim("LONELY", "interacts_with", "GENE001"), Claim("GENE001", "regulates", "LONELY")]
    assert np.isnan(verifier.score(claims)).all()
    assert "no relationship" in verifier.explain(claims[0]).reason


def test_calibration_learns_the_simulated_rule_and_says_simulated(
    tables: GraphTables, snapshot_dir: Path, model_dir: Path
) -> None:
    verifier = GraphPathVerifier(snapshot_dir, model_dir)
    assert verifier.card.simulated
    test = tables["questions"].filter(pl.col("split") == "test", pl.col("task") == "de")
    scores = verifier.score(
        [Claim(p, "changes_expression_of", g, c) for p, g, c in test.select("pert", "gene", "cell_line").iter_rows()]
    )
    labels = test["label"].to_numpy()
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 0.1
    assert abs(scores.mean() - labels.mean()) < 0.15


def test_test_labels_are_never_read(tables: GraphTables, snapshot_dir: Path, model_dir: Path, tmp_path: Path) -> None:
    flipped = tables["questions"].with_columns(
        pl.when(pl.col("split") == "test").then(1 - pl.col("label")).otherwise(pl.col("label")).alias("label")
    )
    fit_graph_path(GraphTables({**tables, "questions": flipped}), snapshot_dir, tmp_path, seed=3)
    assert (tmp_path / "graph_path.json").read_bytes() == (model_dir / "graph_path.json").read_bytes()


def test_directions_share_out_the_change(verifier: GraphPathVerifier, tables: GraphTables) -> None:
    pairs = (
        tables["questions"]
        .filter(pl.col("task") == "dir")
        .select("pert", "gene")
        .unique()
        .sort("pert", "gene")
        .head(30)
    )
    claimed = [(a, b, line) for a, b in pairs.iter_rows() for line in ("rpe1", None)]
    assert_directions_sum_to_the_change(verifier, claimed)
    assert_directions_sum_to_the_change(GraphPathVerifier(verifier.snapshot_dir), claimed)


def test_broken_folders(snapshot_dir: Path, model_dir: Path, tmp_path: Path) -> None:
    claim = [Claim("GENE001", "interacts_with", "GENE002")]
    with pytest.raises(SnapshotError, match="rebuild"):
        GraphPathVerifier(tmp_path).score(claim)
    with pytest.raises(ModelError, match="again"):
        GraphPathVerifier(snapshot_dir, tmp_path).score(claim)
    value = json.loads((model_dir / "graph_path.json").read_text())
    for spoilt in ('{"version": 1', json.dumps(value | {"version": 99}), json.dumps(value | {"fits": 3}), "[]"):
        (tmp_path / "graph_path.json").write_text(spoilt)
        with pytest.raises(ModelError):
            GraphPathVerifier(snapshot_dir, tmp_path).score(claim)
    (tmp_path / "graph_path.json").write_text(json.dumps(value | {"build_id": "another"}))
    with pytest.raises(VerifierError, match="another"):
        GraphPathVerifier(snapshot_dir, tmp_path).score(claim)
