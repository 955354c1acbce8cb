"""A card in words: bars that say what the bins say, and a plain word where the gene prior is not beaten."""

from __future__ import annotations

from typing import Any

import pytest

from rbio_kg.report.card_text import BAR, card_text, figure, reliability_bars
from rbio_kg.verifiers.evaluation.scorecard import verdict_on


def measured(auroc: float, low: float, high: float) -> dict[str, Any]:
    figures = {"per_gene_auroc": auroc, "interval": [low, high]}
    beside = {name: {"per_gene_auroc": 0.5} for name in ("gene_prior", "pair_copy", "perturbation_strength")}
    rest = {"rows": 1234, "coverage": 0.987, "pooled": {"auroc": 0.71}, "ece": 0.0123, "baselines": beside}
    return {**figures, **rest, **verdict_on(figures)}


def card(auroc: float, low: float, high: float) -> dict[str, Any]:
    about = {"name": "mine", "kind": "claim", "knows": "much", "abstains": "often", "licence": "CC0", "sources": ["a"]}
    worst = [
        {"subgroup": name, "rows": 10, "per_gene_auroc": 0.5 + i / 100, "interval": [0.4, 0.6], "gap": gap}
        for i, (name, gap) in enumerate((("first", 0.0), ("second", 0.01), ("third", 0.02), ("fourth", -0.3)))
    ]
    one = measured(auroc, low, high)
    return {**about, **one, "split": "train", "questions": {"k562 de": one}, "worst": worst, "reliability": None}


@pytest.mark.parametrize(("low", "beaten"), [(0.51, True), (0.5, False), (0.48, False)])
def test_a_verifier_that_does_not_beat_the_gene_prior_says_so(low: float, beaten: bool) -> None:
    text = card_text(card(0.52, low, 0.55))
    assert ("NOT beat the gene prior" in text) is not beaten
    assert "on k562 de" in text if not beaten else "It beats the gene prior: per-gene AUROC 0.520" in text
    assert "| k562 de | 1,234 | 0.99 | 0.520" in text
    assert "CC0" in text and "often" in text


def test_the_largest_gap_is_shown_beside_the_worst_ranked() -> None:
    text = card_text(card(0.6, 0.55, 0.65))
    assert all(name in text for name in ("first", "second", "third", "fourth"))
    assert "-0.300" in text


def test_bars_are_as_long_as_the_rates() -> None:
    bins = [
        {"low": 0.0, "high": 0.5, "n": 40, "mean_probability": 0.25, "rate": 0.5},
        {"low": 0.5, "high": 1.0, "n": 0, "mean_probability": None, "rate": None},
        {"low": 0.9, "high": 1.0, "n": 2, "mean_probability": 1.0, "rate": 0.0},
    ]
    lines = reliability_bars(bins).splitlines()
    assert len(lines) == 5  # the fences, the header and two bins with rows
    bar = lines[2].split()[3]
    assert len(bar) == BAR and bar[BAR // 4] == "|"
    assert bar.count("#") == BAR // 2 - 1
    assert lines[3].split()[3] == "." * (BAR - 1) + "|"


def test_what_is_absent_is_a_dash() -> None:
    assert (figure(None), figure(0.1234), figure(-0.5, 2), figure(1.0)) == ("-", "0.123", "-0.50", "1.000")


def test_links_with_a_sister_relation_are_shown() -> None:
    metrics = {
        "loss": [1.0],
        "regulates": {
            "auroc": 0.8,
            "positives": 1004,
            "sisters": {
                "other_relation": 0.09,
                "other_direction": 0.04,
                "two_gene_sets": 0.001,
                "any": 0.11,
                "without": {"auroc": None, "ap": None, "rows": 9, "positives": 894},
            },
        },
        "changes": {"auroc": 0.7},
    }
    text = card_text({**card(0.6, 0.55, 0.65), "settings": {"metrics": metrics}})
    assert "| regulates | 1,004 | 0.090 | 0.040 | 0.001 | 0.110 | 0.800 | - | 894 |" in text
    assert "AUROC without these" not in card_text(card(0.6, 0.55, 0.65))
