from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from rbio_kg.core.errors import BuildError
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph_builders.build.build import build_tables
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.graph_builders.sample.simulate import (
    LINES,
    MOST_POSITIVES,
    NEGATIVES,
    Simulation,
    graph_similarity,
    simulate,
)
from tests.support.profiles import examples

Similarity = tuple[NDArray[np.float64], NDArray[np.str_]]


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return build_tables(sample_directory())[0]


@pytest.fixture(scope="module")
def simulation(tables: GraphTables) -> Simulation:
    return simulate(tables)


@pytest.fixture(scope="module")
def similarity(tables: GraphTables) -> Similarity:
    return graph_similarity(tables)


def per_gene_auroc(rows: pl.DataFrame, scores: list[float]) -> tuple[float, int]:
    values = []
    for _, group in rows.with_columns(score=pl.Series(scores, dtype=pl.Float64)).group_by("gene"):
        labels = group["label"].to_numpy()
        if 0 < labels.sum() < len(labels):
            values.append(roc_auc_score(labels, group["score"].to_numpy()))
    return float(np.mean(values)), len(values)


def similarity_vote(rows: pl.DataFrame, similarity: Similarity) -> tuple[pl.DataFrame, list[float]]:
    """Test rows and, for each, the mean of the training labels less the gene's base rate, weighted by similarity^4."""
    matrix, names = similarity
    place = {str(name): number for number, name in enumerate(names)}
    train, test = (rows.filter(pl.col("split") == split) for split in ("train", "test"))
    known = {
        gene: ([place[pert] for pert in group["pert"]], (group["label"] - group["label"].mean()).to_numpy())
        for (gene,), group in train.group_by("gene")
    }
    scores = []
    for pert, gene in test.select("pert", "gene").iter_rows():
        others, centred = known[gene]
        weight = matrix[place[pert], others] ** 4
        scores.append(float(weight @ centred / max(weight.sum(), 1e-12)))
    return test, scores


def test_the_shipped_labels_are_those_the_model_draws(simulation: Simulation, tmp_path: Path) -> None:
    written = simulation.write(tmp_path)
    shipped = sample_directory() / "perturbqa"
    assert {path.name for path in written} == {path.name for path in shipped.iterdir()}
    for path in written:
        assert path.read_bytes() == (shipped / path.name).read_bytes()


def test_another_seed_draws_other_labels(tables: GraphTables, simulation: Simulation) -> None:
    assert not simulate(tables, seed=1).changes["k562"].equals(simulation.changes["k562"])


def test_what_is_written_says_simulated(simulation: Simulation, tmp_path: Path) -> None:
    simulation.write(tmp_path)
    note = json.loads((tmp_path / "simulated.json").read_text())
    assert note["simulated"] is True
    assert note["seed"] == simulation.seed
    assert "not a measurement" in note["warning"]
    for line in LINES:
        for task in ("de", "dir"):
            frame = pl.read_csv(gzip.decompress((tmp_path / f"{line}-{task}.csv.gz").read_bytes()))
            assert frame.columns == ["pert", "gene", "label", "split", "simulated"]
            assert frame["simulated"].all()


@pytest.mark.parametrize("line", LINES)
def test_the_questions_have_perturbqas_shape(simulation: Simulation, line: str) -> None:
    rows = simulation.changes[line]
    assert 15_000 <= rows.height <= 25_000
    assert 0.12 <= rows["label"].cast(pl.Float64).mean() <= 0.16  # type: ignore[operator]
    assert not rows.filter(pl.col("pert") == pl.col("gene")).height
    assert not rows.select("pert", "gene").is_duplicated().any()
    by_pert = rows.group_by("pert").agg(
        pl.col("label").sum().alias("positive"), pl.len().alias("rows"), pl.col("split").n_unique().alias("splits")
    )
    assert by_pert["positive"].max() <= MOST_POSITIVES  # type: ignore[operator]
    assert by_pert["splits"].max() == 1
    assert (by_pert["rows"] - by_pert["positive"]).is_between(*NEGATIVES).all()
    train, test = (rows.filter(pl.col("split") == split) for split in ("train", "test"))
    assert 0.15 <= test["pert"].n_unique() / by_pert.height <= 0.20
    assert set(test["gene"]) <= set(train["gene"])
    # Most genes never respond, and those that do are enough for an interval.
    responding = rows.filter(pl.col("label") == 1)["gene"].n_unique()
    assert responding < 0.4 * rows["gene"].n_unique()
    mixed = test.group_by("gene").agg(pl.col("label").n_unique().alias("labels")).filter(pl.col("labels") == 2)
    assert mixed.height >= 60


