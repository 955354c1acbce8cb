"""An explained claim for people: bars of probabilities, one reason each, and the strongest evidence."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from rbio_kg.cli.display.style import bar, styled, width
from rbio_kg.core.claims import Relation

if TYPE_CHECKING:
    from rbio_kg.core.claims import Claim, Evidence, Verdict
    from rbio_kg.services.explain import Explanation

SHOWN = 6
"""Paths of evidence that are shown unless all are wanted."""
LEFT = 45
"""Columns of name, score and bar."""


def show_explanation(explained: Explanation, *, verbose: bool = False) -> None:
    """Print every verdict, and the evidence: the strongest paths, or all of them with `verbose`."""
    mark = styled("SIMULATED labels", "yellow") if explained.simulated else ""
    print(f"{styled(question(explained.claim), 'bold')}{'   ' + mark if mark else ''}")
    composed = explained.composed
    if composed is None:
        print("combined          no score: every verifier abstains")
    else:
        likely = styled("likely", "green") if composed >= 0.5 else styled("unlikely", "red")
        print(f"{'combined':<16} {composed:.3f} {bar(composed)}  {likely}")
    silent = []
    for verdict in explained.verdicts:
        if verdict.score is not None:
            _show_reason(f"  {verdict.verifier:<14} {verdict.score:.3f} {bar(verdict.score)}  ", verdict.reason)
        elif verdict.reason == "no text":
            silent.append(verdict.verifier)
        else:
            word = styled("error", "red") if verdict.status == "error" else "abstains"
            _show_reason(f"  {verdict.verifier:<14} {word}  ", verdict.reason)
    paths = [line for verdict in explained.verdicts for line in _paths(verdict)]
    if paths:
        print("evidence")
    for line in paths if verbose else paths[:SHOWN]:
        print(
            textwrap.fill(
                line,
                max(40, width()),
                initial_indent="  ",
                subsequent_indent=" " * 19,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    if len(paths) > SHOWN and not verbose:
        print(f"  {len(paths) - SHOWN} more with --verbose")
    if silent:
        print(f"{', '.join(silent)} need a text: rbio-kg check TEXT")


def question(claim: Claim) -> str:
    """The claim as a line for people."""
    line = f" in {claim.cell_line}" if claim.cell_line else ""
    words = str(claim.relation).replace("_", " ")
    knocked = claim.relation in {
        Relation.CHANGES_EXPRESSION_OF,
        Relation.INCREASES,
        Relation.DECREASES,
        Relation.INCREASES_IF_CHANGED,
        Relation.DECREASES_IF_CHANGED,
    }
    return f"{claim.subject}{' knockdown' if knocked else ''} {words} {claim.object}{line}?"


def _show_reason(start: str, reason: str) -> None:
    space = max(24, width() - LEFT)
    first, *more = textwrap.wrap(reason, space, break_long_words=False, break_on_hyphens=False) or [""]
    print(start + first)
    for line in more:
        print(" " * LEFT + line)


def _paths(verdict: Verdict) -> list[str]:
    """The paths that a verdict cites, a line each."""
    return [
        _path(verdict.verifier, list(steps)) for _, steps in groupby(verdict.evidence, key=lambda element: element.path)
    ]


def _path(verifier: str, steps: list[Evidence]) -> str:
    edges = "; ".join(f"{step.start.key} {_edge(step)} {_name(step)}" for step in steps)
    sources = ", ".join(dict.fromkeys(str(step.detail["source"]) for step in steps if "source" in step.detail))
    return f"{verifier} {steps[0].weight:.2f}  {edges}  [{sources or 'source not stated'}]"


def _edge(step: Evidence) -> str:
    words = {"MEASURED_UNCHANGED": "does not change", "KNOCKDOWN_CHANGES": "knockdown changes"}
    direction = step.detail.get("direction")
    if step.type == "KNOCKDOWN_CHANGES" and direction in ("increase", "decrease"):
        return f"knockdown {direction}s"
    score = step.detail.get("score")
    return words.get(step.type, step.type.replace("_", " ").lower()) + (f" ({score})" if score is not None else "")


def _name(step: Evidence) -> str:
    name = step.detail.get("name")
    return f"{name} ({step.end.key})" if name else step.end.key
