"""A stopped training goes on by the printed command; until its end, its policy is used only on request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.services.train import kept_of_run
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.runs.run_folder import Run
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.tiny_model import save_tiny_model

pytestmark = pytest.mark.timeout(900)  # several complete commands, each of which imports torch

Built = tuple[Path, dict[str, Any]]
STEPS = 24
RECIPE = """
[model]
name = "{model}"
[questions]
prompt = "closed"
cell_line = "k562"
[reward]
verifiers = {{ experiment = 1.0 }}
[warmup]
examples = 16
batch_size = 8
[grpo]
steps = {steps}
save_every = 1
prompts = 2
generations = 2
max_tokens = 8
questions = 16
[evaluation]
rows = 20
vote_rows = 0
"""


@pytest.fixture(scope="module")
def place(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the workspace under a name that a shell would divide, a recipe, and the program by its name."""
    folder = tmp_path_factory.mktemp("resumed")
    (folder / "my wörk space").symlink_to(built[0])
    save_tiny_model(folder / "model")
    (folder / "recipe.toml").write_text(RECIPE.format(model=folder / "model", steps=STEPS))
    program = folder / "bin" / "rbio-kg"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from rbio_kg.cli.app import main; main()" "$@"\n')
    program.chmod(0o755)
    return folder


def run_line(
    line: str, place: Path, *, stop: signal.Signals | None = None, at: str = "GRPO step"
) -> tuple[int, list[str]]:
    """A line in a shell, in another folder than the workspace's; with `stop`, a signal when it says something."""
    environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    environment.pop("RBIO_KG_WORKSPACE", None)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    said: list[str] = []
    with subprocess.Popen(
        ["sh", "-c", f"exec {line}"], cwd=place / "bin", env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        sent = False
        for text in process.stdout:
            said.append(text.rstrip("\n"))
            if stop is not None and not sent and at in text:
                process.send_signal(stop)
                sent = True
    return process.returncode, said


@pytest.fixture(scope="module")
def printed(place: Path) -> str:
    """The command that a training printed when SIGTERM stopped it."""
    workspace, recipe = place / "my wörk space", place / "recipe.toml"
    code, said = run_line(
        f"rbio-kg train policy --config {recipe} --name cut --workspace '{workspace}'", place, stop=signal.SIGTERM
    )
    assert code == 143, said
    assert said[-1].startswith("interrupted: what was finished and the last checkpoint are kept; go on with: ")
    line = said[-1].partition("go on with: ")[2]
    assert line == f"rbio-kg train policy --resume --name cut --workspace '{workspace}'"
    return line


def test_what_is_saved_of_a_stopped_training_is_used_only_on_request(place: Path, printed: str) -> None:
    workspace = place / "my wörk space"
    shown = invoke(workspace, "runs", "show", "cut")
    assert (shown["status"], shown["resume"]) == ("interrupted", printed)
    uses = {
        "export-model": ["export-model", "cut", "--out", str(place / "exported")],
        "evaluate": ["evaluate", "policy", "cut", "--limit", "20", "--samples", "0"],
        "report": ["report", "cut", "--out", str(place / "report.html")],
        "ask": ["ask", "--pert", "MED12", "--gene", "TP53", "--cell-line", "k562", "--model", "cut"],
    }
    genes = Run(workspace / "runs" / "cut").read_questions()
    uses["ask"][2], uses["ask"][4] = genes["pert"][0], genes["gene"][0]
    for arguments in uses.values():
        refused = fails(workspace, *arguments)
        assert "run cut is interrupted, not finished" in refused
        assert "--unfinished" in refused and printed in refused
    assert not (place / "exported").exists() and not (place / "report.html").exists()
    found = {name: invoke(workspace, *arguments, "--unfinished") for name, arguments in uses.items()}
    assert {name: document["unfinished"] for name, document in found.items()} == dict.fromkeys(uses, True)
    card = (place / "exported" / "README.md").read_text()
    assert "The training is UNFINISHED (interrupted): these are the weights after SFT" in card
    assert "\n- unfinished\n" in card.partition("# cut")[0]
    assert "before training" in card.partition("## Metrics")[2]
    assert 'id="unfinished-banner"' in (place / "report.html").read_text()
    table = CliRunner().invoke(app, [*uses["evaluate"], "--unfinished", "--workspace", str(workspace)])
    assert "UNFINISHED run" in table.stdout


def test_a_stopped_training_goes_on_as_printed(place: Path, printed: str) -> None:
    """Without the recipe's file, too. A run that was killed is not called running."""
    workspace, recipe = place / "my wörk space", place / "recipe.toml"
    recipe.rename(place / "kept.toml")
    code, said = run_line(printed, place, stop=signal.SIGKILL)
    assert code == -signal.SIGKILL, said
    assert json.loads((workspace / "runs" / "cut" / "manifest.json").read_text())["status"] == "running"
    (listed,) = [row for row in invoke(workspace, "runs", "list")["runs"] if row["name"] == "cut"]
    assert (listed["status"], listed["resume"]) == ("interrupted", printed)
    table = CliRunner().invoke(app, ["runs", "list", "--workspace", str(workspace)])
    assert f"cut can go on with: {printed}" in table.stdout.splitlines()
    code, said = run_line(printed, place)
    assert code == 0, said
    run = Run(workspace / "runs" / "cut")
    assert [line["step"] for line in run.logged("grpo")] == list(range(1, STEPS + 1))
    shown = invoke(workspace, "runs", "show", "cut")
    assert (shown["status"], shown["resume"], shown["config"]["grpo"]["steps"]) == ("finished", None, STEPS)
    exported = invoke(workspace, "export-model", "cut", "--out", str(place / "finished"))
    assert exported["unfinished"] is False
    for folder in (place / "finished", run.model / "grpo"):
        assert "unfinished" not in (folder / "README.md").read_text().lower()
    assert invoke(workspace, "report", "cut", "--out", str(place / "report.html"))["unfinished"] is False
    assert "unfinished" not in (place / "report.html").read_text().lower()
    (place / "kept.toml").rename(recipe)


def test_what_is_promised_is_what_is_there(place: Path) -> None:
    """During the first evaluation there is a run, but no checkpoint yet; before it there is nothing."""
    workspace = place / "my wörk space"
    with Workspace(workspace) as opened:
        assert kept_of_run(opened, "early") == "nothing was kept; run the same command again"
    start = f"rbio-kg train policy --config {place / 'recipe.toml'} --name early --workspace '{workspace}'"
    code, said = run_line(start, place, stop=signal.SIGINT, at="before:")
    assert code == 130, said
    assert said[-1].endswith(f"go on with: rbio-kg train policy --resume --name early --workspace '{workspace}'")
    with Workspace(workspace) as opened:
        assert said[-1] == f"interrupted: {kept_of_run(opened, 'early')}"


@pytest.fixture
def recorded(place: Path) -> Iterator[Path]:
    """A run that was interrupted, by its recorded recipe alone; the workspace."""
    from rbio_kg.training.runs.manifest import RunManifest

    workspace = place / "my wörk space"
    config = PolicyConfig.read(place / "recipe.toml").model_dump(mode="json")
    build_id = invoke(workspace, "stats")["build_id"]
    run = Run(workspace / "runs" / "old")
    run.folder.mkdir(parents=True)
    run.write_manifest(
        RunManifest.new("old", "training", build_id=build_id, version="0", seeds={}, config=config, simulated=True)
    )
    yield workspace
    run.manifest_file.unlink()
    run.folder.rmdir()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 24", "steps = 30", ["grpo.steps (recorded 24, given 30)"]),
        ("examples = 16", "examples = 32", ["warmup.examples (recorded 16, given 32)"]),
        ("experiment = 1.0", "experiment = 0.5", ["reward.verifiers.experiment (recorded 1.0, given 0.5)"]),
        ('cell_line = "k562"', 'cell_line = "rpe1"', ["questions.cell_line (recorded 'k562', given 'rpe1')"]),
        ("[grpo]", "[alarms]\nwindow = 2\n[grpo]", ["alarms.window (recorded 5, given 2)"]),
        ("[model]", "seed = 3\n[model]", ["seed (recorded 0, given 3)"]),
        ("rows = 20\nvote_rows = 0", "rows = 21", ["evaluation.rows (recorded 20, given 21)", "evaluation.vote_rows"]),
    ],
)
def test_a_recipe_that_differs_is_refused_before_anything_is_loaded(
    old: str, new: str, said: list[str], recorded: Path, place: Path, tmp_path: Path
) -> None:
    text = (place / "recipe.toml").read_text()
    assert old in text
    other = tmp_path / "other.toml"
    other.write_text(text.replace(old, new, 1))
    refused = fails(recorded, "train", "policy", "--resume", "--name", "old", "--config", str(other))
    for words in said:
        assert words in refused
    assert f"rbio-kg train policy --resume --name old --workspace '{recorded}'" in refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "5"], "grpo.steps (recorded 24, given 5)"),
        (["--model", "smollm2"], "given 'smollm2')"),
    ],
)
def test_an_option_that_differs_is_refused_too(arguments: list[str], said: str, recorded: Path) -> None:
    assert said in fails(recorded, "train", "policy", "--resume", "--name", "old", *arguments)


def test_settings_of_the_workspace_do_not_change_a_recorded_recipe(
    recorded: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RBIO_KG_SEED", "5")
    monkeypatch.setenv("RBIO_KG_MODEL", "another")
    document = invoke(recorded, "train", "policy", "--resume", "--name", "old", "--dry-run")
    assert document["questions"]["warmup"] == 16
    # The same recipe as at the first time is no other one.
    monkeypatch.undo()
    recipe = str(place / "recipe.toml")
    assert invoke(recorded, "train", "policy", "--resume", "--name", "old", "--config", recipe, "--dry-run")


def test_there_must_be_a_run_to_go_on_with(recorded: Path) -> None:
    assert "there is no run called 'nowhere'" in fails(recorded, "train", "policy", "--resume", "--name", "nowhere")
    assert CliRunner().invoke(app, ["train", "policy", "--resume", "--workspace", str(recorded)]).exit_code == 2
