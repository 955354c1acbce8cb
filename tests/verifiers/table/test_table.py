"""The table verifier: reading, calibration out of fold, the contract, evidence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim, Status
from rbio_kg.core.errors import RbioKGError, SelectionError, SourceError, VerifierError
from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.splits import fold_of
from rbio_kg.verifiers.table.fit import OUT_OF_FOLD, RAW, TableSource, fit_table
from rbio_kg.verifiers.table.rows import FileOptions, read_predictions
from rbio_kg.verifiers.table.verifier import TableVerifier
from tests.contracts.verifier import VerifierContract, assert_directions_sum_to_the_change
from tests.support.graphs import small_tables

CHANGES, RISES, FALLS = "changes_expression_of", "increases_if_changed", "decreases_if_changed"


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=8, genes=48)


def predicted(tables: GraphTables, *, scale: float = 1.0, seed: int = 0) -> pl.DataFrame:
    """Scores of all questions, that know a little of the labels."""
    questions = tables["questions"].filter(pl.col("pert") != pl.col("gene"))
    noise = np.random.default_rng(seed).random(len(questions))
    scores = (noise + 0.5 * questions["label"].to_numpy()) / 1.5 * scale
    relation = pl.col("task").replace_strict({"de": CHANGES, "dir": RISES})
    return questions.select(subject="pert", relation=relation, object="gene", cell_line="cell_line").with_columns(
        score=pl.Series(scores)
    )


def made(
    tables: GraphTables,
    folder: Path,
    frame: pl.DataFrame,
    *,
    questions: pl.DataFrame | None = None,
    raw: bool = False,
    name: str = "vcm",
) -> tuple[TableVerifier, dict[str, Any]]:
    """The verifier of a frame that was written to a file."""
    file = folder / "predictions.parquet"
    frame.write_parquet(file)
    rows = read_predictions(file, tables, FileOptions())
    model = folder / name
    model.mkdir()
    known = tables["questions"] if questions is None else questions
    found = fit_table(rows, known, model, TableSource(name, file.name, "STATE"), raw=raw)
    return TableVerifier(model), found


@pytest.fixture(scope="module")
def calibrated(tables: GraphTables, tmp_path_factory: pytest.TempPathFactory) -> TableVerifier:
    return made(tables, tmp_path_factory.mktemp("table"), predicted(tables))[0]


class TestContract(VerifierContract):
    @pytest.fixture
    def verifier(self, calibrated: TableVerifier) -> TableVerifier:
        return calibrated

    @pytest.fixture
    def claims(self, tables: GraphTables) -> list[Claim]:
        rows = predicted(tables).sample(12, seed=3)
        return [Claim(*row[:4]) for row in rows.iter_rows()]


@pytest.mark.parametrize("scale", [1.0, 40.0, 1e6])
def test_scores_become_calibrated_probabilities(tables: GraphTables, tmp_path: Path, scale: float) -> None:
    verifier, found = made(tables, tmp_path, predicted(tables, scale=scale))
    for relation in (CHANGES, RISES):
        assert found[relation]["method"] == OUT_OF_FOLD
        assert found[relation]["ece"] < 0.1
        assert found[relation]["auroc"] > 0.6
        assert found[relation]["coefficient"] > 0
    rows = predicted(tables, scale=scale).filter(pl.col("relation") == CHANGES)
    scores = verifier.score([Claim(*row[:4]) for row in rows.iter_rows()])
    assert not np.isnan(scores).any()
    assert ((scores > 0) & (scores < 1)).all()
    json.dumps(verifier.card.to_json(), allow_nan=False)
    assert "calibrated out of fold" in verifier.card.limits
    assert verifier.card.simulated is True


def test_a_row_never_sees_the_labels_of_its_own_fold(tables: GraphTables, tmp_path: Path) -> None:
    frame, questions = predicted(tables), tables["questions"]
    folds = {pert: fold_of(pert, 0) for pert in questions["pert"].unique()}
    fold = folds[questions.filter(pl.col("split") == "train")["pert"][0]]
    mine = pl.col("pert").replace_strict(folds, return_dtype=pl.Int64) == fold
    flipped = questions.with_columns(label=pl.when(mine).then(1 - pl.col("label")).otherwise("label"))
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    claims = [Claim(*row[:4]) for row in frame.iter_rows()]
    before = made(tables, one, frame)[0].score(claims)
    after = made(tables, two, frame, questions=flipped)[0].score(claims)
    own = np.array([folds[claim.subject] == fold for claim in claims])
    np.testing.assert_array_equal(before[own], after[own])
    assert np.abs(before[~own] - after[~own]).max() > 1e-3


def test_test_labels_are_never_read(tables: GraphTables, tmp_path: Path) -> None:
    frame, questions = predicted(tables), tables["questions"]
    other = questions.with_columns(
        label=pl.when(pl.col("split") == "test").then(1 - pl.col("label")).otherwise("label")
    )
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    claims = [Claim(*row[:4]) for row in frame.iter_rows()]
    np.testing.assert_array_equal(
        made(tables, one, frame)[0].score(claims), made(tables, two, frame, questions=other)[0].score(claims)
    )


def test_raw_scores_are_taken_as_they_are(tables: GraphTables, tmp_path: Path) -> None:
    frame = predicted(tables)
    verifier, found = made(tables, tmp_path, frame, raw=True)
    assert {part["method"] for part in found.values()} == {RAW}
    claims = [Claim(*row[:4]) for row in frame.iter_rows()]
    np.testing.assert_allclose(verifier.score(claims), frame["score"].to_numpy())
    assert "raw scores" in verifier.card.limits and verifier.card.simulated is False
    pairs = [(a, b, line) for a, relation, b, line, _ in frame.iter_rows() if relation == RISES]
    assert_directions_sum_to_the_change(verifier, pairs[:40])


@pytest.mark.parametrize(
    ("raw", "keep", "words"),
    [(True, CHANGES, "leave --raw out"), (False, "interacts_with", "0 train rows about interacts_with are too few")],
)
def test_scores_outside_0_to_1_need_a_calibration(
    tables: GraphTables, tmp_path: Path, raw: bool, keep: str, words: str
) -> None:
    frame = predicted(tables, scale=9.0).filter(pl.col("relation") == CHANGES).with_columns(relation=pl.lit(keep))
    frame = frame.with_columns(cell_line=pl.lit(None, pl.String)).unique(["subject", "object"], maintain_order=True)
    pairs = pl.concat_list(pl.min_horizontal("subject", "object"), pl.max_horizontal("subject", "object"))
    frame = frame.unique(pairs.alias("pair"), maintain_order=True) if keep == "interacts_with" else frame
    with pytest.raises(VerifierError, match=words):
        made(tables, tmp_path, frame, raw=raw)


def test_lines_and_claims_without_one(tables: GraphTables, tmp_path: Path) -> None:
    genes = tables["genes"]["symbol"].to_list()
    rows = [
        (genes[0], CHANGES, genes[1], "K-562", 0.2),
        (genes[0], CHANGES, genes[1], "rpe1", 0.6),
        (genes[2], CHANGES, genes[3], None, 0.9),
        (genes[2], CHANGES, genes[3], "rpe1", 0.1),
        (genes[4], FALLS, genes[5], "k562", 0.7),
        (genes[7], "interacts_with", genes[6], None, 0.8),
        (genes[6], "interacts_with", genes[7], None, 0.8),
    ]
    frame = pl.DataFrame(rows, schema=["subject", "relation", "object", "cell_line", "score"], orient="row")
    verifier, _ = made(tables, tmp_path, frame, raw=True)
    expected = {
        Claim(genes[0], CHANGES, genes[1], "k562"): 0.2,
        Claim(genes[0], CHANGES, genes[1]): 0.4,  # no prediction for any line: the mean over the lines
        Claim(genes[0], CHANGES, genes[1], "hela"): None,
        Claim(genes[1], CHANGES, genes[0], "k562"): None,
        Claim(genes[2], CHANGES, genes[3], "k562"): 0.9,
        Claim(genes[2], CHANGES, genes[3], "rpe1"): 0.1,
        Claim(genes[2], CHANGES, genes[3]): 0.9,
        Claim(genes[4], FALLS, genes[5], "k562"): 0.7,
        Claim(genes[4], RISES, genes[5], "k562"): 0.3,
        Claim(genes[4], "increases", genes[5], "k562"): None,
        Claim(genes[6], "interacts_with", genes[7]): 0.8,
        Claim(genes[7], "interacts_with", genes[6], "k562"): 0.8,
        Claim(genes[7], "regulates", genes[6], "k562"): None,
    }
    scores = verifier.score(list(expected))
    for claim, score in zip(expected, scores.tolist(), strict=True):
        wanted = expected[claim]
        assert (wanted is None and np.isnan(score)) or score == pytest.approx(wanted), claim
        verdict = verifier.explain(claim)
        assert verdict.status is (Status.ABSTAIN if wanted is None else Status.OK)


def test_evidence_names_file_row_and_model(tables: GraphTables, tmp_path: Path) -> None:
    frame = predicted(tables)
    verifier, _ = made(tables, tmp_path, frame)
    subject, relation, target, line, score = frame.row(17)
    verdict = verifier.explain(Claim(subject, relation, target, line))
    (cited,) = verdict.evidence
    assert cited.detail["file"] == "predictions.parquet"
    assert (cited.detail["row"], cited.detail["model"]) == (18, "STATE")
    assert cited.detail["raw_score"] == score
    assert cited.detail["probability"] == verdict.score
    assert "predictions.parquet" in verdict.reason and "row 18" in verdict.reason


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("layout", ["claims", "pairs"])
def test_every_kind_of_file_gives_the_same_rows(tables: GraphTables, tmp_path: Path, ending: str, layout: str) -> None:
    frame = predicted(tables).filter((pl.col("relation") == CHANGES) & (pl.col("cell_line") == "k562"))
    given = frame if layout == "claims" else frame.select(pert="subject", gene="object", score="score")
    # Names in another case, and ids, mean the same genes.
    first = "subject" if layout == "claims" else "pert"
    given = given.with_columns(pl.col(first).str.to_lowercase())
    file = tmp_path / f"predictions.{ending}"
    if ending == "parquet":
        given.write_parquet(file)
    else:
        content = given.write_csv().encode()
        file.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    read = read_predictions(file, tables, FileOptions(cell_line="K562"))
    columns = ["subject", "relation", "object", "cell_line", "score"]
    assert read.frame.select(columns).equals(frame.select(columns))
    assert read.frame["row"][0] == (1 if ending == "parquet" else 2)
    assert read.names.rows == 0


WRONG = {
    "pert,gene\nGENE001,GENE002\n": "columns score are missing",
    "pert,gene,score\n": "no rows",
    "pert,gene,score\nGENE001,GENE002,0.5\nGENE001,GENE003,high\n": "line 3.*not a finite number",
    "pert,gene,score\nGENE001,GENE002,0.5\nGENE001,GENE003,\n": "line 3.*not a finite number",
    "pert,gene,score\nGENE001,GENE002,nan\n": "line 2.*not a finite number",
    "pert,gene,score\n,GENE002,0.1\n": "line 2.*subject is empty",
    "subject,relation,object,cell_line,score\nGENE001,likes,GENE002,k562,0.5\n": "line 2.*'likes' is no relation",
    "pert,gene,score\nGENE001,GENE002,0.5\nGENE001,GENE002,0.6\n": "another score: 0.5 there, 0.6 here",
    "pert,gene,score\nGENE001,GENE002,0.5\nNOSUCH1,GENE002,0.6\n": "1 of 2 rows name no gene",
    "pert,gene,score\nGENE001,GENE001,0.5\n": "no row is about two genes",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_files_are_refused_by_line(tables: GraphTables, tmp_path: Path, text: str) -> None:
    file = tmp_path / "p.csv"
    file.write_text(text)
    with pytest.raises(RbioKGError, match=WRONG[text]) as caught:
        read_predictions(file, tables, FileOptions())
    assert isinstance(caught.value, (SourceError, SelectionError))


def test_unknown_names_are_counted_where_that_is_allowed(tables: GraphTables, tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("pert,gene,score\nGENE001,GENE002,0.5\nNOSUCH1,GENE002,0.6\nnon-targeting,GENE002,0.1\n")
    read = read_predictions(file, tables, FileOptions(names=NameRules(most=1.0)))
    assert read.frame.height == 1
    assert read.names.to_json() == {"control": 1, "unknown": 1}


def test_memberships_of_terms(tables: GraphTables, tmp_path: Path) -> None:
    gene, term = tables["genes"]["symbol"][0], tables["terms"]["id"][0]
    frame = pl.DataFrame(
        {"subject": [gene], "relation": ["takes_part_in"], "object": [term], "cell_line": [None], "score": [0.75]},
        schema_overrides={"cell_line": pl.String},
    )
    verifier, _ = made(tables, tmp_path, frame)
    verdict = verifier.explain(Claim(gene, "takes_part_in", term))
    assert verdict.score == 0.75
    assert (verdict.evidence[0].end.label, verdict.evidence[0].end.key) == ("GoTerm", term)
