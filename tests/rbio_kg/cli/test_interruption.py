"""Ctrl-C, a reader that goes away and wrong usage, in a process of their own as for a user."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from rbio_kg.graph_builders.sample.sample import sample_directory

PROGRAM = [sys.executable, "-c", "from rbio_kg.cli.app import main; main()"]


def test_an_interrupted_build_says_so_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    command = [*PROGRAM, "build", "--sources", str(sample_directory()), "--workspace", str(workspace), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "reading GO" in line:
                process.send_signal(signal.SIGINT)
                break
        out, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert out == ""
    assert rest.strip().splitlines()[-1].startswith("interrupted: ")
    assert "Traceback" not in rest
    assert not (workspace / "graph" / "current.json").exists()
    assert not list(workspace.rglob("manifest.json"))


def test_wrong_usage_ends_with_2() -> None:
    for arguments in (["nosuchverb"], ["build", "--nosuchoption"], ["query"], ["evaluate", "expression"]):
        done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
