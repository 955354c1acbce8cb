"""docs/results/changes.svg: the main results on changes of expression, drawn from the tables of docs/results/index.md.

`python -m scripts.documents.results_figure` writes it; a test fails if it is out of date.
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path

from rbio_kg.core.atomic_io import write_text

ROWS = (
    ("official, change", "expression verifier, official split"),
    ("global, change", "expression verifier, global split"),
    ("gene-disjoint, change", "expression verifier, gene-disjoint split"),
    ("leave-one-line-out, change", "expression verifier, cell line left out"),
    ("**policy after SFT** (4,800 examples)", "135M model after SFT, official split"),
    ("logistic regression, same facts", "logistic regression on the same facts"),
    ("pair copy", "label copied from another cell line"),
    ("gene prior", "base rate of each gene"),
)
"""First cell of a row in the first table that has it, and its name in the figure."""
LINES = (("K562", "#0f766e"), ("RPE1", "#b45309"), ("HepG2", "#4338ca"))
WIDTH, LEFT, RIGHT, TOP, STEP = 960, 380, 930, 70, 46
LOW, HIGH = 0.45, 0.80
_NUMBER = re.compile(r"(0\.\d+)(?: \[(0\.\d+), (0\.\d+)\])?")


def results_figure(page: str) -> str:
    """The figure as SVG: per-gene AUROC of each row and cell line, with its interval.

    Raises:
        ValueError: the page lacks a row.
    """
    bottom = TOP + STEP * len(ROWS)
    body = [_text(24, 30, "title", "Which genes does a knockdown change? Per-gene AUROC, 95 % intervals over genes")]
    for number in range(45, 81, 5):
        x = _x(number / 100)
        kind = "chance" if number == 50 else "grid"
        body.append(f'  <line class="{kind}" x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" y2="{bottom}"/>')
        body.append(
            f'  <text class="axis" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{number / 100:.2f}</text>'
        )
    for number, (cell, name) in enumerate(ROWS):
        y = TOP + STEP * number + 8
        body.append(_text(24, y + 4, "text", name))
        for shift, (value, (_, colour)) in enumerate(zip(_values(page, cell), LINES, strict=True)):
            centre, low, high = value
            at = y + 10 * (shift - 1)
            ends = f'x1="{_x(low):.1f}" y1="{at}" x2="{_x(high):.1f}" y2="{at}"'
            body.append(f'  <line {ends} stroke="{colour}" stroke-width="2"/>')
            body.append(f'  <circle cx="{_x(centre):.1f}" cy="{at}" r="3.5" fill="{colour}"/>')
    for number, (line, colour) in enumerate(LINES):
        body.append(f'  <circle cx="{24 + 90 * number + 5}" cy="{bottom + 14}" r="4" fill="{colour}"/>')
        body.append(_text(24 + 90 * number + 16, bottom + 18, "axis", line))
    height = bottom + 36
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t" '
            'font-family="system-ui, sans-serif">',
            '  <title id="t">Per-gene AUROC on changes of expression by predictor, split scheme and cell line</title>',
            "  <style>",
            "    .title { font-size: 16px; font-weight: 600; fill: #1a2733; }",
            "    .text { font-size: 13px; fill: #3c4a57; }",
            "    .axis { font-size: 12px; fill: #5b6875; }",
            "    .grid { stroke: #e3e9ef; }",
            "    .chance { stroke: #66788a; stroke-dasharray: 4 3; }",
            "  </style>",
            f'  <rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *body,
            "</svg>\n",
        ]
    )


def _values(page: str, cell: str) -> list[tuple[float, float, float]]:
    """The values of the three cell lines in a row of the page, each with its interval (without one: no width)."""
    row = next((line for line in page.splitlines() if line.startswith(f"| {cell} |")), None)
    if row is None:
        raise ValueError(f"docs/results/index.md has no row {cell!r}")
    found = [_NUMBER.match(text.strip()) for text in row.split("|")[2:5]]
    if not all(found):
        raise ValueError(f"the row {cell!r} of docs/results/index.md has no three numbers")
    return [(float(m[1]), float(m[2] or m[1]), float(m[3] or m[1])) for m in found if m]


def _x(value: float) -> float:
    return LEFT + (RIGHT - LEFT) * (value - LOW) / (HIGH - LOW)


def _text(x: float, y: float, kind: str, text: str) -> str:
    return f'  <text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def main(folder: Path) -> None:
    """Write the figure into a folder."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "results" / "index.md").read_text(encoding="utf-8")
    write_text(folder / "changes.svg", results_figure(page))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/results"))
