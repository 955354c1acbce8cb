"""Running a command as a script would, and what to expect of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from rbio_kg.cli.app import app


def invoke(workspace: Path, *arguments: str) -> Any:
    """Run a command with --json; its document."""
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace), "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def fails(workspace: Path, *arguments: str) -> str:
    """Run a command that cannot work; the one line that says why."""
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace)])
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "Traceback" not in result.stderr
    return last
