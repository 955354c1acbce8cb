"""The house rules that a machine can check: one-way arrows, file sizes, names, light imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.locations import ROOT

LAYERS = [
    (
        "rbio_kg.core.claims",
        "rbio_kg.core.errors",
        "rbio_kg.core.paths",
        "rbio_kg.core.atomic_io",
        "rbio_kg.core.lock",
        "rbio_kg.core.settings",
        "rbio_kg.graph",
    ),
    ("graph_builders",),
    ("verifiers",),
    ("training",),
    (
        "rbio_kg.services",
        "rbio_kg.workspace",
        "rbio_kg.registry",
        "rbio_kg.own_verifiers",
        "rbio_kg.report",
        "rbio_kg.cli",
        "rbio_kg.__main__",
    ),
]
PACKAGES = ("rbio_kg", "graph_builders", "verifiers", "training")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(name: str) -> int | None:
    for number, prefixes in enumerate(LAYERS):
        if any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes):
            return number
    return None


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{item.name}" for item in node.names)
    return {name for name in found if name.split(".")[0] in PACKAGES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    own = layer(module_name(path))
    if own is None:
        assert module_name(path) == "rbio_kg", f"{path} belongs to no layer"
        return
    upward = {name for name in imports(path) if (other := layer(name)) is not None and other > own}
    assert not upward, f"{path} imports from a later layer: {sorted(upward)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_nouns_of_modest_size(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "common", "misc", "util", "helper"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def test_import_needs_no_heavy_library() -> None:
    code = (
        "import sys, rbio_kg; rbio_kg.Claim('A', 'regulates', 'B');"
        "print([m for m in ('torch', 'polars', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys; from rbio_kg.cli.app import app; from typer.main import get_command; get_command(app);"
        "print([m for m in ('torch', 'polars', 'transformers', 'numba', 'pydantic', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_foreign_package_of_the_same_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "verifiers").mkdir()
    (tmp_path / "verifiers" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import rbio_kg"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )
    assert done.returncode != 0
    assert "needs its own package 'verifiers'" in done.stderr
