"""Anyone's predictions: clear refusals, the same measures, differences between two models, split schemes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.errors import EvaluationError, SelectionError, SourceError, TrainingError
from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.verifiers.splits import held_out_genes
from rbio_kg.verifiers.stats.metrics import paired_bootstrap, per_gene_auroc
from tests.support.evaluations import prediction_file_document, predictions_document
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=8, genes=48)


def _predictions(path: Path, text: str) -> Path:
    path.write_text("pert,gene,label,score\n" + text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A,X,1,0.5\nB,X,2,0.1\n", "line 3: label is not 0 or 1"),
        ("A,X,1,0.5\nB,X,0,nan\n", "line 3: score is not a finite number"),
        ("A,X,1,0.5\nB,X,0,high\n", "line 3: score is not a finite number"),
        ("A,X,1,0.5\nB,X,0,0.1\nA,X,1,0.4\n", "line 4: the pair occurs twice"),
        ("A,X,1,0.5\n,X,0,0.1\n", "line 3: pert or gene is empty"),
        ("A,X,1,0.5\nB,Y,0,0.1\n", "no gene has both labels"),
        ("", "no rows"),
    ],
)
def test_wrong_predictions_are_refused_by_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        prediction_file_document(_predictions(tmp_path / "p.csv", text))


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no such file"):
        prediction_file_document(tmp_path / "absent.csv")
    (tmp_path / "p.csv").write_text("pert,gene,probability\nA,X,0.4\n")
    with pytest.raises(EvaluationError, match="the columns label, score are missing"):
        prediction_file_document(tmp_path / "p.csv")


def test_a_scored_train_pair_is_a_leak(tables: GraphTables) -> None:
    train = tables["questions"].filter((pl.col("split") == "train") & (pl.col("task") == "de"))
    frame = train.filter(pl.col("cell_line") == "k562").select("pert", "gene", "label").with_columns(score=pl.lit(0.5))
    with pytest.raises(EvaluationError, match=r"leak: the row .* is in the training data"):
        predictions_document(frame, train, cell_line="k562")


def test_predictions_without_a_graph_have_no_priors() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "pert": [f"P{i}" for i in range(60)],
            "gene": [f"G{i % 6}" for i in range(60)],
            "label": rng.integers(0, 2, 60).tolist(),
            "score": (rng.random(60) * 9).tolist(),
        }
    )
    found = predictions_document(frame)
    expected = per_gene_auroc(frame["gene"].to_list(), frame["label"].to_numpy(), frame["score"].to_numpy())
    assert found["per_gene_auroc"] == expected.mean and found["ece"] is None
    assert found["baselines"]["gene_prior"] is None and found["baselines"]["pair_copy"] is None
    assert found["baselines"]["all_no"]["per_gene_auroc"] == 0.5


def _scored(tables: GraphTables, seed: int = 0, split: str = "test") -> pl.DataFrame:
    """K562's rows with scores that know a little."""
    here = (pl.col("split") == split) & (pl.col("task") == "de") & (pl.col("cell_line") == "k562")
    rows = tables["questions"].filter(here).select("pert", "gene", "label")
    noise = np.random.default_rng(seed).random(len(rows))
    return rows.with_columns(score=pl.col("label") * 0.3 + pl.Series(noise))


def test_a_difference_is_paired_over_genes(tables: GraphTables) -> None:
    one, two = _scored(tables, 0), _scored(tables, 1).sample(fraction=1.0, shuffle=True, seed=3)
    found = predictions_document(one, tables["questions"], cell_line="k562", against=two, against_where=Path("b.csv"))
    same = one.join(two.select("pert", "gene", other="score"), on=["pert", "gene"])
    measured = [
        per_gene_auroc(same["gene"].to_list(), same["label"].to_numpy(), same[name].to_numpy())
        for name in ("score", "other")
    ]
    expected = paired_bootstrap(*measured, seed=0)
    assert expected is not None
    assert found["differences"]["b.csv"] == pytest.approx(
        {"mean": expected.mean, "low": expected.low, "high": expected.high}
    )
    assert found["against"]["name"] == "b.csv"
    assert found["against"]["per_gene_auroc"] == pytest.approx(measured[1].mean)
    assert found["differences"]["gene_prior"]["mean"] == pytest.approx(found["per_gene_auroc"] - 0.5)
    swapped = predictions_document(two, tables["questions"], cell_line="k562", against=one, against_where=Path("a.csv"))
    assert swapped["differences"]["a.csv"]["mean"] == pytest.approx(-expected.mean)


