"""The figure of the results shows the numbers of the page."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.documents.results_figure import HIGH, LEFT, LINES, LOW, RIGHT, ROWS, main, results_figure
from tests.support.locations import DOCS

PAGE = (DOCS / "results" / "index.md").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def test_the_figure_is_up_to_date(tmp_path: Path) -> None:
    main(tmp_path)
    written = (DOCS / "results" / "changes.svg").read_text(encoding="utf-8")
    assert written == (tmp_path / "changes.svg").read_text(encoding="utf-8"), (
        "run python -m scripts.documents.results_figure"
    )
    assert "](changes.svg)" in PAGE


def test_every_value_lies_on_the_axis() -> None:
    tree = ElementTree.fromstring(results_figure(PAGE))
    points = [float(item.get("cx", 0)) for item in tree.iter(f"{SVG}circle") if item.get("r") == "3.5"]
    assert len(points) == len(ROWS) * len(LINES)
    assert all(LEFT <= x <= RIGHT for x in points)
    first = LOW + (points[0] - LEFT) / (RIGHT - LEFT) * (HIGH - LOW)
    assert first == pytest.approx(0.758, abs=1e-3)


def test_a_missing_row_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no row"):
        results_figure("nothing")
    with pytest.raises(ValueError, match="three numbers"):
        results_figure(PAGE.replace("| global, change | 0.715", "| global, change | none"))
