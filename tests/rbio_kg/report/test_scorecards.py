from __future__ import annotations

from rbio_kg.report.scorecards import read_scorecards
from tests.support.runs import scorecards


def test_cards_are_read_in_order() -> None:
    cards = read_scorecards(scorecards(), simulated=False)
    assert [card.name for card in cards] == ["expression model", "graph path", "link predictor", "reasoning trace"]
    assert all(card.simulated for card in cards)
    assert cards[0].result.auroc == 0.69
    assert [row.name for row in cards[0].baselines] == ["Gene prior", "Pair copy", "Always no", "Always yes"]


def test_dots_stand_where_the_bins_say() -> None:
    card = read_scorecards({"x": {"reliability": [
        {"low": 0, "high": 0.5, "mean_probability": 0.0, "rate": 0.0, "n": 1},
        {"low": 0.5, "high": 1, "mean_probability": 1.0, "rate": 1.0, "n": 100},
        {"low": 0.4, "high": 0.5, "mean_probability": None, "rate": None, "n": 0},
    ]}}, simulated=False)[0]  # fmt: skip
    assert card.reliability is not None
    left, bottom, right, top = card.reliability.corners
    small, large = card.reliability.dots
    assert (small.x, small.y, large.x, large.y) == (left, bottom, right, top)
    assert small.r < large.r


def test_a_card_without_bins_says_why() -> None:
    card = read_scorecards({"ontology_text": {"coverage": 0, "reason": "needs texts"}}, simulated=True)[0]
    assert (card.reliability, card.reason, card.simulated) == (None, "needs texts", True)


def test_bins_may_stand_under_a_name() -> None:
    bins = [{"low": 0, "high": 1, "mean_probability": 0.5, "rate": 0.4, "n": 3}]
    card = read_scorecards({"x": {"reliability": {"bins": bins}}}, simulated=False)[0]
    assert card.reliability is not None
    assert card.reliability.d == ""
