"""Runs: names, manifests, going on, and logs that were cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import (
    Run,
    RunLog,
    broken_runs,
    find_run,
    free_name,
    list_runs,
    read_run,
    start_run,
)


def start(root: Path, name: str = "one", *, resume: bool = False, **changes: Any) -> Run:
    values: dict[str, Any] = {"version": "0", "seeds": {"recipe": 0}, "simulated": True}
    values |= {"build_id": "b1", "config": {"seed": 0}, **changes}
    return start_run(WorkspacePaths(root), RunManifest.new(name, "training", **values), resume=resume)


def test_a_run_is_listed_found_and_read(tmp_path: Path) -> None:
    start(tmp_path, "b")
    run = start(tmp_path, "a")
    run.update(status="finished", stage="grpo", result={"steps": 3})
    paths = WorkspacePaths(tmp_path)
    assert {item.name for item in list_runs(paths)} == {"a", "b"}
    manifest = read_run(find_run(paths, "a"))
    assert (manifest.status, manifest.stage, manifest.result) == ("finished", "grpo", {"steps": 3})
    assert manifest.to_json()["simulated"] is True
    assert free_name(paths, "a") == "a-2"
    assert free_name(paths, "c") == "c"


def test_a_taken_name_says_how_to_go_on(tmp_path: Path) -> None:
    start(tmp_path)
    with pytest.raises(TrainingError, match=r"already a run called 'one'.*--resume --name one"):
        start(tmp_path)


@pytest.mark.parametrize(("changes", "what"), [({"build_id": "b2"}, "graph"), ({"config": {"seed": 1}}, "recipe")])
def test_a_run_goes_on_only_as_it_began(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    start(tmp_path).update(status="interrupted")
    assert start(tmp_path, resume=True).manifest.status == "running"
    with pytest.raises(TrainingError, match=f"another {what}"):
        start(tmp_path, resume=True, **changes)


@pytest.mark.parametrize("name", ["", "../up", "a b", ".hidden", "x" * 90])
def test_names_that_no_folder_should_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match="cannot be called"):
        start(tmp_path, name)


def test_an_unknown_run_is_told_with_the_known_ones(tmp_path: Path) -> None:
    start(tmp_path)
    with pytest.raises(TrainingError, match=r"no run called 'two'.*known: one"):
        find_run(WorkspacePaths(tmp_path), "two")


def test_a_corrupt_manifest_is_said(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.manifest_file.write_text("{")
    with pytest.raises(TrainingError, match="manifest is corrupt"):
        _ = run.manifest


def test_a_log_that_was_cut_off(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.log({"step": 1})
    run.log({"step": 2})
    with run.log_file.open("a") as stream:
        stream.write('{"step": 3')
    assert [line["step"] for line in run.logged()] == [1, 2]
    run.rewrite_log(run.logged()[:1])
    assert run.log_file.read_text() == '{"step": 1}\n'


def test_the_log_is_read_by_phase_and_names_a_bad_line(tmp_path: Path) -> None:
    run = start(tmp_path)
    assert (run.read_log(), run.logged()) == (RunLog((), cut_off=False), [])
    run.log({"phase": "warmup", "step": 1})
    run.log({"phase": "grpo", "step": 1, "reward": None})
    assert run.logged("grpo") == [{"phase": "grpo", "step": 1, "reward": None}]
    with run.log_file.open("a") as stream:
        stream.write('{"step": 2')
    assert run.read_log() == RunLog(tuple(run.logged()), cut_off=True)
    with run.log_file.open("a") as stream:
        stream.write('\n{"step": 3}\n')
    with pytest.raises(TrainingError, match=r"log\.jsonl, line 3: is not a JSON object"):
        run.logged()


def test_an_evaluation_is_written_and_read(tmp_path: Path) -> None:
    run = start(tmp_path)
    assert run.read_evaluation("before") is None
    run.write_evaluation("before", {"rows": 3, "ece": None})
    assert run.read_evaluation("before") == {"rows": 3, "ece": None}
    run.evaluation_file("before").write_text('{"ece": NaN}')
    assert run.read_evaluation("before") == {"ece": None}
    run.evaluation_file("before").write_text("[")
    with pytest.raises(TrainingError, match=r"before\.json: cannot be read as a JSON object"):
        run.read_evaluation("before")


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    manifest = start(tmp_path).update(status="failed", result={"steps": 1})
    assert RunManifest.from_json(manifest.to_json()) == manifest
    for changes, message in (({"started": 3}, "started is not text"), ({"config": []}, "config is not an object")):
        with pytest.raises(ValueError, match=message):
            RunManifest.from_json({**manifest.to_json(), **changes})
    with pytest.raises(ValueError, match="unexpected keyword argument 'colour'"):
        RunManifest.from_json({**manifest.to_json(), "colour": "blue"})


def test_runs_that_cannot_be_read_are_kept_apart(tmp_path: Path) -> None:
    start(tmp_path, "good")
    start(tmp_path, "bad").manifest_file.write_text("{}")
    paths = WorkspacePaths(tmp_path)
    assert [item.name for item in list_runs(paths)] == ["good"]
    (broken,) = broken_runs(paths)
    assert (broken.name, broken.to_json()["status"]) == ("bad", "broken")
    assert "missing 8 required positional arguments" in broken.error
