"""The measures against scikit-learn and against slow obvious loops."""

from __future__ import annotations

import itertools
import json
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from rbio_kg.verifiers.stats.metrics import (
    PerGene,
    auroc,
    bootstrap_interval,
    brier_score,
    expected_calibration_error,
    paired_bootstrap,
    per_gene_auroc,
    pooled_metrics,
    reliability_bins,
    summary,
)

# Few distinct scores, so that ties are common.
ROWS = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 1), st.integers(-3, 3), st.integers(0, 2)), max_size=60
)


def _columns(rows: list[tuple[str, int, int, int]]) -> tuple[np.ndarray, ...]:
    genes, labels, scores, folds = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    return np.array(genes, dtype=str), np.array(labels, int), np.array(scores, float), np.array(folds, int)


@given(ROWS)
def test_per_gene_auroc_is_scikit_learns_gene_by_gene(rows: list[tuple[str, int, int, int]]) -> None:
    genes, labels, scores, _ = _columns(rows)
    found = per_gene_auroc(genes, labels, scores)
    expected = {
        gene: sk.roc_auc_score(labels[genes == gene], scores[genes == gene])
        for gene in sorted(set(genes))
        if len(set(labels[genes == gene])) == 2
    }
    assert found.names == tuple(expected)
    assert found.values == pytest.approx(list(expected.values()))
    assert found.genes == len(expected)
    assert found.rows == sum(int((genes == gene).sum()) for gene in expected)
    assert found.mean == (pytest.approx(np.mean(list(expected.values()))) if expected else None)


@given(ROWS)
def test_strata_compare_only_rows_of_one_fold(rows: list[tuple[str, int, int, int]]) -> None:
    genes, labels, scores, folds = _columns(rows)
    found = per_gene_auroc(genes, labels, scores, folds)
    expected = {}
    for gene, fold in sorted(set(zip(genes, folds, strict=True))):
        won = pairs = 0.0
        for i, j in itertools.product(range(len(rows)), repeat=2):
            if {(genes[i], folds[i]), (genes[j], folds[j])} == {(gene, fold)} and (labels[i], labels[j]) == (1, 0):
                pairs += 1
                won += 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
        if pairs:
            expected[f"{gene} {fold}"] = won / pairs
    assert found.names == tuple(expected)
    assert found.values == pytest.approx(list(expected.values()))


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_and_monotone_maps_change_nothing(rows: list[tuple[str, int, int, int]], random: Random) -> None:
    genes, labels, scores, _ = _columns(rows)
    first = per_gene_auroc(genes, labels, scores)
    order = list(range(len(rows)))
    random.shuffle(order)
    second = per_gene_auroc(genes[order], labels[order], np.exp(scores[order]))
    assert first.names == second.names
    assert first.values == pytest.approx(second.values)
    if first.genes:
        assert per_gene_auroc(genes, labels, -scores).mean == pytest.approx(1 - first.mean)


def test_a_predictor_that_knows_the_gene_only_scores_one_half() -> None:
    generator = np.random.default_rng(0)
    genes = np.repeat([f"G{i}" for i in range(50)], 20)
    rate = np.repeat(generator.random(50), 20)
    labels = (generator.random(1000) < rate).astype(int)
    assert per_gene_auroc(genes, labels, rate).mean == 0.5
    assert auroc(labels, rate) > 0.7


