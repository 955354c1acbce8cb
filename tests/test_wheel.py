"""The wheel: only `rbio_kg` in site-packages, next to PyPI's `verifiers` without harm to either."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import rbio_kg
from tests.support.locations import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
# Names its version, so that the test does not change when another release appears.
FOREIGN = "verifiers==0.4.0"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return its output; its output is the message when it fails."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [str(part) for part in command]
    done = subprocess.run(words, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_one_package_with_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    info = f"rbio_kg-{rbio_kg.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"rbio_kg", info}
    assert {
        "rbio_kg/py.typed",
        "rbio_kg/verifiers/base/verifier.py",
        "rbio_kg/training/config/recipes/graph.toml",
        "rbio_kg/training/config/deepspeed/zero2.json",
        "rbio_kg/graph/store/queries/gene.cypher",
        "rbio_kg/report/templates/report.html.j2",
        "rbio_kg/graph_builders/sample/data/go/go-basic.obo.gz",
    } <= names
    package = [path for top in ("graph_builders", "verifiers", "training") for path in (ROOT / top).rglob("*.py")]
    assert {f"rbio_kg/{path.relative_to(ROOT)}" for path in package} <= names
    assert "Author: The rbio-kg project" in metadata
    assert "Description-Content-Type: text/markdown" in metadata
    assert "GRPOTrainer(" in metadata
    assert not re.findall(r"\]\((?!https?:)[^)]*\)", metadata)
    for field in ("Classifier: ", "Project-URL: ", "Keywords: "):
        assert field in metadata


def test_the_version_has_one_home() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert "version" in project["dynamic"]


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
def test_it_shares_an_environment_with_the_verifiers_of_pypi(wheel: Path, tmp_path: Path, ours_first: bool) -> None:
    # The dependencies of both come from this environment: only the two packages themselves are installed.
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    (own,) = Path(sys.prefix).glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(f"{own}\n")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    packages: list[str | Path] = [wheel, FOREIGN]
    for package in packages if ours_first else reversed(packages):
        run(*pip, "--ignore-installed", package, cwd=tmp_path)
    site_text = str(site)
    ours = (
        "import rbio_kg; from rbio_kg.verifiers.base.verifier import Card, Verifier; "
        "from rbio_kg.graph_builders.sample.sample import sample_directory; sample_directory(); print(rbio_kg.__file__)"
    )
    theirs = "import verifiers; assert not hasattr(verifiers, 'Card'); print(verifiers.__file__)"
    for code in (ours, theirs):
        assert run(python, "-c", code, cwd=tmp_path).startswith(site_text)
    assert not any((site / name).exists() for name in ("training", "graph_builders", "tests", "benchmarks"))
    other = {path: path.read_bytes() for path in (site / "verifiers").rglob("*.py")}
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "verifiers" if ours_first else "rbio-kg", cwd=tmp_path)
    if ours_first:
        assert run(python, "-c", ours, cwd=tmp_path).startswith(site_text)
        assert not (site / "verifiers").exists()
    else:
        assert {path: path.read_bytes() for path in (site / "verifiers").rglob("*.py")} == other
        assert run(python, "-c", theirs, cwd=tmp_path).startswith(site_text)
        assert not (site / "rbio_kg").exists()