@pytest.mark.parametrize("line", LINES)
def test_directions_are_asked_of_the_positives(simulation: Simulation, line: str) -> None:
    positive = simulation.changes[line].filter(pl.col("label") == 1)
    directions = simulation.directions[line]
    pairs = positive.select("pert", "gene", "split")
    questions = directions.select("pert", "gene", "split")
    assert questions.join(pairs, on=questions.columns, how="anti").is_empty()
    # PerturbQA asks a direction of every positive; a gene without a training direction is left out of the test here.
    left_out = pairs.join(questions, on=pairs.columns, how="anti")
    assert set(left_out["split"]) <= {"test"}
    assert left_out.height < 0.02 * pairs.height
    assert 0.3 < directions["label"].mean() < 0.7  # type: ignore[operator]


@pytest.mark.parametrize("line", LINES)
def test_the_graph_tells_something_and_the_gene_alone_nothing(
    simulation: Simulation, similarity: Similarity, line: str
) -> None:
    test, scores = similarity_vote(simulation.changes[line], similarity)
    vote, genes = per_gene_auroc(test, scores)
    assert genes >= 60
    assert 0.62 <= vote <= 0.78
    train = simulation.changes[line].filter(pl.col("split") == "train")
    rate = dict(train.group_by("gene").agg(pl.col("label").mean()).iter_rows())
    assert per_gene_auroc(test, [rate[gene] for gene in test["gene"]])[0] == 0.5
    directed, scores = similarity_vote(simulation.directions[line], similarity)
    assert per_gene_auroc(directed, scores)[0] >= 0.62


def test_one_line_tells_something_about_the_other_but_not_all(simulation: Simulation) -> None:
    both = simulation.changes["k562"].join(simulation.changes["rpe1"], on=["pert", "gene"])
    agreement = float(np.corrcoef(both["label"].to_numpy(), both["label_right"].to_numpy())[0, 1])
    assert 0.3 < agreement < 0.8
    # Perturbations held out in one line are trained on in the other: what the global split is there to stop.
    held_out = both.filter(pl.col("split") == "test")
    assert (held_out["split_right"] == "train").any()


def test_likeness_agrees_with_a_slow_computation() -> None:
    schema = {"start": pl.String, "end": pl.String}
    small = {
        "genes": pl.DataFrame({"symbol": ["A", "B", "C", "D"]}),
        "annotations": pl.DataFrame([("A", "x"), ("B", "y"), ("C", "z")], schema=schema, orient="row"),
        "is_a": pl.DataFrame([("x", "top"), ("y", "top")], schema=schema, orient="row"),
        "part_of": pl.DataFrame([("z", "y")], schema=schema, orient="row"),
        "interactions": pl.DataFrame({"start": ["A"], "end": ["B"], "score": [500]}),
        "memberships": pl.DataFrame([("A", "P"), ("B", "P"), ("B", "Q"), ("C", "Q")], schema=schema, orient="row"),
    }
    similarity, names = graph_similarity(small)
    # Of four genes x has one (2 bits), y two (1 bit), z one (2 bits); top has more than half and counts nothing.
    terms = {"A": {"x": 2.0}, "B": {"y": 1.0}, "C": {"y": 1.0, "z": 2.0}, "D": {}}
    links = {"A": {"A": 1.0, "B": 0.5}, "B": {"A": 0.5, "B": 1.0}, "C": {"C": 1.0}, "D": {"D": 1.0}}
    pathways = {"A": {"P": 1.0}, "B": {"P": 1.0, "Q": 1.0}, "C": {"Q": 1.0}, "D": {}}

    def cosine(one: dict[str, float], other: dict[str, float]) -> float:
        length = (sum(v * v for v in one.values()) * sum(v * v for v in other.values())) ** 0.5
        return sum(value * other.get(name, 0.0) for name, value in one.items()) / length if length else 0.0

    assert list(names) == ["A", "B", "C", "D"]
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            expected = sum(cosine(kind[a], kind[b]) for kind in (terms, links, pathways)) / 3
            assert similarity[i, j] == pytest.approx(expected)


def test_a_graph_that_is_too_small_is_an_error(tables: GraphTables) -> None:
    few = dict(tables) | {"interactions": tables["interactions"].head(3)}
    with pytest.raises(BuildError, match="simulated labels need 300 genes"):
        simulate(few)


@settings(max_examples=examples(0.05))
@given(seed=st.integers(0, 2**32))
def test_every_seed_keeps_the_rules(tables: GraphTables, seed: int) -> None:
    drawn = simulate(tables, seed=seed)
    for line in LINES:
        rows = drawn.changes[line]
        train, test = (rows.filter(pl.col("split") == split) for split in ("train", "test"))
        assert set(rows["label"]) == {0, 1}
        assert rows.filter(pl.col("pert") == pl.col("gene")).is_empty()
        assert not set(train["pert"]) & set(test["pert"])
        assert set(test["gene"]) <= set(train["gene"])
        assert rows.equals(rows.sort("pert", "gene"))
