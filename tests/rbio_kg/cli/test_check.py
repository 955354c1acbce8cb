"""`check`: any text against the graph, by the command line and by Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke

KEYS = {"text", "subject", "relation", "object", "polarity", "certainty", "verdict", "simulated", "evidence"}


@pytest.fixture(scope="module")
def pair(built: tuple[Path, dict[str, Any]]) -> tuple[str, str]:
    """Two genes that interact in the sample."""
    row = invoke(
        built[0],
        "query",
        "MATCH (a:Gene)-[:INTERACTS_WITH]->(b:Gene) RETURN a.symbol AS a, b.symbol AS b",
        "--limit",
        "1",
    )[0]
    return row["a"], row["b"]


def test_statements_with_verdict_and_evidence(built: tuple[Path, dict[str, Any]], pair: tuple[str, str]) -> None:
    one, other = pair
    document = invoke(built[0], "check", f"{one} binds {other}. {one} may not interact with {other}. It rains.")
    first, second = document["statements"]
    assert set(first) == KEYS
    assert (first["verdict"], first["polarity"], first["certainty"]) == ("supported", "affirmed", "asserted")
    assert first["text"] == f"{one} binds {other}."
    assert {first["evidence"][0]["start"]["key"], first["evidence"][0]["end"]["key"]} == {one, other}
    assert (second["verdict"], second["polarity"], second["certainty"]) == ("contradicted", "negated", "hedged")


def test_sentences_that_are_not_read_are_shown(built: tuple[Path, dict[str, Any]], pair: tuple[str, str]) -> None:
    one, other = pair
    text = f"{one} binds {other}. {one} activates NOTAGENE7. It rains. Does {one} bind {other}?"
    document = invoke(built[0], "check", text)
    assert len(document["statements"]) == 1
    assert [item["reason"] for item in document["unread"]] == [
        "not in this graph: NOTAGENE7",
        "names no gene of this graph",
        "a question",
    ]
    assert document["unread"][0]["names"] == ["NOTAGENE7"]
    shown = CliRunner().invoke(app, ["check", text, "--workspace", str(built[0])])
    assert "not read: 3 sentences" in shown.stdout
    assert "(not in this graph: NOTAGENE7)" in shown.stdout


def test_measured_knockdowns_count(built: tuple[Path, dict[str, Any]]) -> None:
    rows = invoke(
        built[0],
        "query",
        "MATCH (a:Gene)-[k:KNOCKDOWN_CHANGES]->(b:Gene) WHERE k.direction = 'increase' "
        "RETURN a.symbol AS a, b.symbol AS b, collect(DISTINCT k.direction) AS ways ORDER BY a, b LIMIT 50",
    )
    row = next(row for row in rows if row["ways"] == ["increase"])
    text = "Knockdown of {a} increases {b}. Knockdown of {a} does not change {b}.".format(**row)
    raised, unchanged = invoke(built[0], "check", text)["statements"]
    assert (raised["relation"], raised["verdict"]) == ("increases", "supported")
    assert raised["evidence"][0]["detail"]["direction"] == "increase"
    assert (unchanged["relation"], unchanged["verdict"]) == ("changes_expression_of", "contradicted")


def test_a_file_and_a_table_for_people(
    built: tuple[Path, dict[str, Any]], pair: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes("\ufeffna\u00efve. {} interacts with {}.\n".format(*pair).encode() * 300)
    assert len(invoke(built[0], "check", "--file", str(file))["statements"]) == 300
    shown = CliRunner().invoke(app, ["check", "--file", str(file), "--workspace", str(built[0])])
    assert shown.exit_code == 0
    assert "300 supported, 0 contradicted, 0 unknown" in shown.stdout
    empty = CliRunner().invoke(app, ["check", "The sun shines.", "--workspace", str(built[0])])
    assert "no statement" in empty.stdout


def test_mistakes_are_reported(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace = built[0]
    assert "there is no such file" in fails(workspace, "check", "--file", str(tmp_path / "none.txt"))
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"first\nna\xefve\n")
    assert "latin.txt, line 2: the file is not UTF-8" in fails(workspace, "check", "--file", str(latin))
    assert "the text is empty" in fails(workspace, "check", " \n ")
    fails(workspace, "check", "--file", str(tmp_path))
    assert "build" in fails(tmp_path / "nothing", "check", "TP53 binds MDM2.")
    assert CliRunner().invoke(app, ["check", "--workspace", str(workspace)]).exit_code == 2
    both = ["check", "text", "--file", str(latin), "--workspace", str(workspace)]
    assert CliRunner().invoke(app, both).exit_code == 2


def test_python_door(built: tuple[Path, dict[str, Any]], pair: tuple[str, str]) -> None:
    with Workspace(built[0]) as workspace:
        (statement,) = workspace.check("{} interacts with {}.".format(*pair))
        assert statement.verdict == "supported"
        assert len(workspace.check("{} interacts with {}. ".format(*pair) * 1000)) == 1000
