"""Options before the command, and output that cannot show every character."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rbio_kg import __version__
from rbio_kg.cli.app import app

CHILD_SECONDS = 300


def test_the_version_is_an_option_as_well() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize(
    ("before", "after", "variable", "used"),
    [
        ("first", None, None, "first"),
        (None, "second", None, "second"),
        ("first", "second", None, "second"),
        ("first", None, "third", "first"),
        (None, None, "third", "third"),
    ],
)
def test_the_workspace_may_stand_before_the_command(
    tmp_path: Path, before: str | None, after: str | None, variable: str | None, used: str
) -> None:
    def option(name: str | None) -> list[str]:
        return [] if name is None else ["--workspace", str(tmp_path / name)]

    environment = {} if variable is None else {"RBIO_KG_WORKSPACE": str(tmp_path / variable)}
    result = CliRunner().invoke(app, [*option(before), "explain", "A", "B", *option(after)], env=environment)
    assert result.exit_code == 1
    assert f"{tmp_path / used}: no graph has been built" in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_output_that_lacks_characters_is_no_fault(tmp_path: Path, encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "rbio_kg", "doctor", "--workspace", str(tmp_path / "Größe-Ω")]
    for more in ([], ["--json"]):
        done = subprocess.run(
            [*command, *more], env=environment, capture_output=True, timeout=CHILD_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        assert b"a fault in rbio-kg" not in done.stderr
    assert "Größe-Ω" in str(json.loads(done.stdout.decode(encoding)))
