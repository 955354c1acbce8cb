"""The commands about runs: a run folder that is damaged does not hide the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import start_run
from tests.support.commands import fails, invoke

BROKEN = {
    "cut off": '{"name": "bad"',
    "empty": "",
    "a list": "[]",
    "another format": '{"name": "bad", "colour": "blue"}',
    "no start": json.dumps(
        {
            "name": "bad", "kind": "training", "started": None, "build_id": "b", "version": "0", "seeds": {},
            "config": {}, "simulated": True,
        }
    ),
}  # fmt: skip


def make_run(workspace: Path, name: str) -> None:
    manifest = RunManifest.new(name, "training", build_id="b", version="0", seeds={}, config={}, simulated=True)
    start_run(WorkspacePaths(workspace), manifest).update(status="finished")


@pytest.fixture(params=BROKEN)
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A workspace with the runs `one` and `two`, and a run `bad` whose manifest cannot be read."""
    for name in ("one", "bad", "two"):
        make_run(tmp_path, name)
    (tmp_path / "runs" / "bad" / "manifest.json").write_text(BROKEN[request.param])
    return tmp_path


def test_a_broken_run_is_listed_with_its_error_after_the_others(workspace: Path) -> None:
    rows = invoke(workspace, "runs", "list")["runs"]
    assert [(row["name"], row["status"]) for row in rows] == [
        ("one", "finished"),
        ("two", "finished"),
        ("bad", "broken"),
    ]
    assert "manifest is corrupt" in rows[-1]["error"]
    assert str(workspace / "runs" / "bad" / "manifest.json") in rows[-1]["error"]
    table = CliRunner().invoke(app, ["runs", "list", "--workspace", str(workspace)])
    assert table.exit_code == 0
    assert "broken" in table.stdout


def test_a_broken_run_is_a_clear_error_where_it_is_named(workspace: Path) -> None:
    said = fails(workspace, "runs", "show", "bad")
    assert "bad/manifest.json: the run's manifest is corrupt" in said
    assert "restore the file, or delete the run's folder" in said


def test_the_other_runs_are_shown_and_suggested(workspace: Path) -> None:
    assert invoke(workspace, "runs", "show", "one")["status"] == "finished"
    assert fails(workspace, "runs", "show", "three").endswith("known: one, two")
