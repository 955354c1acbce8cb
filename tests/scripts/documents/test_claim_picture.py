"""The picture of an explained claim: texts stay in their boxes and in the picture, whatever their length."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rbio_kg.core.claims import Claim, Evidence, Node, Relation, Status, Verdict
from rbio_kg.services.explain import Explanation
from scripts.documents.claim_picture import WIDTH, claim_picture, text_width
from tests.support.locations import DOCS, ROOT

SVG = "{http://www.w3.org/2000/svg}"
LONG = "a process of the cell with a long name & more than one clause, <as some have>"


def steps(*names: str, source: str = "STRING") -> tuple[Evidence, ...]:
    pairs = itertools.pairwise(names)
    return tuple(
        Evidence(Node("Gene", first), "INTERACTS_WITH", Node("Gene", second), 0.5, 0, {"source": source})
        for first, second in pairs
    )


def explanation(names: tuple[str, ...], reason: str) -> Explanation:
    claim = Claim(names[0], Relation.CHANGES_EXPRESSION_OF, names[-1], "k562")
    verdicts = (
        Verdict(0.25, Status.OK, steps(*names), reason, "graph_path"),
        Verdict(None, Status.ABSTAIN, (), "no text", "ontology_text"),
    )
    return Explanation(claim, verdicts, 0.25, {"graph_path": 1.0})


def texts_and_boxes(svg: str) -> tuple[list[tuple[float, float, str, str]], list[tuple[float, float, float, float]]]:
    tree = ElementTree.fromstring(svg)
    texts = [
        (float(item.get("x", 0)), float(item.get("y", 0)), item.get("class", ""), item.text or "")
        for item in tree.iter(f"{SVG}text")
    ]
    boxes = [
        (float(i.get("x", 0)), float(i.get("y", 0)), float(i.get("width", 0)), float(i.get("height", 0)))
        for i in tree.iter(f"{SVG}rect")
        if i.get("class") == "node"
    ]
    return texts, boxes


def check(svg: str) -> None:
    texts, boxes = texts_and_boxes(svg)
    sizes = {name: float(size) for name, size in re.findall(r"\.(\w+) \{ font-size: (\d+)px", svg)}
    for x, _, kind, text in texts:
        assert x + 0.55 * sizes[kind] * len(text) <= WIDTH, text
    for left, top, width, height in boxes:
        (inside,) = [text for x, y, _, text in texts if left < x < left + width and top < y < top + height]
        assert text_width(inside, 12) <= width
        assert left + width <= WIDTH


@pytest.mark.parametrize("reason", ["short", LONG * 3])
@pytest.mark.parametrize("names", [("A", "B"), ("RBMX", "HNRNPM", "SFPQ", "PTBP2"), (LONG, "WWWWWWWWWWWWWWWW", LONG)])
def test_texts_stay_in_their_boxes(names: tuple[str, ...], reason: str) -> None:
    check(claim_picture(explanation(names, reason)))


def test_the_path_runs_from_the_subject_whatever_the_direction_of_its_steps() -> None:
    middle = Node("Gene", "MID"), Node("Gene", "OTHER")
    evidence = (
        Evidence(middle[0], "INTERACTS_WITH", Node("Gene", "SUB"), 0.5, 0, {"source": "S"}),
        Evidence(Node("Gene", "OBJ"), "INTERACTS_WITH", middle[1], 0.5, 0, {"source": "S"}),
        Evidence(middle[0], "INTERACTS_WITH", middle[1], 0.5, 0, {"source": "S"}),
    )
    claim = Claim("SUB", Relation.CHANGES_EXPRESSION_OF, "OBJ", "k562")
    verdict = Verdict(0.5, Status.OK, evidence, "why", "graph_path")
    texts, boxes = texts_and_boxes(claim_picture(Explanation(claim, (verdict,), None, {})))
    inside = [t for left, top, w, h in boxes for x, y, _, t in texts if left < x < left + w and top < y < top + h]
    assert inside == ["SUB", "MID", "OTHER", "OBJ"]


def test_the_picture_of_the_readme_says_that_its_labels_are_simulated() -> None:
    svg = Path(DOCS / "claim.svg").read_text(encoding="utf-8")
    check(svg)
    assert "Simulated knockdown labels" in svg
    assert "docs/claim.svg" in (ROOT / "README.md").read_text(encoding="utf-8")
