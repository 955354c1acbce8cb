"""docs/claim.svg: one explained claim of the sample, as a picture.

`python -m scripts.documents.claim_picture` makes the sample's workspace in a temporary folder, explains the claim of
`quickstart` and draws the answer. `--workspace DIR` uses a workspace that is there.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rbio_kg.core.atomic_io import write_text

if TYPE_CHECKING:
    from rbio_kg.core.claims import Claim, Evidence, Verdict
    from rbio_kg.services.explain import Explanation

WIDTH = 960
MARGIN = 24
EM = 0.68
CAPITAL = 0.85
"""Widths of a character and of a capital or digit in units of the font size: more than those of wide common fonts."""
_PATHS = 2
"""Paths of evidence that are drawn for each verifier."""
_STYLE = """
    .title { font-size: 18px; font-weight: 600; fill: #1a2733; }
    .head { font-size: 14px; font-weight: 600; fill: #1a2733; }
    .text { font-size: 12px; fill: #3c4a57; }
    .small { font-size: 11px; fill: #5b6875; }
    .warn { font-size: 12px; font-weight: 600; fill: #8a4b08; }
    .track { fill: #e3e9ef; }
    .bar { fill: #0f766e; }
    .node { fill: #f4f7fb; stroke: #3b6ea5; }
    .edge { stroke: #66788a; stroke-width: 1.5; }
"""


def text_width(text: str, size: float) -> float:
    """An upper estimate of the width of a text in pixels."""
    return size * sum(CAPITAL if char.isupper() or char.isdigit() else EM for char in text)


def claim_picture(explained: Explanation) -> str:
    """The picture: the combined probability, each verifier's, and the strongest evidence, as SVG."""
    scored = [verdict for verdict in explained.verdicts if verdict.score is not None]
    body: list[str] = []
    y = 40.0
    for number, line in enumerate(textwrap.wrap(_question(explained.claim), int((WIDTH - 2 * MARGIN) / (18 * EM)))):
        y += 24 if number else 0
        body.append(_text(MARGIN, y, "title", line))
    if explained.simulated:
        y += 22
        body.append(_text(MARGIN, y, "warn", "Simulated knockdown labels: the sample shows how it works, not biology."))
    y += 34
    body += _bar(y, "combined", explained.composed)
    y += 14
    for verdict in scored:
        y += 24
        body += _bar(y, verdict.verifier, verdict.score)
        lines = textwrap.wrap(verdict.reason, int((WIDTH - 430 - MARGIN) / (12 * EM)))
        for number, line in enumerate(lines):
            body.append(_text(430, y + 16 * number, "text", line))
        y += 16 * max(0, len(lines) - 1)
    y += 44
    body.append(_text(MARGIN, y, "head", "Evidence"))
    for verdict in scored:
        for steps in list(_paths(verdict))[:_PATHS]:
            y += 40
            body += _chain(y, steps, explained.claim, verdict.verifier)
    height = y + 36
    shown = " ".join(f"{verdict.verifier} {verdict.score:.2f}." for verdict in scored)
    combined = "" if explained.composed is None else f"Combined {explained.composed:.2f}. "
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            'aria-labelledby="t d" font-family="system-ui, sans-serif">',
            f'  <title id="t">{escape(_question(explained.claim))}</title>',
            f'  <desc id="d">{escape(combined + shown)}</desc>',
            f"  <style>{_STYLE}  </style>",
            f'  <rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
            *body,
            "</svg>\n",
        ]
    )


def _question(claim: Claim) -> str:
    line = f" in {claim.cell_line.upper()}" if claim.cell_line else ""
    return f"Does a knockdown of {claim.subject} change {claim.object}{line}?"


def _text(x: float, y: float, kind: str, text: str) -> str:
    return f'  <text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'


def _bar(y: float, name: str, score: float | None) -> list[str]:
    value = 0.0 if score is None else score
    return [
        _text(MARGIN, y, "head", name),
        f'  <rect class="track" x="190" y="{y - 11:.0f}" width="160" height="12" rx="3"/>',
        f'  <rect class="bar" x="190" y="{y - 11:.0f}" width="{160 * value:.1f}" height="12" rx="3"/>',
        _text(362, y, "head", "none" if score is None else f"{value:.2f}"),
    ]


def _paths(verdict: Verdict) -> Iterator[list[Evidence]]:
    for _, steps in groupby(verdict.evidence, key=lambda item: item.path):
        yield list(steps)


def _chain(y: float, steps: Sequence[Evidence], claim: Claim, verifier: str) -> list[str]:
    """Boxes from one end of a path to the other, joined by lines; the source is named at the end."""
    names = _ordered(steps, claim.subject)
    drawn = [_text(MARGIN, y + 4, "small", verifier)]
    x = 150.0
    source = ", ".join(dict.fromkeys(str(step.detail.get("source", "")) for step in steps))
    most = int((WIDTH - MARGIN - x - text_width(source, 11) - 24) / len(names) / (12 * CAPITAL)) - 4
    for number, name in enumerate(names):
        shown = name if len(name) <= most else name[: most - 1] + "…"
        width = text_width(shown, 12) + 16
        if number:
            drawn.append(f'  <line class="edge" x1="{x:.0f}" y1="{y:.0f}" x2="{x + 24:.0f}" y2="{y:.0f}"/>')
            x += 24
        drawn.append(f'  <rect class="node" x="{x:.0f}" y="{y - 14:.0f}" width="{width:.0f}" height="28" rx="6"/>')
        drawn.append(_text(x + 8, y + 4, "text", shown))
        x += width
    return [*drawn, _text(x + 12, y + 4, "small", source)]


def _ordered(steps: Sequence[Evidence], start: str) -> list[str]:
    """Names of a path's nodes, from the claim's subject on where the path holds it."""
    ends = [(step.start.key, step.end.key) for step in steps]
    titles = {step.end.key: str(step.detail["name"]) for step in steps if "name" in step.detail}
    here = start if any(start in pair for pair in ends) else ends[0][0]
    names, left = [here], list(ends)
    while left:
        pair = next((item for item in left if here in item), None)
        if pair is None:
            break
        left.remove(pair)
        here = pair[1] if pair[0] == here else pair[0]
        names.append(here)
    return [titles.get(name, name) for name in names]


def main(folder: Path, workspace: Path | None = None) -> None:
    """Explain the claim and write the picture into a folder."""
    from rbio_kg.services.demo import QUICK_CLAIM, run_quickstart
    from rbio_kg.workspace import Workspace

    with tempfile.TemporaryDirectory() as temporary, Workspace(workspace or Path(temporary) / "workspace") as opened:
        if workspace is None:
            run_quickstart(opened, say=lambda _: None)
        write_text(folder / "claim.svg", claim_picture(opened.explain(QUICK_CLAIM)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs"))
    parser.add_argument("--workspace", type=Path)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.workspace)
