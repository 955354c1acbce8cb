"""What a person sees in a notebook: one short line, and HTML in which names are escaped."""

from __future__ import annotations

from pathlib import Path

import pytest

import rbio_kg
from rbio_kg.core.claims import Claim, Evidence, Node, Relation, Status, Verdict
from rbio_kg.graph.views.view import GraphView
from rbio_kg.services.explain import Explanation
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.text.statements import Statement
from tests.support.graphs import small_tables
from tests.support.table_verifiers import TableVerifier

CITED = Evidence(Node("Gene", "A<b>"), "INTERACTS_WITH", Node("Gene", "B"), 0.5, detail={"source": "STRING"})
VERDICT = Verdict(0.25, Status.OK, (CITED,) * 30, "3 paths <strong>", "graph_path", simulated=True)


def objects(folder: Path) -> dict[str, object]:
    """One object of each class that has a representation."""
    tables = small_tables(seed=1)
    return {
        "workspace": rbio_kg.Workspace(folder),
        "verdict": VERDICT,
        "abstaining": Verdict(None, Status.ABSTAIN, reason="no text"),
        "explanation": Explanation(Claim("A", "increases", "B", "k562"), (VERDICT,), 0.25, {"graph_path": 1.0}),
        "questions": QuestionSet.from_tables(tables),
        "reward": ComposedReward({"table": (TableVerifier({}), 1.0)}),
        "graph": GraphView(tables),
        "statement": Statement(
            "A < B.", "A", Relation.INTERACTS_WITH, "B", "negated", "asserted", "supported", (CITED,)
        ),
    }


NAMES = ("workspace", "verdict", "abstaining", "explanation", "questions", "reward", "graph", "statement")


@pytest.mark.parametrize("name", NAMES)
def test_a_representation_is_short_and_its_html_is_escaped(name: str, tmp_path: Path) -> None:
    item = objects(tmp_path)[name]
    assert len(repr(item)) <= 240
    assert "\n" not in repr(item)
    assert " object at 0x" not in repr(item)
    html = item._repr_html_()  # type: ignore[attr-defined]
    assert html.startswith("<")
    assert "A<b>" not in html
    assert "<strong>" not in html


@pytest.mark.parametrize("name", ["verdict", "explanation"])
def test_simulated_labels_are_named(name: str, tmp_path: Path) -> None:
    item = objects(tmp_path)[name]
    assert "simulated" in repr(item)
    assert "simulated" in item._repr_html_()  # type: ignore[attr-defined]