def test_only_the_same_rows_are_compared(tables: GraphTables) -> None:
    one = _scored(tables)
    for other, place in ((one[1:], "b.csv"), (pl.concat([one[1:], one[:1].with_columns(pert=pl.lit("X"))]), "b.csv")):
        with pytest.raises(EvaluationError, match=f"{place}: 1 rows of the other file are missing"):
            predictions_document(one, against=other, where=Path("a.csv"), against_where=Path("b.csv"))
    with pytest.raises(EvaluationError, match=r"a\.csv: 1 rows of the other file are missing"):
        predictions_document(one[1:], against=one, where=Path("a.csv"), against_where=Path("b.csv"))
    with pytest.raises(EvaluationError, match=r"b\.csv: .* labels differ"):
        flipped = one.with_columns(label=1 - pl.col("label"))
        predictions_document(one, against=flipped, where=Path("a.csv"), against_where=Path("b.csv"))


def test_labels_are_those_of_the_questions(tables: GraphTables) -> None:
    wrong = _scored(tables).with_columns(label=1 - pl.col("label"))
    with pytest.raises(EvaluationError, match=r"labels differ from the known ones.*--task"):
        predictions_document(wrong, tables["questions"], cell_line="k562")
    assert predictions_document(_scored(tables))["missing_rows"] is None


def _probable(tables: GraphTables, seed: int = 0) -> pl.DataFrame:
    return _scored(tables, seed).with_columns(score=pl.col("score") / 1.3)


def test_the_test_rows_of_the_questions_are_measured_and_nothing_else(tables: GraphTables) -> None:
    questions, asked = tables["questions"], _probable(tables)
    plain = predictions_document(asked, questions, cell_line="k562")
    assert (plain["missing_rows"], plain["extra_rows"], plain["coverage"]) == (0, 0, {"predictions": 1.0})
    # Easy rows that the questions do not have change nothing.
    easy = pl.DataFrame({"pert": [f"X{i % 50}" for i in range(500)], "gene": [f"G{i // 50}" for i in range(500)]})
    easy = easy.with_columns(label=pl.int_range(pl.len()) % 2).with_columns(score=pl.col("label").cast(pl.Float64))
    train = _scored(tables, split="train").with_columns(score=pl.col("label").cast(pl.Float64))
    for more in (easy, train, pl.concat([easy, train])):
        found = predictions_document(pl.concat([asked, more]), questions, cell_line="k562")
        assert found["extra_rows"] == len(more) and found["rows"] == len(asked)
        for key in ("per_gene_auroc", "interval", "genes", "pooled", "ece", "baselines"):
            assert found[key] == plain[key], key
        assert "left out" in found["remarks"][-1]
    only = train.head(3).with_columns(label=1 - pl.col("label"))
    assert predictions_document(pl.concat([asked, only]), questions, cell_line="k562")["extra_rows"] == 3


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_missing_rows_get_the_gene_prior(tables: GraphTables, share: float) -> None:
    asked = _probable(tables)
    kept = asked[round(share * len(asked)) :]
    found = predictions_document(kept, tables["questions"], cell_line="k562")
    missing = len(asked) - len(kept)
    assert (found["rows"], found["missing_rows"]) == (len(asked), missing)
    assert found["coverage"]["predictions"] == pytest.approx(1 - missing / len(asked))
    assert f"{missing} of {len(asked)} test rows are not predicted" in found["remarks"][-1]


@pytest.mark.parametrize("kept", [1, 40, 0.79])
def test_many_missing_rows_stop_the_evaluation(tables: GraphTables, kept: float) -> None:
    asked = _probable(tables)
    part = asked.head(kept if isinstance(kept, int) else int(kept * len(asked)))
    with pytest.raises(
        EvaluationError, match=r"test rows of the questions are not predicted, more than 20%.*--allow-m"
    ):
        predictions_document(part, tables["questions"], cell_line="k562")
    found = predictions_document(part, tables["questions"], cell_line="k562", allow_missing=True)
    assert found["rows"] == len(asked) and found["missing_rows"] == len(asked) - len(part)


def test_nothing_predicted_is_the_gene_prior(tables: GraphTables) -> None:
    one = _probable(tables).head(1)
    found = predictions_document(one, tables["questions"], cell_line="k562", allow_missing=True)
    assert found["per_gene_auroc"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("scale", "shift"), [(100.0, 0.0), (8.0, -4.0), (1.0, 0.5), (-1.0, 0.0)])
def test_scores_that_are_no_probabilities_have_no_threshold(tables: GraphTables, scale: float, shift: float) -> None:
    asked = _probable(tables)
    other = asked.with_columns(score=pl.col("score") * scale + shift)
    found, plain = (predictions_document(rows, tables["questions"], cell_line="k562") for rows in (other, asked))
    assert (found["probabilities"], plain["probabilities"]) == (False, True)
    assert {name for name, value in found["pooled"].items() if value is not None} == {"auroc"}
    assert found["ece"] is None and "no probabilities" in found["remarks"][-1]
    assert None not in plain["pooled"].values()
    if scale > 0:
        assert found["per_gene_auroc"] == pytest.approx(plain["per_gene_auroc"])


