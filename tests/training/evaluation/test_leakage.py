"""The leakage audit: a clean evaluation passes, and each kind of planted leak is refused by name."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import EvaluationInputs
from rbio_kg.training.evaluation.leakage import Audit, audit_policy
from rbio_kg.training.evaluation.policy import PolicyOptions, evaluate_policy
from rbio_kg.training.prompts.facts import FactBook
from rbio_kg.training.runs.run_folder import Run
from rbio_kg.verifiers.expression.fit import fit_expression
from rbio_kg.verifiers.expression.io import load_model
from rbio_kg.verifiers.expression.neighbour_votes import LabelledPairs
from rbio_kg.verifiers.expression.verifier import ExpressionVerifier
from rbio_kg.verifiers.splits import divide
from tests.support.evaluations import expression_document
from tests.support.graphs import small_tables
from tests.support.small_run import run_small, small_model, small_recipe, small_reward
from tests.support.toy_knockdowns import WITH_NEIGHBOURS, Known, ToyFacts, changes, question_frame, toy_questions

DE = pl.col("task") == "de"
K562 = pl.col("cell_line") == "k562"


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=8, genes=48)


@pytest.fixture(scope="module")
def questions(tables: GraphTables) -> pl.DataFrame:
    return tables["questions"].filter(DE)


@pytest.fixture(scope="module")
def test_rows(questions: pl.DataFrame) -> pl.DataFrame:
    return divide(questions, "official", "k562").test


@pytest.fixture(scope="module")
def fitted(tables: GraphTables, questions: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "clean"
    fit_expression(tables, folder, questions=questions)
    return folder


def test_a_clean_evaluation_passes_and_says_what_was_looked_at(tables: GraphTables, tmp_path: Path) -> None:
    file = _file(tables, tmp_path / "k562-de.csv")
    found = expression_document(tables, file, task="de", models_dir=tmp_path)
    audit = found["audit"]
    assert audit["leaks"] == 0
    assert audit["checked"]["rows"] == found["rows"]
    assert audit["checked"]["train_rows"] == found["train_rows"]
    assert audit["checked"]["model_rows"] == found["train_rows"]
    assert audit["checked"]["graph_relationships"] == len(tables["knockdowns"])
    assert audit["checked"]["calibrated_perturbations"] > 0
    limited = expression_document(tables, file, task="de", limit=10, models_dir=tmp_path)
    assert limited["audit"] == audit, "rows that a limit leaves out are looked for as well"


def test_train_rows_may_be_scored_out_of_fold(tables: GraphTables, tmp_path: Path) -> None:
    file = _file(tables, tmp_path / "k562-de.csv")
    found = expression_document(tables, file, task="de", split="train", models_dir=tmp_path)
    assert found["audit"]["leaks"] == 0
    assert found["audit"]["checked"]["calibrated_perturbations"] > 5


def _file(tables: GraphTables, path: Path) -> Path:
    rows = tables["questions"].filter(DE & K562)
    rows.select("pert", "gene", "label", "split").write_csv(path)
    return path


def test_a_test_row_in_the_training_data(test_rows: pl.DataFrame, questions: pl.DataFrame) -> None:
    train = divide(questions, "official").train
    Audit(test_rows, "official").training(train, "x.csv")
    row = test_rows.sort("pert", "gene").row(3, named=True)
    leaky = pl.concat([train, test_rows.filter((pl.col("pert") == row["pert"]) & (pl.col("gene") == row["gene"]))])
    with pytest.raises(EvaluationError) as raised:
        Audit(test_rows, "official").training(leaky, "x.csv")
    text = str(raised.value)
    assert text.startswith(f"x.csv: leak: the row {row['pert']},{row['gene']} in k562 is in the training data; ")
    assert raised.value.hint
    # A known direction tells that there was a change.
    with pytest.raises(EvaluationError, match="is in the training data"):
        Audit(test_rows, "official").training(leaky.with_columns(task=pl.lit("dir")), "x.csv")


@pytest.mark.parametrize(
    ("split_scheme", "words"),
    [("global", "its perturbation"), ("leave-one-line-out", "its cell line"), ("gene-disjoint", "its monitored gene")],
)
def test_what_a_split_scheme_forbids_in_the_training_data(
    questions: pl.DataFrame, split_scheme: str, words: str
) -> None:
    line = "k562"
    # A perturbation that k562 holds out is train in rpe1, as in PerturbQA.
    pert = divide(questions, "official", line).test["pert"].sort()[0]
    here = (pl.col("pert") == pert) & (pl.col("cell_line") == "rpe1")
    questions = questions.with_columns(split=pl.when(here).then(pl.lit("train")).otherwise("split"))
    division = divide(questions, split_scheme, line)
    Audit(division.test, split_scheme).training(division.train, "x.csv")
    with pytest.raises(EvaluationError, match=f"leak: the row .* in k562 has {words} in the training data"):
        Audit(division.test, split_scheme).training(divide(questions, "official").train, "x.csv")


def test_questions_about_the_graph_tell_no_knockdowns(test_rows: pl.DataFrame) -> None:
    other = test_rows.with_columns(task=pl.lit("interacts_with"))
    audit = Audit(test_rows, "global")
    audit.training(other, "x.csv")
    assert audit.checked["train_rows"] == 0


def test_a_test_row_in_the_graph(tables: GraphTables, test_rows: pl.DataFrame, tmp_path: Path) -> None:
    row = test_rows.row(0, named=True)
    planted = tables["knockdowns"][:1].with_columns(start=pl.lit(row["pert"]), end=pl.lit(row["gene"]))
    planted = planted.with_columns(cell_line=pl.lit("k562"))
    leaky = GraphTables({**tables, "knockdowns": pl.concat([tables["knockdowns"], planted])})
    file = _file(tables, tmp_path / "k562-de.csv")
    with pytest.raises(EvaluationError, match=r"leak: the row .* is a KNOCKDOWN_CHANGES relationship of the graph"):
        expression_document(leaky, file, task="de", models_dir=tmp_path)
    elsewhere = planted.with_columns(cell_line=pl.lit("rpe1"))
    Audit(test_rows, "official").graph(elsewhere, None)


def test_a_test_row_among_a_models_labels(test_rows: pl.DataFrame, fitted: Path) -> None:
    model = load_model(fitted)
    Audit(test_rows, "official").model(model, fitted)
    key, row = ("k562", "de"), test_rows.row(0, named=True)
    rows = model.rows[key]
    pert, gene = (np.append(old, model.place(row[name])) for old, name in ((rows.perts, "pert"), (rows.genes, "gene")))
    planted = LabelledPairs(pert.astype(np.int32), gene.astype(np.int32), np.append(rows.labels, 1.0))
    model = replace(model, labels=replace(model.labels, rows={**model.rows, key: planted}))
    with pytest.raises(EvaluationError, match="is in the training data") as raised:
        Audit(test_rows, "official").model(model, fitted)
    assert raised.value.where == str(fitted)


def test_a_perturbation_in_its_own_calibration(test_rows: pl.DataFrame, questions: pl.DataFrame, fitted: Path) -> None:
    key = ("k562", "de")
    model = load_model(fitted)
    pert = test_rows["pert"].sort()[0]
    model.seen[key][-1][model.place(pert)] = True
    with pytest.raises(EvaluationError, match=rf"the row {pert},.* \(for perturbations without labels\) saw"):
        Audit(test_rows, "official").model(model, fitted)
    model = load_model(fitted)
    train = divide(questions, "official").train.filter(K562)
    Audit(train, "official", held_out=False).model(model, fitted)
    pert = train["pert"].sort()[0]
    fold = model.fold(key, model.place(pert))
    model.seen[key][fold][model.place(pert)] = True
    with pytest.raises(EvaluationError, match=rf"the row {pert},.* \(of fold {fold}\) saw; fit the model again"):
        Audit(train, "official", held_out=False).model(model, fitted)


def test_a_model_fitted_on_test_rows(tables: GraphTables, questions: pl.DataFrame, tmp_path: Path) -> None:
    """The whole road: who fits on what is then asked is refused by the model's labels and by the prompts' facts."""
    test = divide(questions, "official", "k562").test
    fit_expression(tables, tmp_path / "leaky", questions=questions.with_columns(split=pl.lit("train")))
    verifier = ExpressionVerifier(tmp_path / "leaky")
    with pytest.raises(EvaluationError, match="is in the training data"):
        Audit(test, "official").model(verifier.model, tmp_path)
    claims = QuestionSet(test).claims()
    book = FactBook.fit(verifier, None, claims[:5], 20, kinds=WITH_NEIGHBOURS)
    with pytest.raises(EvaluationError, match="is shown as a fact in the prompt of"):
        Audit(test, "official").facts(claims, book, verifier.model)


def test_facts_of_other_folds_pass_and_those_of_the_own_do_not(questions: pl.DataFrame, fitted: Path) -> None:
    verifier = ExpressionVerifier(fitted)
    train = divide(questions, "official").train.filter(K562)
    claims = QuestionSet(train).claims()
    audit = Audit(train, "official", held_out=False)
    audit.facts(claims, FactBook.fit(verifier, None, claims[:5], 4, kinds=WITH_NEIGHBOURS), verifier.model)
    assert audit.checked["facts"] > len(claims)
    mates = {
        pert: [p for p in train["pert"].unique() if p != pert and _fold(verifier, p) == _fold(verifier, pert)]
        for pert in train["pert"].unique()
    }
    asked = next(claim for claim in claims if mates[claim.subject])
    for reported in (mates[asked.subject][0], asked.subject):
        book = FactBook(_Telltale(reported), None, [0.1] * 8, kinds=WITH_NEIGHBOURS)
        with pytest.raises(EvaluationError, match=f"is shown the outcome of {reported}, which is of its own fold"):
            audit.facts([asked], book, verifier.model)


def _fold(verifier: ExpressionVerifier, pert: str) -> int:
    return verifier.model.fold(("k562", "de"), verifier.model.place(pert))


class _Telltale(ToyFacts):
    """Tells of one knockdown, whatever is asked."""

    def __init__(self, pert: str) -> None:
        self.pert = pert

    def neighbours(self, claim: Claim, k: int) -> list[Known]:
        return [Known(self.pert, 1.0, 1)]

    def rate(self, claim: Claim) -> float:
        return 0.5


class _Blabber(ToyFacts):
    """Tells the outcomes of test knockdowns too."""

    def neighbours(self, claim: Claim, k: int) -> list[Known]:
        return [Known("P23", 1.0, int(changes("P23", claim.object))), *super().neighbours(claim, k - 1)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "tiny")


def test_training_a_policy_is_refused_where_its_facts_tell_test_rows(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"leak: the row P23,.* in toy is shown as a fact"):
        run_small(tmp_path, small_recipe(tiny), facts=_Blabber())
    assert not (tmp_path / "runs").exists()
    test = question_frame().filter(pl.col("split") == "test")
    planted = pl.DataFrame({"start": ["P23"], "end": ["G1"], "cell_line": ["toy"]})
    with pytest.raises(EvaluationError, match="leak: the row P23,G1 in toy is a KNOCKDOWN_CHANGES"):
        run_small(tmp_path, small_recipe(tiny), knockdowns=planted)
    clean = audit_policy(
        QuestionSet(test),
        test,
        "official",
        EvaluationInputs(test[:0], reward=small_reward()),
        trained_on=test[:0],
        where="a run",
    )
    assert clean == {"checked": {"rows": 48, "policy_rows": 0, "train_rows": 0}, "leaks": 0}


def test_a_policy_is_not_examined_on_what_it_was_trained_on(tiny: Path, tmp_path: Path) -> None:
    recipe = small_recipe(tiny, **{"grpo.steps": 0, "evaluation.vote_rows": 0})
    document = run_small(tmp_path, recipe)
    checked = document["after"]["audit"]["checked"]
    run = Run(tmp_path / "runs" / "small")
    assert checked["policy_rows"] == len(run.read_questions()) > 0
    assert checked["facts"] == 4 * document["after"]["rows"]
    assert document["after"]["audit"]["leaks"] == 0

    def evaluated() -> dict[str, Any]:
        asked = toy_questions().select(split="test")
        train = toy_questions().select(split="train").frame
        inputs, options = EvaluationInputs(train, facts=ToyFacts()), PolicyOptions(samples=0)
        result, _ = evaluate_policy(WorkspacePaths(tmp_path), "small", asked, inputs, options)
        found = result.to_json()
        json.dumps(found, allow_nan=False)
        return found

    assert evaluated()["audit"]["checked"]["policy_rows"] == checked["policy_rows"]
    kept = shutil.copy(run.questions_file, tmp_path / "kept.csv")
    with run.questions_file.open("a", encoding="utf-8") as stream:
        stream.write("P20,G3,1,train,toy,de,true\n")
    with pytest.raises(EvaluationError, match=r"leak: the row P20,G3 in toy is in the training data; .*train again"):
        evaluated()
    run.questions_file.write_text("pert,gene\nP1,G1\n")
    with pytest.raises(TrainingError, match="does not say what it was trained on"):
        evaluated()
    shutil.copy(kept, run.questions_file)
    assert evaluated()["audit"]["leaks"] == 0
