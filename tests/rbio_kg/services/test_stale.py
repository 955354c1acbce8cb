"""Verifiers, scorecards and runs that were made on another build of the graph: refused, or marked in every output."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import ModelError, StaleError, StaleWarning, VerifierError
from rbio_kg.graph_builders.build.build import build_graph
from rbio_kg.graph_builders.build.options import BuildOptions
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.registry import FITTED_BY
from rbio_kg.services.explain import Explanation
from rbio_kg.services.fit import fit
from rbio_kg.verifiers.base.origin import FILE, FORMER, FitOrigin
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke

CLAIM = Claim("TP53", "interacts_with", "MDM2")
NEW = {"min_score": 950}


@pytest.fixture(scope="module")
def parts(trained: tuple[Path, Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace with everything fitted and one run, without its store; and the recipe of the run."""
    root = tmp_path_factory.mktemp("parts") / "workspace"
    shutil.copytree(trained[0], root, ignore=shutil.ignore_patterns("store", "parsed"))
    return root, trained[1]


@pytest.fixture(scope="module")
def stale(parts: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same after another build."""
    root = Path(shutil.copytree(parts[0], tmp_path_factory.mktemp("stale") / "workspace"))
    build_graph(Workspace(root).paths, sample_directory(), BuildOptions(min_score=NEW["min_score"]))
    return root, parts[1]


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    path = tmp_path / "claims.csv"
    path.write_text("subject,relation,object,cell_line\nTP53,interacts_with,MDM2,\n")
    return path


@pytest.mark.parametrize("name", FITTED_BY)
def test_every_fitted_verifier_names_its_origin(parts: tuple[Path, Path], name: str) -> None:
    workspace = Workspace(parts[0])
    origin = FitOrigin.read(workspace.model_folder(name))
    assert (origin.verifier, origin.build_id) == (name, workspace.build_id)
    assert origin.build_options == workspace.manifest.options
    assert origin.data == {source.name: source.sha256 for source in workspace.manifest.sources}
    assert origin.options["seed"] in (0, 1)
    assert FitOrigin.from_json(json.loads(json.dumps(origin.to_json()))) == origin


@pytest.mark.parametrize("name", FITTED_BY)
def test_every_fitted_verifier_is_refused_under_another_build(stale: tuple[Path, Path], name: str) -> None:
    workspace = Workspace(stale[0])
    with pytest.raises(StaleError) as caught:
        workspace.verifier(name)
    old = FitOrigin.read(workspace.model_folder(name)).build_id
    assert f"{name} was fitted on build {old}, but the graph in use is build {workspace.build_id}" in str(caught.value)
    assert f"rbio-kg {FITTED_BY[name]}" in caught.value.hint
    assert f"--workspace {stale[0]}" in caught.value.hint and "--allow-stale" in caught.value.hint


@pytest.mark.parametrize("name", ["ontology_text", "reasoning_trace", "experiment"])
def test_verifiers_that_read_the_graph_are_not_stale(stale: tuple[Path, Path], name: str) -> None:
    assert Workspace(stale[0]).verifier(name).card


COMMANDS = {
    "explain": ["explain", "TP53", "MDM2", "--relation", "interacts_with"],
    "score": ["score", "{claims}"],
    "score by one": ["score", "{claims}", "--verifier", "link_predictor"],
    "verifiers card": ["verifiers", "card", "graph_path"],
    "verifiers check": ["verifiers", "check", "expression"],
    "train policy": ["train", "policy", "--config", "{recipe}", "--dry-run"],
    "rewards check": ["rewards", "check", "--config", "{recipe}"],
    "evaluate policy": ["evaluate", "policy", "tiny", "--limit", "10", "--samples", "0"],
    "ask": ["ask", "--model", "tiny", "--pert", "TP53", "--gene", "MDM2", "--cell-line", "k562"],
    "report": ["report", "tiny"],
}


def words(command: list[str], claims: Path, recipe: Path) -> list[str]:
    return [word.format(claims=claims, recipe=recipe) for word in command]


@pytest.mark.parametrize("what", COMMANDS)
def test_every_command_refuses(stale: tuple[Path, Path], claims: Path, what: str) -> None:
    line = fails(stale[0], *words(COMMANDS[what], claims, stale[1]))
    assert "on build" in line or "trained on the graph" in line
    assert "--allow-stale" in line


@pytest.mark.parametrize("what", COMMANDS)
def test_every_command_goes_on_where_that_is_allowed_and_says_so(
    stale: tuple[Path, Path], claims: Path, what: str, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(stale[0], tmp_path / "workspace"))
    arguments = [*words(COMMANDS[what], claims, stale[1]), "--allow-stale", "--workspace", str(root)]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    document = json.loads(result.stdout)
    if what != "verifiers check":  # a finding of that command is exit code 1
        assert result.exit_code == 0, result.stderr
    assert document["stale"]
    for reason in document["stale"].values():
        assert f"stale: {reason}" in result.stderr
        assert reason.count("build") >= 2
    if what == "report":
        page = (root / "runs" / "tiny" / "report.html").read_text(encoding="utf-8")
        assert "Stale: run tiny was trained on build" in page


def test_a_stale_one_speaks_of_the_graph_that_it_was_fitted_on(
    parts: tuple[Path, Path], stale: tuple[Path, Path]
) -> None:
    with pytest.warns(StaleWarning):
        for name in FITTED_BY:
            workspace = Workspace(stale[0], allow_stale=True)
            assert workspace.verifier(name).explain(CLAIM) == Workspace(parts[0]).verifier(name).explain(CLAIM)


def test_python_marks_what_it_gives(stale: tuple[Path, Path]) -> None:
    with pytest.raises(StaleError):
        Workspace(stale[0]).explain(CLAIM)
    workspace = Workspace(stale[0], allow_stale=True)
    with pytest.warns(StaleWarning, match="was fitted on build"):
        found = workspace.explain(CLAIM)
    assert set(found.stale) == set(FITTED_BY) == set(workspace.stale)
    assert Explanation.from_json(json.loads(json.dumps(found.to_json()))).stale == found.stale
    assert "stale: " in str(found) and "stale: " in found._repr_html_()


@pytest.mark.parametrize("allowed", [False, True])
def test_the_list_says_which_are_stale(stale: tuple[Path, Path], allowed: bool, tmp_path: Path) -> None:
    root = Path(shutil.copytree(stale[0], tmp_path / "workspace"))
    shutil.rmtree(root / "models" / "expression")
    options = ["--allow-stale"] if allowed else []
    rows = {row["name"]: row for row in invoke(root, "verifiers", "list", *options)["verifiers"]}
    status = {name: row["status"] for name, row in rows.items()}
    assert status["graph_path"] == status["link_predictor"] == "stale"
    assert status["expression"] == "not fitted"
    assert status["ontology_text"] == status["experiment"] == "ready"
    assert rows["link_predictor"]["ready"] is allowed
    assert "was fitted on build" in rows["link_predictor"]["reason"]
    shown = CliRunner().invoke(app, ["verifiers", "list", "--workspace", str(root), *options]).stdout
    assert "stale" in shown and "not fitted" in shown


def test_fitting_again_heals(stale: tuple[Path, Path], tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(stale[0], tmp_path / "workspace"))
    with pytest.raises(StaleError):
        workspace.verifier("graph_path")
    fit(workspace, "graph_path")
    assert workspace.verifier("graph_path").explain(CLAIM).status == "ok"
    workspace.allow_stale = True
    assert workspace.verifier("graph_path").card and workspace.stale == {}


def test_going_back_to_the_former_build_heals(stale: tuple[Path, Path], tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(stale[0], tmp_path / "workspace"))
    assert build_graph(workspace.paths, sample_directory()).reused
    assert workspace.explain(CLAIM).stale == {}


@pytest.mark.parametrize("noted", [True, False])
def test_verifiers_of_an_older_version(parts: tuple[Path, Path], tmp_path: Path, noted: bool) -> None:
    """Without an origin of their own, the former note of builds counts; without both, the build is unknown."""
    workspace = Workspace(shutil.copytree(parts[0], tmp_path / "workspace"))
    for name in FITTED_BY:
        (workspace.model_folder(name) / FILE).unlink()
    if noted:
        note = {name: {"build_id": workspace.build_id, "seed": 0} for name in FITTED_BY}
        (workspace.paths.models / FORMER).write_text(json.dumps(note))
        assert workspace.explain(CLAIM).stale == {}
    else:
        with pytest.raises(StaleError, match="a build that was not recorded"):
            workspace.explain(CLAIM)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"verifier": 3}', '{"build_id": 3, "verifier": "x"}', "{"])
def test_a_damaged_origin_is_said(parts: tuple[Path, Path], tmp_path: Path, content: str) -> None:
    workspace = Workspace(shutil.copytree(parts[0], tmp_path / "workspace"))
    (workspace.model_folder("expression") / FILE).write_text(content)
    with pytest.raises(ModelError, match=FILE):
        workspace.verifier("expression")


def test_scorecards_name_their_origin(parts: tuple[Path, Path], tmp_path: Path) -> None:
    root = Path(shutil.copytree(parts[0], tmp_path / "workspace"))
    workspace = Workspace(root)
    document = invoke(root, "verifiers", "card", "expression")
    assert document["origin"]["build"]["build_id"] == workspace.build_id
    fitted_on = document["origin"]["verifiers"]["expression"]
    assert fitted_on["build_id"] == workspace.build_id and len(fitted_on["sha256"]) == 64
    assert "stale" not in document


def test_kept_scorecards_are_never_those_of_stale_verifiers(stale: tuple[Path, Path], tmp_path: Path) -> None:
    root = Path(shutil.copytree(stale[0], tmp_path / "workspace"))
    kept = root / "models" / "scorecards.json"
    kept.unlink(missing_ok=True)
    invoke(root, "report", "tiny", "--allow-stale")
    assert not kept.exists()


def test_unfitted_verifiers_are_no_stale_ones(parts: tuple[Path, Path], tmp_path: Path) -> None:
    root = Path(shutil.copytree(parts[0], tmp_path / "workspace", ignore=shutil.ignore_patterns("models")))
    workspace = Workspace(root, allow_stale=True)
    assert workspace.verifier("graph_path").explain(CLAIM).status == "ok"
    with pytest.raises(VerifierError, match="has not been fitted"):
        workspace.verifier("expression")
    assert workspace.stale == {}
