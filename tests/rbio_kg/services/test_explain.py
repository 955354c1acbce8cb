"""Explaining and scoring from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rbio_kg
from rbio_kg.core.errors import SourceError, VerifierError
from rbio_kg.services.explain import Explanation
from tests.support.commands import invoke

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
        scored = workspace.score(pl.DataFrame(rows), ["graph_path", "link_predictor"])
        assert scored["note"].to_list() == ["a", "b"]
        assert scored["graph_path"][0] == workspace.verifier("graph_path").score([CLAIM])[0]
        assert scored["graph_path"][1] is None
        names = set(workspace.score(pl.DataFrame(rows)).columns) - set(rows)
        assert {"graph_path", "link_predictor", "expression", "experiment"} <= names
        assert "reasoning_trace" not in names
        with pytest.raises(SourceError, match="frame: the columns object are missing"):
            workspace.score(pl.DataFrame(rows).drop("object"))
        pandas = pytest.importorskip("pandas")
        other = workspace.score(pandas.DataFrame(rows | {"cell_line": [None, np.nan]}), ["graph_path"])
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
