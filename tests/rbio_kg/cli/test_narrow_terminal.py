"""At 80 columns no command splits a number over two lines, and none prints Python's own notation."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rbio_kg.cli.app import EXAMPLES, app
from rbio_kg.cli.tables import show_table, show_value
from tests.support.commands import invoke

Fitted = tuple[Path, dict[str, Any]]
PYTHON = re.compile(r"\{'|\[\{'|\bNone\b|\bTrue\b|\bFalse\b|<[\w.]+ object at")
COMMANDS = (
    ("explain", "RBMX", "PTBP2", "--cell-line", "k562"),
    ("explain", "RBMX", "PTBP2", "--cell-line", "k562", "--verbose"),
    ("explain", "TP53", "MDM2", "--relation", "interacts_with"),
    ("check", "Knockdown of RBMX increases PTBP2. MDM2 binds TP53."),
    ("stats",),
    ("query", "--list"),
    ("query", "MATCH (g:Gene) RETURN g.symbol AS symbol, g.name AS name ORDER BY symbol LIMIT 3"),
    ("query", "MATCH (a)-[r:INTERACTS_WITH]->(b) RETURN a, r, b LIMIT 2"),
    ("verifiers", "list"),
    ("verifiers", "check", "graph_path"),
    ("recipes", "list"),
    ("rewards", "check", "--claims", "4"),
    ("rewards", "check", "--claims", "4", "--verbose"),
    ("doctor",),
    ("fetch", "--list"),
    ("runs", "list"),
)


def shown(monkeypatch: pytest.MonkeyPatch, workspace: Path, *arguments: str) -> str:
    """What a command prints on an output of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def fits(text: str) -> None:
    """No Python notation, no colour codes, and no line that begins in the middle of a number."""
    assert not PYTHON.search(text)
    assert "\x1b" not in text
    assert not re.search(r"^\s*[.,]\d", text, re.MULTILINE), "a number is split"


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_output_fits(monkeypatch: pytest.MonkeyPatch, fitted: Fitted, arguments: tuple[str, ...]) -> None:
    fits(shown(monkeypatch, fitted[0], *arguments))


def test_explained_scores_are_whole(monkeypatch: pytest.MonkeyPatch, fitted: Fitted) -> None:
    arguments = ("explain", "RBMX", "PTBP2", "--cell-line", "k562")
    text = shown(monkeypatch, fitted[0], *arguments)
    document = invoke(fitted[0], *arguments)
    for score in [document["composed"], *(item["score"] for item in document["verdicts"])]:
        assert score is None or f"{score:.3f}" in text.split()
    assert "█" in text
    assert max(map(len, text.splitlines())) <= 80


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(-1e6, 1e6),
    st.lists(st.floats(-1, 1), min_size=2, max_size=2),
    st.text("abc ", min_size=1, max_size=60).map(str.strip).filter(bool),
)


@given(st.integers(1, 14).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=4)))
def test_every_number_of_a_table_is_whole(rows: list[list[Any]]) -> None:
    import contextlib
    import io

    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setenv("COLUMNS", "80")
        show_table([f"column {place}" for place in range(len(rows[0]))], rows)
    lines = out.getvalue().splitlines()
    for value in (cell for row in rows for cell in row if not isinstance(cell, str)):
        assert any(show_value(value) in line for line in lines)
    words = {word for row in rows for cell in row if isinstance(cell, str) for word in cell.split()}
    assert words <= {word for line in lines for word in line.split()}


@pytest.mark.parametrize(("name", "example"), EXAMPLES.items())
def test_the_help_ends_with_an_example_that_can_be_parsed(name: str, example: str) -> None:
    text = CliRunner().invoke(app, [*name.split(), "--help"]).stdout
    assert f"Example: rbio-kg {example}"[:60] in " ".join(text.split())
    assert example.startswith(name)
    given = [word.partition("=")[0] for word in shlex.split(example) if word.startswith("--")]
    assert all(option in text for option in given)


def test_help_is_short_to_ask_for() -> None:
    for arguments in (["-h"], ["explain", "-h"], ["verifiers", "list", "-h"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0
        assert "Usage:" in result.stdout