def test_out_of_fold_rates_look_worse_than_chance_unless_stratified() -> None:
    generator = np.random.default_rng(1)
    genes, folds = np.repeat(np.arange(40), 50), np.tile(np.arange(50) % 10, 40)
    labels = (generator.random(2000) < 0.3).astype(int)
    rate = np.array([labels[(genes == g) & (folds != f)].mean() for g, f in zip(genes, folds, strict=True)])
    assert per_gene_auroc(genes, labels, rate).mean < 0.4
    assert per_gene_auroc(genes, labels, rate, folds).mean == 0.5


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=1, max_size=50))
def test_pooled_metrics_are_scikit_learns(rows: list[tuple[str, int, int, int]]) -> None:
    labels = np.array([label for label, _ in rows])
    scores = np.array([score / 10 for _, score in rows])
    found = pooled_metrics(labels, scores)
    answers = (scores >= 0.5).astype(int)
    positive, negative = labels.sum() > 0, labels.sum() < len(labels)
    expected = {
        "f1": sk.f1_score(labels, answers, zero_division=0.0) if positive or answers.any() else None,
        "tpr": sk.recall_score(labels, answers) if positive else None,
        "tnr": sk.recall_score(labels, answers, pos_label=0) if negative else None,
        "balanced_accuracy": sk.balanced_accuracy_score(labels, answers) if positive and negative else None,
        "mcc": sk.matthews_corrcoef(labels, answers) if positive and negative else None,
        "auroc": sk.roc_auc_score(labels, scores) if positive and negative else None,
    }
    assert found == {name: None if value is None else pytest.approx(value) for name, value in expected.items()}


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60), st.integers(1, 12))
def test_calibration_against_a_loop(rows: list[tuple[int, float]], bins: int) -> None:
    labels, stated = [label for label, _ in rows], [value for _, value in rows]
    parts = [[] for _ in range(bins)]
    for label, value in rows:
        parts[min(int(value * bins), bins - 1)].append((label, value))
    gap = sum(
        len(part) * abs(sum(v for _, v in part) / len(part) - sum(y for y, _ in part) / len(part))
        for part in parts
        if part
    )
    assert expected_calibration_error(labels, stated, bins) == pytest.approx(gap / len(rows))
    assert [item["n"] for item in reliability_bins(labels, stated, bins)] == [len(part) for part in parts]
    assert brier_score(labels, stated) == pytest.approx(
        sk.brier_score_loss(labels, stated) if len(set(labels)) == 2 else np.mean((np.array(stated) - labels) ** 2)
    )


def test_perfect_probabilities_have_no_calibration_error() -> None:
    assert expected_calibration_error([0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0]) == 0.0
    assert expected_calibration_error([0, 0, 0, 1], [1.0, 1.0, 1.0, 1.0]) == 0.75


def test_the_interval_is_seeded_and_covers_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for draw in range(200):
        low, high = bootstrap_interval(generator.normal(0.6, 0.2, 80), seed=draw, samples=300)
        hits += low <= 0.6 <= high
    assert 180 <= hits <= 199
    values = generator.random(30)
    assert bootstrap_interval(values, 3) == bootstrap_interval(values, 3)
    assert bootstrap_interval(values, 3) != bootstrap_interval(values, 4)
    assert bootstrap_interval([], 0) is None
    assert bootstrap_interval([0.25], 0) == (0.25, 0.25)


def test_a_paired_difference_is_tighter_than_two_separate_intervals() -> None:
    generator = np.random.default_rng(4)
    base = generator.random(200)
    names = tuple(f"G{i}" for i in range(200))
    first = PerGene(0.0, 200, 200, base + generator.normal(0.05, 0.02, 200), names)
    second = PerGene(0.0, 200, 200, base, names)
    found = paired_bootstrap(first, second, seed=0)
    assert found.mean == pytest.approx(float((first.values - second.values).mean()))
    assert found.low > 0.04 and found.high < 0.06
    low, high = bootstrap_interval(base, 0)
    assert high - low > 5 * (found.high - found.low)


def test_a_paired_difference_needs_the_same_genes() -> None:
    one = per_gene_auroc(["A", "A"], [0, 1], [0.1, 0.2])
    other = per_gene_auroc(["B", "B"], [0, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match="same genes"):
        paired_bootstrap(one, other, seed=0)
    empty = per_gene_auroc([], [], [])
    assert paired_bootstrap(empty, empty, seed=0) is None


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [([0, 1], [0.1], "one length"), ([0, 2], [0.1, 0.2], "0 or 1"), ([0, 1], [0.1, np.nan], "finite")],
)
def test_wrong_input_is_refused(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        per_gene_auroc(["A"] * len(labels), labels, scores)
    with pytest.raises(ValueError, match=message):
        pooled_metrics(labels, scores)


def test_probabilities_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability_bins([0, 1], [0.5, 1.5])


def test_the_summary_is_json_without_nan() -> None:
    text = json.dumps(summary(["A", "A", "B"], [0, 1, 1], [-3.0, 2.0, 0.4], seed=0), allow_nan=False)
    found = json.loads(text)
    assert found["per_gene_auroc"] == 1.0 and found["genes"] == 1
    assert (found["rows"], found["rows_in_genes"]) == (3, 2)
    assert found["ece"] is None
    empty = summary([], [], [], seed=0)
    assert empty["per_gene_auroc"] is None and empty["interval"] is None