NAMES = {
    "symbols": lambda number: f"GENE{number:03d}",
    "lower case": lambda number: f"gene{number:03d}",
    "title case": lambda number: f"Gene{number:03d}",
    "entrez": lambda number: str(5000 + number),
    "entrez with prefix": lambda number: f"NCBIGene:{5000 + number}",
}
"""Ways to write the number of a gene of the small graph."""


@pytest.mark.parametrize("spelling", NAMES)
def test_the_spelling_of_names_changes_no_measure(tables: GraphTables, tmp_path: Path, spelling: str) -> None:
    known = set(tables["names"]["label"]) | {label.lower() for label in tables["names"]["label"]}
    write = NAMES[spelling]
    if write(3).lower() not in known and not spelling.startswith("entrez"):
        pytest.fail("the small graph has other names")
    asked = _probable(tables)
    number = pl.col("pert").str.extract(r"(\d+)").cast(pl.Int64)
    spelled = asked.with_columns(number.map_elements(write, return_dtype=pl.String).alias("pert"))
    plain, found = (
        prediction_file_document(_written(tmp_path / name, rows), tables, cell_line="K-562")
        for name, rows in (("a.csv", asked), ("b.csv", spelled))
    )
    assert found["rows"] == plain["rows"] and found["cell_line"] == "k562"
    assert found["per_gene_auroc"] == plain["per_gene_auroc"] and found["extra_rows"] == 0
    assert found["unrecognised"] == {}


def _written(path: Path, rows: pl.DataFrame) -> Path:
    rows.write_csv(path)
    return path


def test_names_that_mean_nothing_are_counted_and_many_are_refused(tables: GraphTables, tmp_path: Path) -> None:
    asked = _probable(tables)
    controls = asked.head(3).with_columns(pert=pl.lit("non-targeting"))
    guides = asked.slice(3, 2).with_columns(pl.concat_str("pert", pl.lit("_sgRNA2")))
    file = _written(tmp_path / "some.csv", pl.concat([asked, controls.unique("gene"), guides]))
    found = prediction_file_document(file, tables, cell_line="k562")
    assert found["unrecognised"] == {"control": len(controls.unique("gene")), "guide": 2}
    assert found["rows"] == len(asked)
    every = _written(tmp_path / "all.csv", asked.with_columns(pl.concat_str("pert", pl.lit("_sgRNA2"))))
    with pytest.raises(SelectionError, match=r"rows name no gene of this graph, more than 20%.*--accept-suggestions"):
        prediction_file_document(every, tables, cell_line="k562")
    taken = prediction_file_document(every, tables, cell_line="k562", names=NameRules(accept=True))
    assert taken["extra_rows"] == 0 and "suggested genes were taken" in " ".join(taken["remarks"])


def test_two_names_of_one_pair(tables: GraphTables, tmp_path: Path) -> None:
    asked = _probable(tables)
    again = asked.head(1).with_columns(pl.col("pert").str.to_lowercase())
    same = _written(tmp_path / "same.csv", pl.concat([asked, again]))
    assert prediction_file_document(same, tables, cell_line="k562")["rows"] == len(asked)
    different = _written(tmp_path / "other.csv", pl.concat([asked, again.with_columns(score=pl.lit(0.123))]))
    line = len(asked) + 2
    with pytest.raises(SourceError, match=rf"other\.csv, line {line}: the row of line 2 is the same .*another score"):
        prediction_file_document(different, tables, cell_line="k562")


def test_disjoint_genes_are_measured_alone(tables: GraphTables) -> None:
    scored = _scored(tables)
    found = predictions_document(scored, tables["questions"], cell_line="k562", split_scheme="gene-disjoint", seed=4)
    apart = held_out_genes(scored["gene"].unique().to_list(), 4)
    assert found["rows"] == len(scored.filter(pl.col("gene").is_in(apart))) < len(scored)
    assert found["missing_rows"] == 0
    for split_scheme in ("leave-one-line-out", "global"):
        again = predictions_document(scored, tables["questions"], cell_line="K562", split_scheme=split_scheme)
        assert again["rows"] == len(scored)
        assert again["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5
    with pytest.raises(TrainingError, match="unknown split scheme"):
        predictions_document(scored, tables["questions"], cell_line="k562", split_scheme="lenient")


def test_a_line_that_nobody_knows_has_the_other_lines_priors(tables: GraphTables) -> None:
    found = predictions_document(_scored(tables), tables["questions"], cell_line="HeLa 3")
    assert found["cell_line"] == "hela3"
    assert found["baselines"]["gene_prior"]["pooled"]["auroc"] != 0.5
    with pytest.raises(EvaluationError, match="cannot be called"):
        predictions_document(_scored(tables), tables["questions"], cell_line="../..")
