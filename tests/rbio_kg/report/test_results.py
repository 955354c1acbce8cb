from __future__ import annotations

import pytest

from rbio_kg.report.results import finding, results, whiskers
from tests.support.runs import evaluation


def test_rows_are_the_stages_in_time_then_the_baselines() -> None:
    rows = results({"after": evaluation(0.62), "before": evaluation(0.52, unparsed=1.0)})
    assert [row.name for row in rows] == [
        "Before training, by likelihood", "Before training, by votes", "After training, by likelihood",
        "After training, by votes", "Gene prior", "Pair copy", "Always no", "Always yes",
    ]  # fmt: skip
    assert [row.baseline for row in rows] == [False] * 4 + [True] * 4
    assert (rows[0].auroc, rows[0].interval, rows[0].unparsed, rows[0].reward) == (0.52, (0.46, 0.58), None, None)
    assert (rows[1].unparsed, rows[1].reward) == (1.0, 0.4)
    assert rows[6].pooled["f1"] == 0.0
    assert rows[6].pooled["mcc"] is None


def test_an_evaluation_without_readings_is_one_row_and_numbers_may_be_bare() -> None:
    rows = results({"after": {"per_gene_auroc": 0.6, "votes": None, "baselines": {"gene_prior": 0.5, "mine": 0.7}}})
    assert [(row.name, row.auroc) for row in rows] == [("After training", 0.6), ("Gene prior", 0.5), ("mine", 0.7)]
    bare = results({"after": {"per_gene_auroc": 0.6, "likelihood": 0.61, "rows": 9}})
    assert [(row.name, row.auroc, row.rows) for row in bare] == [("After training, by likelihood", 0.61, 9)]


def test_whiskers_keep_order_and_stay_inside() -> None:
    chart = whiskers(results({"after": evaluation(0.93)}))
    assert chart is not None
    assert all(0 <= place <= 100 for row in chart.rows for place in (row.dot, row.low or 0, row.high or 0))
    best = chart.rows[0]
    assert best.low is not None and best.high is not None and best.low < best.dot < best.high
    assert best.dot > chart.chance == chart.rows[2].dot
    assert [label for _, label in chart.ticks] == ["0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]


def test_without_any_figure_there_is_no_chart() -> None:
    assert whiskers(results({"after": {"per_gene_auroc": None}})) is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.52, 0.6, "The intervals overlap"),
        (0.52, 0.7, "The intervals do not overlap"),
        (0.62, 0.52, "a change of \N{MINUS SIGN}0.100"),
    ],
)
def test_the_finding_is_careful(before: float, after: float, said: str) -> None:
    assert said in finding({"before": evaluation(before), "after": evaluation(after)})


def test_the_finding_says_what_is_missing() -> None:
    assert finding({}) == ""
    assert "Only one evaluation" in finding({"before": evaluation(0.5)})
    assert "no per-gene AUROC" in finding({"before": evaluation(0.5), "after": {"per_gene_auroc": None}})
    bare = {"per_gene_auroc": 0.5}
    assert "cannot be distinguished from chance" in finding({"before": bare, "after": bare})
    assert finding({"before": bare, "after": bare}, simulated=True).count("simulated") == 3
