"""The section on reasoning: its tables, its curves, and what it says where something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import ReportError
from rbio_kg.report import write_report
from rbio_kg.report.phrases import NOTHING
from rbio_kg.report.reasoning import reasoning_view
from tests.support.runs import make_run, reasoning


def test_figures_stand_beside_their_intervals() -> None:
    view = reasoning_view(reasoning(), simulated=True)
    assert view is not None and (view.rows, view.genes) == ("200", "12")
    readings, stated, statements = view.tables
    found = dict(readings.rows)
    assert list(found) == [
        "After its own reasoning",
        "After no reasoning",
        "After the first half of it",
        "After another question's",
    ]
    assert found["After no reasoning"][:2] == ("0.600 [0.540, 0.660]", "0.020 [0.010, 0.030]")
    assert found["After its own reasoning"][1] == NOTHING
    assert all(len(figures) == len(table.heads) for table in view.tables for _, figures in table.rows)
    assert stated.rows[0][1][-2:] == ("41 %", "5 %")
    assert dict(statements.rows)["Before training"] == ("1.50", NOTHING, NOTHING, NOTHING)
    assert dict(statements.rows)["After training"] == ("1.50", "50 %", "10 %", "40 %")
    assert (readings.simulated, stated.simulated, statements.simulated) == (True, True, False)


def test_curves_leave_out_what_is_undefined() -> None:
    view = reasoning_view(reasoning(), simulated=False)
    assert view is not None
    errors, ranks = view.charts
    assert errors.lines[0].name == "after its reasoning, area 0.120"
    assert [len(line.dots) for line in errors.lines] == [10, 10, 10]
    assert [len(line.dots) for line in ranks.lines] == [8, 8, 8]
    assert errors.lines[0].dots[0][2] == "after its reasoning, area 0.120, percent answered 10: 0.03"


def test_nothing_and_half_of_it_are_shown_too() -> None:
    assert reasoning_view({}, simulated=False) is None
    view = reasoning_view(
        {"rows": 3, "readings": [], "stated": None, "abstention": {"own": {"curve": [1]}}}, simulated=False
    )
    assert view is not None
    assert (view.tables, view.genes) == ((), NOTHING)
    assert all(chart.missing for chart in view.charts)


def test_the_page_has_the_section_or_says_how_to_get_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    html = write_report(run, tmp_path / "r.html").read_text("utf-8")
    for id in ("reasoning", "readings", "stated", "statements", "risk-coverage", "auroc-coverage"):
        assert f'id="{id}"' in html
    file = run / "evaluation" / "reasoning.json"
    file.write_text("[")
    with pytest.raises(ReportError, match="cannot be read as a JSON object"):
        write_report(run, tmp_path / "r.html")
    file.unlink()
    assert "rbio-kg evaluate policy run --reasoning" in write_report(run, tmp_path / "r.html").read_text("utf-8")
