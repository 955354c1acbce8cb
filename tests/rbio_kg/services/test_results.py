"""Results of the services read back from their JSON, and leave out what does not apply."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pytest

import rbio_kg
from rbio_kg.core.claims import Evidence, Node, Relation
from rbio_kg.services.ablation import Ablation
from rbio_kg.services.ask import Answer
from rbio_kg.services.demo import ChosenSources, DemoFit, DemoQuery, DemoResult, DemoVerifier
from rbio_kg.services.questions import MadeFamily, MadeQuestions
from rbio_kg.services.rewards import (
    ExploitOutcome,
    ExploitSearch,
    FoundExploit,
    PartSpread,
    RecipeChecks,
    RewardCheck,
)
from rbio_kg.services.scorecards import CardDetails, Scorecard, VerifierCard, all_scorecards
from rbio_kg.services.verifiers import ContractCheck, ListedVerifier, listed
from rbio_kg.training.pipeline.ablation import StageFigures
from rbio_kg.training.pipeline.result import TrainingResult
from rbio_kg.verifiers.testing import Outcome
from rbio_kg.verifiers.text.statements import Statement
from tests.rbio_kg.services.test_build import LOADED
from tests.support.commands import invoke

EDGE = Evidence(Node("Gene", "TP53"), "INTERACTS_WITH", Node("Gene", "MDM2"), 0.9, 0, {"score": 900})
STATEMENT = Statement(
    "TP53 binds MDM2.", "TP53", Relation.INTERACTS_WITH, "MDM2", "affirmed", "asserted", "supported", (EDGE,)
)
ANSWER = Answer(
    run="first",
    claim=rbio_kg.Claim("SP1", "increases_if_changed", "TP53", "k562"),
    prompt="Does losing SP1 raise TP53?",
    reasoning="TP53 binds MDM2.",
    answer="yes",
    confidence=0.8,
    statements=(STATEMENT,),
    probability=0.7,
    stated=0.6,
    answer_mass=0.99,
    simulated=True,
)
UNREADABLE = replace(ANSWER, claim=None, answer=None, confidence=None, statements=(), problem="no_answer")
CHECK = RewardCheck(
    recipe="graph",
    exploits=(ExploitOutcome("no tags", "form", 0.0, 0.8, False, -0.8, 20, 3, None),),
    parts=(PartSpread("reward", False, 1.0, 1.0), PartSpread("format", True, None, 0.0)),
    claims=16,
)
FOUND = FoundExploit("TP53 interacts_with MDM2", "<think></think>", 0.9, 0.8)
SEARCHED = replace(CHECK, search=ExploitSearch(50, 1, (FOUND,), 0.1, 0.5))
CARD = rbio_kg.Card("pairs", frozenset({Relation.REGULATES}), "never", ("table",), "CC0", "none", simulated=True)
SCORECARD = Scorecard(
    coverage=0.5,
    reason="",
    split="train",
    simulated=True,
    per_gene_auroc=0.6,
    interval=(0.5, 0.7),
    genes=3,
    rows=20,
    rows_in_genes=12,
    pooled={"f1": 0.4},
    ece=0.1,
    brier=0.2,
    reliability=({"low": 0.0, "high": 0.1, "n": 3},),
    baselines={"gene_prior": {"per_gene_auroc": 0.5}},
    beats_gene_prior=False,
    remark="It does NOT beat the gene prior.",
    worst=({"subgroup": "hubs", "gap": -0.1},),
)
EMPTY = replace(SCORECARD, coverage=None, per_gene_auroc=None, interval=None, pooled=None, reliability=None, worst=None)
QUICK = VerifierCard("pairs", "claim", CARD, SCORECARD)
FULL = replace(QUICK, details=CardDetails(1e4, {"other": {"spearman": 0.1, "rows": 9}}, {"k562 de": EMPTY}))
OF_TEXTS = replace(QUICK, kind="text", scorecard=EMPTY, details=CardDetails(None, {}, texts={"claims": 0}))
LISTED = ListedVerifier("pairs", "claim", CARD)
BROKEN = ListedVerifier("pairs", None, None, "it has not been fitted", "broken")
CONTRACT = ContractCheck("pairs", 7, (Outcome("shape", True), Outcome("range", False, "1.2 is above 1")))
DEMO = DemoResult(
    sources=ChosenSources("/data", "named by --sources", True),
    build=LOADED,
    verifiers={"pairs": DemoVerifier(QUICK, DemoFit(1.5, False)), "text": DemoVerifier(OF_TEXTS, None)},
    training=TrainingResult("demo", {"train": 4}, alarms=[], before={"rows": 3}, after={"rows": 3}, simulated=True),
    evidence={"verdicts": 3},
    query=DemoQuery("disagreements", "where verifiers differ", "RETURN 1", ({"one": 1},)),
    seconds={"graph": 1.0},
    report="/data/report.html",
)
FIGURES = StageFigures("graph", 1, "a-graph-s1", "before", None, None, 0.2, 0.1, 0, 60, 1.0, 0.1, 0)
MEASURED = replace(FIGURES, auroc=0.5, interval=(0.4, 0.6))
ABLATION = Ablation(
    "a", {"steps": 4, "minutes": None}, ("graph",), (1,), (FIGURES, replace(FIGURES, interval=(0.4, 0.6)))
)
MADE = MadeQuestions(
    Path("made.parquet"), 9, (MadeFamily("de", "train", "changes_expression_of", 9, 4, 2),), {"physical": "no table"},
    "official", 0, True,
)  # fmt: skip


class Result(Protocol):
    """What every result can do."""

    def to_json(self) -> dict[str, Any]:
        """Its document."""
        ...

    @classmethod
    def from_json(cls, document: Any, /) -> Self:
        """The result of a document."""
        ...


@pytest.mark.parametrize(
    "result",
    [ANSWER, UNREADABLE, CHECK, SEARCHED, RecipeChecks((CHECK, SEARCHED)), SCORECARD, EMPTY, QUICK, FULL, OF_TEXTS,
     LISTED, BROKEN, CONTRACT, DEMO, ABLATION, MADE],
)  # fmt: skip
def test_a_result_reads_back(result: Result) -> None:
    document = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert type(result).from_json(document) == result


def test_keys_that_do_not_apply_are_left_out() -> None:
    assert "problem" in UNREADABLE.to_json() and "problem" not in ANSWER.to_json()
    assert "search" in SEARCHED.to_json() and "search" not in CHECK.to_json()
    assert not {"questions", "texts", "agreement"} & set(QUICK.to_json())
    assert {"questions", "agreement"} < set(FULL.to_json()) and "texts" not in FULL.to_json()
    assert {"texts", "agreement"} < set(OF_TEXTS.to_json()) and "questions" not in OF_TEXTS.to_json()
    broken = {"name": "pairs", "kind": None, "ready": False, "status": "broken", "reason": "it has not been fitted"}
    assert BROKEN.to_json() == broken
    assert not CONTRACT.passes and CONTRACT.to_json()["passes"] is False
    assert DEMO.to_json()["before"] == DEMO.to_json()["training"]["before"] == {"rows": 3}


def test_a_statement_keeps_what_its_document_has() -> None:
    vague = STATEMENT._replace(informative=False)
    assert Statement.from_json(vague.to_json()) == STATEMENT


def test_figures_that_are_no_numbers_are_absent() -> None:
    found = replace(SCORECARD, per_gene_auroc=float("nan"), interval=(np.float64(0.25), np.float64(0.5)))
    assert found.to_json()["per_gene_auroc"] is None
    assert json.dumps(found.to_json()["interval"]) == "[0.25, 0.5]"


def test_verifiers_of_a_workspace(fitted: tuple[Path, object]) -> None:
    with rbio_kg.Workspace(fitted[0]) as workspace:
        rows = [listed(workspace, name) for name in workspace.verifier_names()]
        cards = all_scorecards(workspace, fresh=True)
        assert all_scorecards(workspace) == cards
    assert invoke(fitted[0], "verifiers", "list") == {
        "verifiers": [row.to_json() for row in rows],
        "simulated": True,
    }
    assert [row for row in rows if row.ready]
    assert all(ListedVerifier.from_json(row.to_json()) == row for row in rows)
    assert cards["expression"].card.simulated
    assert cards["expression"].scorecard.interval is not None
    assert all(VerifierCard.from_json(json.loads(json.dumps(card.to_json()))) == card for card in cards.values())
