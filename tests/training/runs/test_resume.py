"""Going on with a run: its command as a shell reads it, the settings that differ, and runs whose process has died."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.lock import held, is_held
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.config.shipped import FOLDER, recipe_names
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.resume import recipe_differences, resume_command
from rbio_kg.training.runs.run_folder import Run, check_finished, list_runs, read_run, start_run
from tests.rbio_kg.core.test_lock import HOLDER

STATUSES = ("running", "interrupted", "stopped", "failed", "finished")


def make_run(root: Path, status: str = "running", *, name: str = "one", kind: str = "training", **config: Any) -> Run:
    manifest = RunManifest.new(
        name, kind, build_id="b1", version="0", seeds={}, config=config or {"seed": 0}, simulated=True
    )
    run = start_run(WorkspacePaths(root), manifest)
    run.update(status=status)
    return run


@contextmanager
def another_process(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a lock, as one that trains a run does."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


# The command.


@pytest.mark.parametrize(
    "folder",
    [
        "workspace",
        "other",
        "my work",
        "Größe",
        "a'b",
        'a"b',
        "a$HOME b",
        "semi;colon",
        "back\\slash",
        "-dash",
        "a&b",
        "#x",
    ],
)
@pytest.mark.parametrize("environment", [None, "elsewhere"])
def test_the_command_names_the_workspace_for_the_shell(
    folder: str, environment: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RBIO_KG_WORKSPACE", raising=False)
    if environment is not None:
        monkeypatch.setenv("RBIO_KG_WORKSPACE", environment)
    command = resume_command(tmp_path / folder / "runs" / "first.run_2")
    # What a shell makes of it, not what this module takes for a shell.
    echo = [sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))"]
    line = command.replace("rbio-kg", shlex.join(echo), 1)
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    expected = ["train", "policy", "--resume", "--name", "first.run_2"]
    if folder != "workspace" or environment is not None:
        expected += ["--workspace", str(tmp_path / folder)]
    assert said.strip() == ascii(expected)


def test_a_relative_workspace_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RBIO_KG_WORKSPACE", raising=False)
    assert resume_command(Path("here/runs/x")).endswith(f"--workspace {tmp_path / 'here'}")
    assert resume_command(Path("workspace/runs/x")).endswith("--name x")


# The settings that differ.

values = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b"]) | st.lists(st.integers(0, 2))
recipes = st.recursive(st.dictionaries(st.sampled_from("xyz"), values), lambda inner: st.dictionaries(
    st.sampled_from("pqr"), inner | values), max_leaves=6)  # fmt: skip


def flat(recipe: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in recipe.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {prefix + key: value}
    return found


@given(first=recipes, second=recipes)
def test_recipes_differ_where_a_setting_does(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert recipe_differences(first, first) == []
    found = recipe_differences(first, second)
    mirrored = recipe_differences(second, first)
    assert [(item.key, item.recorded, item.given) for item in found] == [
        (item.key, item.given, item.recorded) for item in mirrored
    ]
    same = {key for key, value in flat(first).items() if key in flat(second) and flat(second)[key] == value}
    assert not same & {item.key for item in found}


CHANGES: list[tuple[str, Any, Any]] = [
    ("seed", 0, 7),
    ("grpo.steps", 6, 9),
    ("grpo.learning_rate", 1e-4, 2e-4),
    ("model.name", "smollm2", "other"),
    ("questions.cell_line", "k562", "rpe1"),
    ("questions.facts", ["rate", "estimate", "link"], ["rate"]),
    ("reward.verifiers.expression", 0.9, 0.4),
    ("reward.verifiers.mine.py:Mine", None, 0.5),
    ("evaluation.rows", 400, 40),
]


@pytest.mark.parametrize(("key", "recorded", "given_value"), CHANGES)
def test_a_recipe_that_differs_is_refused_with_each_setting(
    key: str, recorded: Any, given_value: Any, tmp_path: Path
) -> None:
    own = PolicyConfig.make({"grpo": {"learning_rate": 1e-4}}).model_dump(mode="json")
    run = make_run(tmp_path, "interrupted", **own)
    other = PolicyConfig.make({"grpo": {"learning_rate": 1e-4}}).model_dump(mode="json")
    section, _, name = key.partition(".")
    if section == "reward":
        other["reward"]["verifiers"][name.partition(".")[2]] = given_value
    elif name:
        other[section][name] = given_value
    else:
        other[section] = given_value
    manifest = RunManifest.new("one", "training", build_id="b1", version="0", seeds={}, config=other, simulated=True)
    with pytest.raises(TrainingError) as caught:
        start_run(WorkspacePaths(tmp_path), manifest, resume=True)
    assert f"{key} (recorded {recorded!r}, given {given_value!r})" in caught.value.what
    assert caught.value.what.count("recorded") == 1
    assert resume_command(run.folder) in caught.value.hint


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_is_equal_to_what_a_run_records_of_it(name: str, tmp_path: Path) -> None:
    config = PolicyConfig.read(FOLDER / f"{name}.toml").model_dump(mode="json")
    run = make_run(tmp_path, "interrupted", **config)
    assert recipe_differences(run.manifest.config, config) == []
    again = PolicyConfig.make(dict(run.manifest.config)).model_dump(mode="json")
    assert recipe_differences(run.manifest.config, again) == []


# Runs whose process has died, and runs that are not finished.


@pytest.mark.parametrize("status", STATUSES)
def test_a_run_is_running_only_while_a_process_trains_it(status: str, tmp_path: Path) -> None:
    run = make_run(tmp_path, status)
    dead = "interrupted" if status == "running" else status
    assert (run.status, read_run(run.folder).status, list_runs(WorkspacePaths(tmp_path))[0].status) == (dead,) * 3
    assert run.manifest.status == status, "reading does not change what was written"
    with another_process(run.lock_file):
        assert read_run(run.folder).status == status
        assert is_held(run.lock_file)
    # Killed: the kernel released the lock, and its file is still there.
    assert run.lock_file.exists() and not is_held(run.lock_file)
    assert read_run(run.folder).status == dead


def test_this_process_may_hold_the_lock_too(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with held(run.lock_file, print, seconds=0):
        assert run.status == "running"
        assert run.resume_command is None
    assert run.status == "interrupted"


def test_asking_writes_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    before = sorted(path.name for path in run.folder.iterdir())
    assert not is_held(run.lock_file)
    read_run(run.folder)
    assert sorted(path.name for path in run.folder.iterdir()) == before
    run.lock_file.touch()
    run.lock_file.chmod(0o444)
    assert not is_held(run.lock_file)


@pytest.mark.parametrize("kind", ["training", "evaluation"])
@pytest.mark.parametrize("status", STATUSES)
def test_what_can_go_on_has_a_command(kind: str, status: str, tmp_path: Path) -> None:
    run = make_run(tmp_path, status, kind=kind)
    goes_on = kind == "training" and status != "finished"
    assert run.resume_command == (resume_command(run.folder) if goes_on else None)


@pytest.mark.parametrize("status", STATUSES)
def test_an_unfinished_run_is_used_only_on_request(status: str, tmp_path: Path) -> None:
    run = make_run(tmp_path, status)
    assert check_finished(run, unfinished=True) is (status != "finished")
    if status == "finished":
        assert check_finished(run, unfinished=False) is False
        return
    shown = "interrupted" if status == "running" else status
    with pytest.raises(TrainingError, match=f"run one is {shown}, not finished") as caught:
        check_finished(run, unfinished=False)
    assert "--unfinished" in caught.value.hint and resume_command(run.folder) in caught.value.hint
