"""The rules of the layout that a machine can check: layers, cycles, folder and file sizes, names, light imports."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.locations import ROOT

PACKAGES = ("rbio_kg", "graph_builders", "verifiers", "training")
LINKS = [ROOT / "rbio_kg" / name for name in PACKAGES[1:]]
MOST_MODULES = 17
MOST_LINES = 400


def source_files() -> list[Path]:
    """Every module of the package, each once: the links in `rbio_kg/` are left out."""
    return sorted(
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not any(path.is_relative_to(link) for link in LINKS)
    )


def test_the_layers_hold_and_no_import_runs_in_a_circle() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_four_folders_are_one_package() -> None:
    for link in LINKS:
        assert link.is_symlink()
        assert link.resolve() == ROOT / link.name


def test_nothing_is_imported_by_the_name_of_its_folder() -> None:
    folders = set(PACKAGES[1:])
    found = []
    places = [*source_files(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    for path in places:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.append(node.module)
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in folders]
    assert not found, "import these as rbio_kg...: " + ", ".join(found)


def test_folders_and_files_are_of_modest_size() -> None:
    modules: dict[Path, int] = {}
    found = []
    for path in source_files():
        modules[path.parent] = modules.get(path.parent, 0) + (path.name != "__init__.py")
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            found.append(f"{path.relative_to(ROOT)} has {lines} lines")
    found += [f"{folder.relative_to(ROOT)} has {n} modules" for folder, n in modules.items() if n > MOST_MODULES]
    assert not found, "; ".join(found)


def test_modules_are_named_for_what_they_hold() -> None:
    vague = re.compile(r"^(utils?|helpers?|common|misc)$")
    found = [str(path.relative_to(ROOT)) for path in source_files() if vague.match(path.stem)]
    assert not found, found


def test_every_package_says_what_it_is_for() -> None:
    found = []
    for path in source_files():
        if path.name == "__init__.py":
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            if len(text) < 40:
                found.append(str(path.relative_to(ROOT)))
    assert not found, f"without a docstring that says what the package is for: {found}"


def test_import_needs_no_heavy_library() -> None:
    code = (
        "import sys, rbio_kg; rbio_kg.Claim('A', 'regulates', 'B');"
        "print([m for m in ('torch', 'polars', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys; from rbio_kg.cli.app import app; from typer.main import get_command; get_command(app);"
        "print([m for m in ('torch', 'polars', 'transformers', 'numba', 'pydantic', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_public_names_can_be_imported() -> None:
    import rbio_kg

    assert {"Workspace", "Claim", "Verdict", "Evidence", "Verifier", "Card", "ComposedReward"} <= set(rbio_kg.__all__)
    for name in rbio_kg.__all__:
        assert getattr(rbio_kg, name) is not None
