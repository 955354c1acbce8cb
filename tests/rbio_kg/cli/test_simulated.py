"""Whatever rests on simulated labels says so: to people, in JSON, and in each piece of evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation, Status, Verdict
from rbio_kg.graph_builders.sources.perturbqa import SIMULATED_NAME
from rbio_kg.services.explain import Explanation
from rbio_kg.verifiers.base.verifier import Card, rests_on_simulated_labels
from rbio_kg.workspace import Workspace
from tests.support.commands import invoke

Fitted = tuple[Path, dict[str, Any]]
TABLE = "subject,relation,object,cell_line\n"


def said(workspace: Path, *arguments: str) -> str:
    """What a command says to people, on both streams."""
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace)])
    assert result.exit_code == 0, result.stderr
    return result.stdout + result.stderr


def table(folder: Path, *rows: str) -> str:
    """A file of claims."""
    path = folder / "claims.csv"
    path.write_text(TABLE + "".join(f"{row}\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("relation", ["changes_expression_of", "increases", "increases_if_changed"])
@pytest.mark.parametrize("line", ["k562", "rpe1"])
def test_an_explained_knockdown_is_simulated(fitted: Fitted, relation: str, line: str) -> None:
    document = invoke(fitted[0], "explain", "RBMX", "PTBP2", "--relation", relation, "--cell-line", line)
    assert document["simulated"] is True
    scored = [item for item in document["verdicts"] if item["status"] == "ok"]
    assert {"graph_path", "link_predictor", "expression", "experiment"} >= {item["verifier"] for item in scored}
    assert all(item["simulated"] for item in scored)
    assert not any(item["simulated"] for item in document["verdicts"] if item["status"] == "abstain")
    cited = [element for item in document["verdicts"] for element in item["evidence"]]
    assert cited
    for element in cited:
        assert element["detail"]["source"]
        labels = element["type"] in ("KNOCKDOWN_CHANGES", "MEASURED_UNCHANGED")
        assert element["detail"].get("simulated", False) is labels
        assert (element["detail"]["source"] == SIMULATED_NAME) is labels
    assert Explanation.from_json(document).simulated


def test_what_rests_on_the_graph_alone_is_not_simulated(fitted: Fitted, tmp_path: Path) -> None:
    document = invoke(fitted[0], "explain", "TP53", "MDM2", "--relation", "interacts_with")
    assert document["simulated"] is False
    assert all(element["detail"]["source"] for item in document["verdicts"] for element in item["evidence"])
    assert invoke(fitted[0], "score", table(tmp_path, "TP53,interacts_with,MDM2,"))["simulated"] is False


def test_the_experiment_verifier_does_not_claim_a_measurement(fitted: Fitted) -> None:
    changed, unchanged = _pairs(fitted[0])
    for pert, gene in (changed, unchanged):
        document = invoke(fitted[0], "explain", pert, gene, "--cell-line", "k562")
        reason = next(item["reason"] for item in document["verdicts"] if item["verifier"] == "experiment")
        assert reason.startswith("SIMULATED, not measured")


def _pairs(workspace: Path) -> list[tuple[str, str]]:
    """A train pair with label 1, and one with label 0."""
    with Workspace(workspace) as opened:
        rows = opened.tables["questions"].filter(
            (pl.col("split") == "train") & (pl.col("task") == "de") & (pl.col("cell_line") == "k562")
        )
        return [rows.filter(pl.col("label") == label).select("pert", "gene").row(0) for label in (1, 0)]


def test_scores_statistics_and_verifiers_are_marked(fitted: Fitted, tmp_path: Path) -> None:
    workspace, _ = fitted
    claims = table(tmp_path, "RBMX,changes_expression_of,PTBP2,k562", "TP53,interacts_with,MDM2,")
    assert invoke(workspace, "score", claims)["simulated"] is True
    stats = invoke(workspace, "stats")
    assert (stats["simulated"], stats["simulated_sources"]) == (True, [SIMULATED_NAME])
    listed = invoke(workspace, "verifiers", "list")
    assert listed["simulated"] is True
    by_name = {item["name"]: item for item in listed["verifiers"]}
    assert by_name["expression"]["simulated"] is by_name["experiment"]["simulated"] is True
    assert by_name["ontology_text"]["simulated"] is False


@pytest.mark.parametrize(
    ("text", "simulated"),
    [
        ("Knockdown of RBMX increases PTBP2.", True),
        ("Knockdown of RBMX decreases PTBP2.", True),
        ("MDM2 binds TP53.", False),
        ("MDM2 binds TP53. Knockdown of RBMX increases PTBP2.", True),
        ("TP53 takes part in apoptosis.", False),
    ],
)
def test_checked_statements_name_their_sources(fitted: Fitted, text: str, simulated: bool) -> None:
    document = invoke(fitted[0], "check", text)
    assert document["simulated"] is simulated
    assert any(item["evidence"] for item in document["statements"])
    for item in document["statements"]:
        assert item["simulated"] is any(element["detail"].get("simulated") for element in item["evidence"])
        assert all(element["detail"]["source"] for element in item["evidence"])


def test_people_are_told(fitted: Fitted, tmp_path: Path) -> None:
    workspace, _ = fitted
    claims = table(tmp_path, "RBMX,changes_expression_of,PTBP2,k562")
    for arguments in (
        ("explain", "RBMX", "PTBP2", "--cell-line", "k562"),
        ("check", "Knockdown of RBMX increases PTBP2."),
        ("score", claims),
        ("stats",),
        ("verifiers", "list"),
        ("verifiers", "card", "expression"),
    ):
        assert "simulated" in said(workspace, *arguments).lower(), arguments


@pytest.mark.parametrize("relation", Relation)
def test_labels_are_about_knockdowns(relation: Relation) -> None:
    every, structure = (
        Card("", relations, "", (), "", "", simulated=True)
        for relations in (frozenset(Relation), frozenset(Relation) - KNOCKDOWN_RELATIONS)
    )
    assert rests_on_simulated_labels(every, relation) is (relation in KNOCKDOWN_RELATIONS)
    assert rests_on_simulated_labels(structure, relation)


def test_a_verdict_keeps_its_mark() -> None:
    verdict = Verdict(0.5, Status.OK, verifier="mine", simulated=True)
    assert Verdict.from_json(verdict.to_json()) == verdict
    older = {key: value for key, value in verdict.to_json().items() if key != "simulated"}
    assert not Verdict.from_json(older).simulated
    assert Claim("A", "increases", "B", "k562").relation in KNOCKDOWN_RELATIONS
