"""The expression verifier: the battery, no leaks, split schemes, neighbours, what it stores."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import IF_CHANGED, KNOCKDOWN_RELATIONS, RISES, Claim, Status
from rbio_kg.core.errors import ModelError, TrainingError, VerifierError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.evaluation.scorecard import question_scores
from rbio_kg.verifiers.expression import labels
from rbio_kg.verifiers.expression.io import load_model
from rbio_kg.verifiers.expression.model import ExpressionModel
from rbio_kg.verifiers.expression.verifier import ExpressionVerifier, fit_expression
from rbio_kg.verifiers.splits import FOLDS, divide, fold_of
from rbio_kg.verifiers.stats.metrics import per_gene_auroc
from tests.contracts.verifier import VerifierContract, assert_directions_sum_to_the_change
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=5, genes=48)


@pytest.fixture(scope="module")
def fitted(tables: GraphTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "expression"
    fit_expression(tables, folder, questions=tables["questions"], seed=0)
    return folder


def _claims(questions: pl.DataFrame, relation: str = "changes_expression_of") -> list[Claim]:
    rows = questions.filter(pl.col("task") == "de").select("pert", "gene", "cell_line").iter_rows()
    return [Claim(pert, relation, gene, line) for pert, gene, line in rows]


def _flipped(questions: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    label = pl.when(where).then(1 - pl.col("label")).otherwise(pl.col("label"))
    return questions.with_columns(label.alias("label"))


class TestExpression(VerifierContract):
    @pytest.fixture
    def verifier(self, fitted: Path) -> ExpressionVerifier:
        return ExpressionVerifier(fitted)

    @pytest.fixture
    def claims(self, tables: GraphTables) -> list[Claim]:
        few = tables["questions"].filter(pl.col("task") == "de").sort("gene", "pert", "cell_line")[::40]
        plain = _claims(few)
        turns = [replace(c, relation=turn) for c in plain[:6] for turn in ("increases", "decreases_if_changed")]
        return [*plain, *turns, Claim(plain[0].subject, "decreases", plain[0].object, None)]


@pytest.mark.parametrize("split_scheme", ["official", "global"])
def test_a_perturbations_own_labels_never_reach_its_scores(
    tables: GraphTables, tmp_path: Path, split_scheme: str
) -> None:
    questions = tables["questions"].filter(pl.col("task") == "de")
    train = questions.filter((pl.col("split") == "train") & (pl.col("cell_line") == "k562"))
    kept = questions.filter(pl.col("split") == "test")["pert"].unique().to_list() if split_scheme == "global" else []
    pert = train.filter(~pl.col("pert").is_in(kept))["pert"].sort()[3]
    own = (pl.col("pert") == pert) & (pl.col("task") == "de")
    # Under the global split scheme its labels in every line are its own; officially those in another line are fair.
    own = own if split_scheme == "global" else own & (pl.col("cell_line") == "k562")
    scores = []
    for name, frame in (("as_is", questions), ("flipped", _flipped(questions, own))):
        fit_expression(tables, tmp_path / name, questions=frame, seed=0, split_scheme=split_scheme)
        verifier = ExpressionVerifier(tmp_path / name)
        own_rows = train.filter(pl.col("pert") == pert)
        others = [c for c in _claims(train) if fold_of(c.subject, 0) != fold_of(pert, 0)]
        scores.append([verifier.score(_claims(own_rows)), verifier.score(others)])
    np.testing.assert_array_equal(scores[0][0], scores[1][0])
    assert not np.array_equal(scores[0][1], scores[1][1]), "its labels do count for others"


def test_test_labels_change_nothing(tables: GraphTables, fitted: Path, tmp_path: Path) -> None:
    flipped = _flipped(tables["questions"], pl.col("split") == "test")
    fit_expression(tables, tmp_path / "flipped", questions=flipped, seed=0)
    for file in sorted(fitted.iterdir()):
        assert (tmp_path / "flipped" / file.name).read_bytes() == file.read_bytes()


def test_the_global_scheme_drops_perturbations_held_out_in_any_line(tables: GraphTables, tmp_path: Path) -> None:
    questions = tables["questions"].filter(pl.col("task") == "de")
    pert = questions.filter((pl.col("cell_line") == "k562") & (pl.col("split") == "train"))["pert"].sort()[0]
    moved = pl.when((pl.col("pert") == pert) & (pl.col("cell_line") == "rpe1")).then(pl.lit("test")).otherwise("split")
    questions = questions.with_columns(moved.alias("split"))
    for split_scheme, known in (("official", True), ("global", False)):
        fit_expression(tables, tmp_path / split_scheme, questions=questions, seed=0, split_scheme=split_scheme)
        model = ExpressionVerifier(tmp_path / split_scheme).model
        assert any(model.place(pert) in rows.perts for rows in model.rows.values()) is known
        assert ("same_perturbation" in model.calibrations["k562", "de"][-1].parts) is known


def test_it_ranks_held_out_knockdowns_better_than_chance(tables: GraphTables, fitted: Path) -> None:
    test = tables["questions"].filter((pl.col("split") == "test") & (pl.col("task") == "de"))
    scores = question_scores(ExpressionVerifier(fitted), test)
    assert not np.isnan(scores).any()
    found = per_gene_auroc((test["gene"] + test["cell_line"]).to_list(), test["label"].to_numpy(), scores)
    assert found.mean is not None and found.mean > 0.6


def test_neighbours_are_measured_for_the_object_and_never_of_the_own_fold(tables: GraphTables, fitted: Path) -> None:
    verifier = ExpressionVerifier(fitted)
    train = tables["questions"].filter(
        (pl.col("split") == "train") & (pl.col("task") == "de") & (pl.col("cell_line") == "k562")
    )
    labels = {(pert, gene): label for pert, gene, label in train.select("pert", "gene", "label").iter_rows()}
    for claim in _claims(train)[::50]:
        found = verifier.neighbours(claim, 5)
        assert [n.similarity for n in found] == sorted((n.similarity for n in found), reverse=True)
        assert all(labels[n.pert, claim.object] == n.outcome for n in found)
        assert all(fold_of(n.pert, 0) != fold_of(claim.subject, 0) for n in found)
        most = [n.pert for n in verifier.neighbours(claim, 10_000)]
        assert len(most) == sum(
            gene == claim.object and fold_of(pert, 0) != fold_of(claim.subject, 0) for pert, gene in labels
        )
    assert verifier.neighbours(Claim("GENE000", "changes_expression_of", "GENE001"), 5) == []


def test_directed_neighbours_say_whether_the_direction_held(tables: GraphTables, fitted: Path) -> None:
    verifier = ExpressionVerifier(fitted)
    turned = tables["questions"].filter((pl.col("split") == "train") & (pl.col("task") == "dir"))
    up = {tuple(row) for row in turned.filter(pl.col("label") == 1).select("pert", "gene", "cell_line").iter_rows()}
    for claim in _claims(tables["questions"])[::90]:
        changed = {n.pert: n.outcome for n in verifier.neighbours(claim, 10_000)}
        for relation in KNOCKDOWN_RELATIONS - {claim.relation}:
            found = verifier.neighbours(replace(claim, relation=relation), 10_000)
            assert {n.pert for n in found} == {p for p, did in changed.items() if did or relation not in IF_CHANGED}
            for n in found:
                rose = (n.pert, claim.object, claim.cell_line) in up
                assert n.outcome == int(bool(changed[n.pert]) and rose == (relation in RISES))


def _slow_rate(questions: pl.DataFrame, claim: Claim, task: str) -> float:
    """Share of label 1 among the train rows of the object, without those of the subject's fold, shrunk to the line's.

    The subject has a fold where it has a train row of either task in the line.
    """
    train = questions.filter((pl.col("split") == "train") & (pl.col("cell_line") == claim.cell_line))
    known = claim.subject in train["pert"].to_list()
    labels: dict[str, list[int]] = {}
    for pert, gene, label in train.filter(pl.col("task") == task).select("pert", "gene", "label").iter_rows():
        if not known or fold_of(pert, 0) != fold_of(claim.subject, 0):
            labels.setdefault(gene, []).append(label)
    every = [label for some in labels.values() for label in some]
    base, mine = (sum(every) + 1) / (len(every) + 2), labels.get(claim.object, [])
    return (sum(mine) + 2 * base) / (len(mine) + 2)


def test_the_rate_is_the_shrunken_base_rate_out_of_fold(tables: GraphTables, fitted: Path) -> None:
    verifier, questions = ExpressionVerifier(fitted), tables["questions"]
    apart: dict[str, float] = {}
    for claim in [*_claims(questions)[::130], Claim("NOSUCHGENE", "changes_expression_of", "GENE001", "rpe1")]:
        change, rise = (_slow_rate(questions, claim, task) for task in ("de", "dir"))
        wanted = {
            "changes_expression_of": change,
            "increases": change * rise,
            "decreases": change * (1 - rise),
            "increases_if_changed": rise,
            "decreases_if_changed": 1 - rise,
        }
        for relation, rate in wanted.items():
            related = replace(claim, relation=relation)
            assert verifier.rate(related) == pytest.approx(rate)
            both = [verifier.rate(replace(related, cell_line=line)) for line in ("k562", "rpe1")]
            assert verifier.rate(replace(related, cell_line=None)) == pytest.approx(np.mean(both))
            assert 0 < verifier.rate(replace(related, object="NOSUCHGENE")) < 1
            with pytest.raises(VerifierError, match="hek293"):
                verifier.rate(replace(related, cell_line="hek293"))
        apart[claim.object] = abs(change - rise)
    assert max(apart.values()) > 0.1, "the two rates differ"


@pytest.mark.parametrize("relation", sorted(KNOCKDOWN_RELATIONS))
def test_labels_of_the_own_fold_move_no_fact(tables: GraphTables, fitted: Path, tmp_path: Path, relation: str) -> None:
    train = tables["questions"].filter((pl.col("split") == "train") & (pl.col("cell_line") == "k562"))
    pert = train["pert"].sort()[5]
    mates = [name for name in tables["questions"]["pert"].unique() if fold_of(name, 0) == fold_of(pert, 0)]
    turned = _flipped(tables["questions"], pl.col("pert").is_in(mates) & (pl.col("cell_line") == "k562"))
    fit_expression(tables, tmp_path / "turned", questions=turned, seed=0)
    plain, other = ExpressionVerifier(fitted), ExpressionVerifier(tmp_path / "turned")
    claims = [replace(claim, relation=relation) for claim in _claims(train.filter(pl.col("pert") == pert))]
    assert claims
    for claim in claims:
        assert plain.neighbours(claim, 50) == other.neighbours(claim, 50)
        assert plain.rate(claim) == other.rate(claim)


def test_other_names_mean_the_same_gene(tables: GraphTables, fitted: Path) -> None:
    verifier = ExpressionVerifier(fitted)
    claim = _claims(tables["questions"])[0]
    number = int(claim.subject[4:])
    renamed = Claim(f"OLD{number}", claim.relation, claim.object, claim.cell_line)
    assert verifier.score([claim])[0] == verifier.score([renamed])[0]
    assert np.isnan(verifier.score([Claim(f"ALIAS{number}", claim.relation, claim.subject, claim.cell_line)])[0])


def test_the_directions_sum_to_the_change(tables: GraphTables, fitted: Path) -> None:
    pairs = [(claim.subject, claim.object, claim.cell_line) for claim in _claims(tables["questions"])]
    assert_directions_sum_to_the_change(ExpressionVerifier(fitted), pairs)


def test_it_abstains_where_it_knows_nothing(fitted: Path) -> None:
    verifier = ExpressionVerifier(fitted)
    strange = [
        Claim("GENE000", "interacts_with", "GENE001", "k562"),
        Claim("GENE000", "changes_expression_of", "GENE001", "hek293"),
        Claim("GENE000", "changes_expression_of", "GENE002", "k562"),  # never monitored
    ]
    assert np.isnan(verifier.score(strange)).all()
    reasons = [verifier.explain(claim) for claim in strange]
    assert all(verdict.status is Status.ABSTAIN for verdict in reasons)
    assert len({verdict.reason for verdict in reasons}) == 3


def test_evidence_is_what_was_measured(tables: GraphTables, fitted: Path) -> None:
    verifier = ExpressionVerifier(fitted)
    known = {
        tuple(row): direction
        for *row, direction in tables["knockdowns"].select("start", "end", "cell_line", "direction").iter_rows()
    }
    cited = 0
    for claim in _claims(tables["questions"])[::60]:
        for item in verifier.explain(claim).evidence:
            edge = (item.start.key, item.end.key, claim.cell_line)
            assert (item.type == "KNOCKDOWN_CHANGES") is (edge in known) is item.detail["in_graph"]
            if edge in known:
                assert item.detail["direction"] == known[edge]
                cited += 1
    assert cited > 20


def test_a_line_of_its_own_works(tables: GraphTables, tmp_path: Path) -> None:
    own = tables["questions"].filter(pl.col("cell_line") == "k562").with_columns(cell_line=pl.lit("mine"))
    metrics = fit_expression(tables, tmp_path / "mine", questions=own, seed=0)
    assert list(metrics["fits"]) == ["mine de", "mine dir"]
    json.dumps(metrics, allow_nan=False)
    verifier = ExpressionVerifier(tmp_path / "mine")
    assert "other_lines" not in verifier.model.calibrations["mine", "de"][-1].parts
    assert not np.isnan(verifier.score(_claims(own))).all()


def test_a_gene_without_any_change_and_a_line_without_positives(tables: GraphTables, tmp_path: Path) -> None:
    quiet = tables["questions"].filter(pl.col("task") == "de").with_columns(label=pl.lit(0, pl.Int64))
    fit_expression(tables, tmp_path / "quiet", questions=quiet, seed=0)
    scores = ExpressionVerifier(tmp_path / "quiet").score(_claims(quiet))
    assert np.isfinite(scores).all() and scores.max() < 0.05


def test_fitting_is_deterministic_and_replaces_the_old_model(tables: GraphTables, tmp_path: Path) -> None:
    questions = tables["questions"].filter((pl.col("task") == "de") & (pl.col("cell_line") == "k562"))
    written = []
    for seed in (1, 0):
        shuffled = questions.sample(fraction=1.0, shuffle=True, seed=seed)
        fit_expression(tables, tmp_path / "model", questions=shuffled, seed=0)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        written.append({path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()})
    assert written[0] == written[1]


def test_broken_models_say_what_to_do(fitted: Path, tmp_path: Path) -> None:
    claim = [Claim("GENE000", "changes_expression_of", "GENE001", "k562")]
    with pytest.raises(ModelError, match="not a fitted expression model"):
        ExpressionVerifier(tmp_path / "nowhere").score(claim)
    for victim, content in (("model.json", "{}"), ("genes.json", "[]"), ("profiles_data.npy", "no array")):
        broken = tmp_path / victim
        broken.mkdir()
        for file in fitted.iterdir():
            (broken / file.name).write_bytes(file.read_bytes())
        (broken / victim).write_text(content)
        with pytest.raises(ModelError, match="cannot be read"):
            ExpressionVerifier(broken).score(claim)


def test_wrong_questions_are_refused(tables: GraphTables, tmp_path: Path) -> None:
    questions = tables["questions"]
    with pytest.raises(TrainingError, match="no train rows"):
        fit_expression(tables, tmp_path / "m", questions=questions.filter(pl.col("split") == "test"))
    with pytest.raises(TrainingError, match="split scheme"):
        fit_expression(tables, tmp_path / "m", questions=questions, split_scheme="local")
    with pytest.raises(TrainingError, match="jurkat"):
        fit_expression(tables, tmp_path / "m", questions=questions, cell_lines=["jurkat"])
    assert not (tmp_path / "m").exists()


def _state(model: ExpressionModel) -> dict[str, bytes]:
    """The bytes of everything that was fitted or loaded."""
    arrays: dict[str, object] = {"profiles": model.profiles.matrix.data, "factors": model.labels.factors}
    for (line, task), rows in model.rows.items():
        arrays |= {f"{line} {task} {name}": getattr(rows, name) for name in ("perts", "genes", "labels")}
    for (line, task), solved in model.weights.items():
        arrays |= {f"{line} {task} {fold}": weights for fold, weights in solved.items()}
    found = {name: np.asarray(array).tobytes() for name, array in arrays.items()}
    return found | {"fits": repr(model.calibrations).encode(), "settings": repr(model.settings).encode()}


def test_predicting_solves_nothing_and_changes_no_state(
    tables: GraphTables, fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = ExpressionVerifier(fitted)
    before = _state(verifier.model)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("predicting must not solve")

    monkeypatch.setattr(labels, "solve", refuse)
    claims = _claims(tables["questions"])[::7]
    first = verifier.score(claims)
    for claim in claims[:20]:
        verifier.explain(claim)
        verifier.rate(claim)
        verifier.neighbours(claim, 3)
    assert _state(verifier.model) == before
    np.testing.assert_array_equal(verifier.score(claims), first)
    with pytest.raises(FrozenInstanceError):
        verifier.model.weights = {}  # type: ignore[misc]


def test_a_model_without_the_weights_of_a_fold_is_refused(tables: GraphTables, fitted: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    shutil.copytree(fitted, broken)
    file = broken / "weights_k562_de.npy"
    weights = np.load(file)
    for wrong in (weights[:-1], weights[:, :-1]):
        np.save(file, wrong)
        with pytest.raises(ModelError, match="cannot be read"):
            load_model(broken)
    model = load_model(fitted)
    key = ("k562", "de")
    lacking = replace(model, weights={**model.weights, key: {-1: model.weights[key][-1]}})
    assert lacking.voter(key).columns.size
    with pytest.raises(ModelError, match=r"was not solved on the labels outside fold 3 of k562 de; fit it again"):
        lacking.voter(key, 3)


def test_a_used_verifier_pickles_as_its_address(tables: GraphTables, fitted: Path) -> None:
    verifier = ExpressionVerifier(fitted)
    verifier.score(_claims(tables["questions"]))
    assert len(pickle.dumps(verifier)) < 1000


@pytest.mark.parametrize("split_scheme", ["official", "global"])
def test_the_model_records_whose_labels_each_calibration_saw(
    tables: GraphTables, tmp_path: Path, split_scheme: str
) -> None:
    """A record is true where flipping the labels of an unseen perturbation changes no coefficient."""
    questions = tables["questions"].filter(pl.col("task") == "de")
    fit_expression(tables, tmp_path / "as_is", questions=questions, seed=0, split_scheme=split_scheme)
    model = load_model(tmp_path / "as_is")
    key = ("k562", "de")
    for fold in range(FOLDS):
        own = np.unique(model.rows[key].perts)
        assert not model.seen[key][fold][own[model.folds[own] == fold]].any()
    assert model.seen[key][-1][own].all()
    pert = int(own[0])
    flipped = _flipped(questions, (pl.col("pert") == model.profiles.genes[pert]) & (pl.col("cell_line") == "k562"))
    fit_expression(tables, tmp_path / "flipped", questions=flipped, seed=0, split_scheme=split_scheme)
    other = load_model(tmp_path / "flipped")
    for fold in range(-1, FOLDS):
        changed = model.calibrations[key][fold] != other.calibrations[key][fold]
        assert changed == model.seen[key][fold][pert], fold


def _unseen(tables: GraphTables, folder: Path, questions: pl.DataFrame) -> ExpressionVerifier:
    fit_expression(tables, folder, questions=questions, split_scheme="leave-one-line-out", cell_lines=["k562"], seed=0)
    return ExpressionVerifier(folder)


def test_a_line_without_labels_is_scored_from_the_others(tables: GraphTables, tmp_path: Path) -> None:
    questions = tables["questions"].filter(pl.col("task") == "de")
    third = questions.filter(pl.col("cell_line") == "rpe1").with_columns(cell_line=pl.lit("hepg2"))
    questions = pl.concat([questions, _flipped(third, pl.int_range(pl.len()) % 7 == 0)])
    verifier = _unseen(tables, tmp_path / "m", questions)
    model = verifier.model
    assert model.lines == ("hepg2", "rpe1") and model.unseen == ("k562",)
    mine = _claims(questions.filter((pl.col("cell_line") == "k562") & (pl.col("split") == "test")))
    train = (pl.col("cell_line") != "k562") & (pl.col("split") == "train")
    pert = questions.filter(train)["pert"].sort()[0]
    known = questions.filter(train & (pl.col("pert") == pert))["gene"].unique().sort()
    claims = [*mine, *(Claim(pert, "changes_expression_of", gene, "k562") for gene in known)]
    found = verifier.score(claims)
    assert not np.isnan(found).any()
    assert verifier.explain(claims[0]).score == pytest.approx(found[0])
    assert 0 < verifier.rate(claims[0]) < 1
    assert model.fold(("k562", "de"), model.place(pert)) == -1, "no labels in the line, no fold"
    own = _unseen(tables, tmp_path / "own", _flipped(questions, pl.col("cell_line") == "k562"))
    np.testing.assert_array_equal(own.score(claims), found, "labels of the line itself are never read")
    others = _unseen(tables, tmp_path / "others", _flipped(questions, train & (pl.col("pert") == pert)))
    shift = np.abs(others.score(claims) - found)
    # The same knockdown in another line counts more for itself than for others.
    assert shift[len(mine) :].mean() > shift[: len(mine)].mean() > 0


def test_a_line_without_calibration_gets_the_mean_of_the_others(tables: GraphTables, tmp_path: Path) -> None:
    questions = tables["questions"].filter(pl.col("task") == "de")
    verifier = _unseen(tables, tmp_path / "m", questions)
    assert "k562" not in verifier.model.lines
    claims = _claims(questions.filter((pl.col("cell_line") == "k562") & (pl.col("split") == "test")))
    found = verifier.score(claims)
    each = [
        verifier.score([Claim(c.subject, c.relation, c.object, line) for c in claims]) for line in verifier.model.lines
    ]
    np.testing.assert_allclose(found, np.mean(each, axis=0))
    assert not np.isnan(found).any()


def test_a_monitored_gene_without_labels_is_scored_from_similar_genes(tables: GraphTables, tmp_path: Path) -> None:
    questions = tables["questions"].filter(pl.col("task") == "de")
    division = divide(questions, "gene-disjoint", "k562", seed=0)
    fit_expression(
        tables, tmp_path / "m", questions=questions, split_scheme="gene-disjoint", cell_lines=["k562"], seed=0
    )
    verifier = ExpressionVerifier(tmp_path / "m")
    labelled = {int(gene) for rows in verifier.model.rows.values() for gene in rows.genes}
    assert not labelled & {verifier.model.place(gene) for gene in division.test["gene"]}
    found = verifier.score(_claims(division.test))
    assert not np.isnan(found).any()
    for gene in division.test["gene"].unique():
        mine = found[(division.test["gene"] == gene).to_numpy()]
        assert len(mine) < 2 or np.ptp(mine) > 0, "knockdowns differ"
