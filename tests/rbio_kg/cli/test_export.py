"""`export`: its document, its words for people, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from rbio_kg.cli.app import app
from tests.commands import fails, invoke

Built = tuple[Path, dict[str, Any]]


def test_export_says_files_and_command(built: Built, tmp_path: Path) -> None:
    workspace, document = built
    told = invoke(workspace, "export", "--neo4j-admin", str(tmp_path / "out"))
    assert set(told) == {"build_id", "files", "command"}
    assert told["build_id"] == document["build_id"]
    assert told["files"] == sorted(str(file) for file in (tmp_path / "out").iterdir())
    assert told["command"].startswith("neo4j-admin database import full neo4j --nodes=")
    shown = CliRunner().invoke(app, ["export", "--neo4j-admin", str(tmp_path / "out"), "--workspace", str(workspace)])
    assert shown.exit_code == 0
    assert told["command"] in shown.stdout


def test_what_cannot_be_exported(built: Built, tmp_path: Path) -> None:
    workspace, _ = built
    (tmp_path / "mine.txt").write_text("x")
    assert "something else" in fails(workspace, "export", "--neo4j-admin", str(tmp_path))
    assert "rbio-kg build" in fails(tmp_path / "none", "export", "--neo4j-admin", str(tmp_path / "out"))
    assert CliRunner().invoke(app, ["export", "--workspace", str(workspace)]).exit_code == 2
