"""Explaining and scoring from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import rbio_kg
from rbio_kg.cli.app import app
from rbio_kg.core.errors import SourceError, VerifierError
from rbio_kg.services.explain import Explanation
from tests.support.commands import fails, invoke
from tests.support.wrong_verifiers import WRONG_ANSWERS, WrongVerifier

CLAIM = rbio_kg.Claim("TP53", "interacts_with", "MDM2")


def test_an_explanation_is_the_document_of_the_command(fitted: tuple[Path, object]) -> None:
    with rbio_kg.Workspace(fitted[0]) as workspace:
        found = workspace.explain(CLAIM)
    assert found.to_json() == invoke(fitted[0], "explain", "TP53", "MDM2", "--relation", "interacts_with")
    assert Explanation.from_json(found.to_json()) == found
    assert found.composed is not None
    assert found.verdict("graph_path").evidence
    with pytest.raises(VerifierError, match="known: graph_path"):
        found.verdict("oracle")
    assert str(found).startswith("TP53 interacts_with MDM2\ngraph_path: ")
    shown = found._repr_html_()
    assert "graph_path" in shown
    assert "(TP53)-[INTERACTS_WITH]-&gt;(MDM2)" in shown or "(MDM2)-[INTERACTS_WITH]-&gt;(TP53)" in shown


def test_a_frame_gets_one_column_for_each_verifier(fitted: tuple[Path, object]) -> None:
    rows = {
        "note": ["a", "b"],
        "subject": ["TP53", "NOSUCHGENE"],
        "relation": ["interacts_with", "interacts_with"],
        "object": ["MDM2", "MDM2"],
    }
    with rbio_kg.Workspace(fitted[0]) as workspace:
        scored = workspace.score(pl.DataFrame(rows), ["graph_path", "link_predictor"], unknown="abstain")
        assert scored["note"].to_list() == ["a", "b"]
        assert scored["graph_path"][0] == workspace.verifier("graph_path").score([CLAIM])[0]
        assert scored["graph_path"][1] is None
        names = set(workspace.score(pl.DataFrame(rows), unknown="abstain").columns) - set(rows)
        assert {"graph_path", "link_predictor", "expression", "experiment"} <= names
        assert "reasoning_trace" not in names
        with pytest.raises(SourceError, match="frame: the columns object are missing"):
            workspace.score(pl.DataFrame(rows).drop("object"))
        pandas = pytest.importorskip("pandas")
        other = workspace.score(
            pandas.DataFrame(rows | {"cell_line": [None, np.nan]}), ["graph_path"], unknown="abstain"
        )
        assert isinstance(other, pandas.DataFrame)
        assert other["graph_path"][0] == scored["graph_path"][0]
        assert np.isnan(other["graph_path"][1])


def test_a_query_gives_a_frame(fitted: tuple[Path, object]) -> None:
    with rbio_kg.Workspace(fitted[0]) as workspace:
        found = workspace.query(
            "MATCH (g:Gene) WHERE g.symbol IN $symbols RETURN g.symbol AS symbol ORDER BY symbol",
            symbols=["TP53", "MDM2"],
        )
        assert found["symbol"].to_list() == ["MDM2", "TP53"]
        empty = workspace.query("MATCH (g:Gene {symbol: $symbol}) RETURN g.symbol AS symbol", symbol="NONE")
        assert empty.is_empty()


@pytest.mark.parametrize("fault", ["column", "longer", "none", "list_of_strings", "high", "minus_infinite", "raises"])
def test_a_wrong_verifier_is_an_error_that_names_it(fitted: tuple[Path, object], tmp_path: Path, fault: str) -> None:
    table = tmp_path / "claims.csv"
    table.write_text("subject,relation,object\n" + "TP53,interacts_with,MDM2\n" * 3)
    out = tmp_path / "scored.csv"
    place = f"tests.support.wrong_verifiers:{fault}"
    said = fails(fitted[0], "score", str(table), "--verifier", place, "--out", str(out))
    assert f"verifier {place} " in said
    assert "a fault in rbio-kg" not in said
    assert not out.exists()


def test_a_frame_is_not_scored_by_a_wrong_verifier(fitted: tuple[Path, object]) -> None:
    rows = pl.DataFrame({"subject": ["TP53"] * 3, "relation": ["interacts_with"] * 3, "object": ["MDM2"] * 3})
    with rbio_kg.Workspace(fitted[0]) as workspace:
        for fault in WRONG_ANSWERS:
            place = f"tests.support.wrong_verifiers:{fault}"
            with pytest.raises(VerifierError, match=place):
                workspace.score(rows, [place])


@pytest.mark.parametrize("fault", ["column", "none", "raises"])
def test_the_check_of_a_wrong_verifier_fails_without_a_fault_in_rbio_kg(
    fitted: tuple[Path, object], fault: str
) -> None:
    arguments = ["verifiers", "check", f"tests.support.wrong_verifiers:{fault}", "--workspace", str(fitted[0])]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "scores_are_probabilities" in result.stdout
    assert "a fault in rbio-kg" not in result.output


class _Odd(WrongVerifier):
    """Explains by what is no verdict, or raises."""

    def explain(self, claim: rbio_kg.Claim, text: str | None = None) -> Any:
        return {"none": None, "number": 0.5, "high": 1.2}.get(self.fault) or WRONG_ANSWERS[self.fault](1)


@pytest.mark.parametrize("fault", ["none", "number", "column", "raises"])
def test_a_wrong_explanation_is_a_verdict_of_status_error(
    fitted: tuple[Path, object], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rbio_kg.Workspace(fitted[0]) as workspace:
        opened = workspace.verifier

        def verifier(name: str) -> Any:
            return _Odd(fault) if name == "wrong" else opened(name)

        monkeypatch.setattr(workspace, "verifier", verifier)
        monkeypatch.setattr(workspace, "verifier_names", lambda: ["graph_path", "wrong"])
        verdict = workspace.explain(CLAIM).verdict("wrong")
    assert verdict.status == "error"
    assert "ZeroDivisionError" in verdict.reason if fault == "raises" else "not a Verdict" in verdict.reason


@pytest.mark.parametrize("column", ["graph_path", "experiment"])
def test_a_column_named_like_a_verifier_is_not_overwritten(
    fitted: tuple[Path, object], tmp_path: Path, column: str
) -> None:
    table = tmp_path / "claims.csv"
    table.write_text(f"subject,relation,object,{column}\nTP53,interacts_with,MDM2,mine\n")
    assert f"the column {column!r} of the table would be replaced" in fails(fitted[0], "score", str(table))
    with rbio_kg.Workspace(fitted[0]) as workspace, pytest.raises(SourceError, match="rename or remove"):
        workspace.score(pl.read_csv(table), [column])
    other = "graph_path" if column != "graph_path" else "link_predictor"
    out = tmp_path / "out.csv"
    invoke(fitted[0], "score", str(table), "--verifier", other, "--out", str(out))
    assert pl.read_csv(out)[column].to_list() == ["mine"]
