"""What runs record of their verifiers and files, and that a run does not go on with changed ones."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rbio_kg.core.digest import file_digest, folder_digest
from rbio_kg.core.errors import TrainingError, VerifierError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.registry import origin_of
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import start_run
from rbio_kg.workspace import Workspace

OWN = """
import numpy as np
from rbio_kg import Card, Relation, Status, Verdict, Verifier

class Own(Verifier):
    name = "own"
    card = Card("nothing", frozenset(Relation), "never", ("none",), "none", "none")
    def __init__(self, files):
        self.files = files
    @classmethod
    def open(cls, workspace):
        return cls([workspace.paths.root / "pairs.csv"])
    @classmethod
    def bare(cls, workspace):
        return cls([])
    def score(self, claims, texts=None):
        return np.full(len(claims), 0.5)
    def explain(self, claim, text=None):
        return Verdict(0.5, Status.OK, (), "half", self.name)
"""


@pytest.fixture
def own(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> Iterator[tuple[Workspace, Path]]:
    workspace, module = Workspace(built[0]), tmp_path / f"own_{tmp_path.name.replace('-', '_')}.py"
    module.write_text(OWN)
    (workspace.paths.root / "pairs.csv").write_text("a,b\n")
    yield workspace, module
    (workspace.paths.root / "pairs.csv").unlink(missing_ok=True)
    sys.modules.pop(module.stem, None)


def test_the_origin_of_a_users_own_verifier(own: tuple[Workspace, Path]) -> None:
    workspace, module = own
    name = f"{module}:Own.open"
    found = origin_of(workspace, [name])
    assert found["build"]["build_id"] == workspace.build_id
    assert found["verifiers"][name] == {
        "module": module.stem,
        "file": module.name,
        "sha256": hashlib.sha256(OWN.encode()).hexdigest(),
        "files": {"pairs.csv": hashlib.sha256(b"a,b\n").hexdigest()},
    }
    assert json.loads(json.dumps(found)) == found


def test_a_data_file_that_is_missing(own: tuple[Workspace, Path]) -> None:
    workspace, module = own
    (workspace.paths.root / "pairs.csv").unlink()
    with pytest.raises(VerifierError, match=r"pairs\.csv"):
        origin_of(workspace, [f"{module}:Own.open"])


def test_a_package_counts_with_all_its_modules(
    built: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text(OWN)
    (package / "part.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        workspace = Workspace(built[0])
        before = origin_of(workspace, ["own_package:Own.bare"])["verifiers"]["own_package:Own.bare"]["sha256"]
        (package / "part.py").write_text("X = 2\n")
        after = origin_of(workspace, ["own_package:Own.bare"])["verifiers"]["own_package:Own.bare"]["sha256"]
    finally:
        sys.modules.pop("own_package", None)
    assert before != after == folder_digest(package, "*.py")


@pytest.mark.parametrize("name", ["ontology_text", "ontology_text:process", "experiment", "reasoning_trace"])
def test_what_reads_the_graph_rests_on_the_build(built: tuple[Path, dict[str, Any]], name: str) -> None:
    assert origin_of(Workspace(built[0]), [name])["verifiers"][name] == {}


def change(*path: str, to: Any = "other") -> Callable[[dict[str, Any]], None]:
    def apply(origin: dict[str, Any]) -> None:
        inner = origin
        for key in path[:-1]:
            inner = inner[key]
        if to is None:
            del inner[path[-1]]
        else:
            inner[path[-1]] = to

    return apply


ORIGIN: dict[str, Any] = {
    "build": {"build_id": "b", "options": {}, "data": {"STRING": "1"}},
    "verifiers": {
        "graph_path": {"sha256": "1", "build_id": "b"},
        "own.py:Own": {"sha256": "2", "files": {"pairs.csv": "3"}},
        "ontology_text": {},
    },
    "files": {"questions.parquet": "4"},
    "stale": {},
}
CHANGES = {
    "nothing": (change("stale", to={"x": "y"}), []),
    "the code": (change("verifiers", "own.py:Own", "sha256"), ["own.py:Own"]),
    "its data": (change("verifiers", "own.py:Own", "files", "pairs.csv"), ["own.py:Own"]),
    "its data is gone": (change("verifiers", "own.py:Own", "files", to=None), ["own.py:Own"]),
    "a fit": (change("verifiers", "graph_path", "sha256"), ["graph_path"]),
    "another verifier": (change("verifiers", "extra", to={"sha256": "9"}), ["extra"]),
    "the table of questions": (change("files", "questions.parquet"), ["questions.parquet"]),
    "no table of questions": (change("files", "questions.parquet", to=None), ["questions.parquet"]),
}


def manifest(origin: dict[str, Any]) -> RunManifest:
    return RunManifest.new(
        "run", "training", build_id="b", version="1", seeds={}, config={}, simulated=True, origin=origin
    )


@pytest.mark.parametrize("what", CHANGES)
def test_a_run_does_not_go_on_with_changed_inputs(tmp_path: Path, what: str) -> None:
    apply, names = CHANGES[what]
    changed = json.loads(json.dumps(ORIGIN))
    apply(changed)
    paths = WorkspacePaths(tmp_path)
    begun = start_run(paths, manifest(ORIGIN)).update(status="interrupted")
    assert begun.origin == ORIGIN
    assert begun.changed_inputs(manifest(changed)) == names
    if not names:
        start_run(paths, manifest(changed), resume=True)
        return
    with pytest.raises(TrainingError) as caught:
        start_run(paths, manifest(changed), resume=True)
    assert all(name in str(caught.value) for name in names)
    assert "another --name" in caught.value.hint


def test_a_run_of_an_older_version_goes_on(tmp_path: Path) -> None:
    paths = WorkspacePaths(tmp_path)
    start_run(paths, replace(manifest({}), status="interrupted"))
    assert start_run(paths, manifest(ORIGIN), resume=True).manifest.status == "running"


def test_runs_record_what_they_rest_on(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    workspace = Workspace(trained[0])
    found = json.loads((trained[0] / "runs" / "tiny" / "manifest.json").read_text())["origin"]
    assert found["build"]["options"] == workspace.manifest.options
    assert found["stale"] == {}
    for name in ("graph_path", "link_predictor", "expression"):
        assert found["verifiers"][name]["build_id"] == workspace.build_id
        assert len(found["verifiers"][name]["sha256"]) == 64


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_digests_of_files(tmp_path: Path, size: int) -> None:
    content = np.random.default_rng(size).bytes(size)
    (tmp_path / "f").write_bytes(content)
    assert file_digest(tmp_path / "f") == hashlib.sha256(content).hexdigest()


def test_digests_of_folders(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1")
    first = folder_digest(tmp_path)
    (tmp_path / "a" / "origin.json").write_text("2")
    assert folder_digest(tmp_path, without="origin.json") == folder_digest(tmp_path, "*.py") == first
    assert folder_digest(tmp_path) != first
    (tmp_path / "a" / "x.py").rename(tmp_path / "a" / "y.py")
    assert folder_digest(tmp_path, "*.py") != first
