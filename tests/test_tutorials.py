"""The tutorials are notebooks in Markdown: every cell runs on the sample, a training with a tiny model."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest
from nbclient import NotebookClient

from tests.support.locations import DOCS, ROOT
from tests.support.tiny_model import save_tiny_model

PAGES = sorted((DOCS / "tutorials").glob("*.md"))
SIZES = 'model, steps, batch, length = "warm", 20, 16, 48'
"""What the training tutorial sets, and the test replaces."""


def printed(notebook: Any) -> str:
    """Everything that the cells printed or returned."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text") or str(output.get("data", {}).get("text/plain", "")) for output in outputs)


def run(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    """Run a page's cells in a folder; what they print. A cell that fails is an error."""
    text = page.read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    notebook = jupytext.reads(text, fmt="md")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RBIO_KG_WORKSPACE", "workspace")
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    return printed(notebook)


@pytest.fixture
def here(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    (tmp_path / "workspace").symlink_to(fitted[0])
    return tmp_path


def test_there_are_three() -> None:
    assert [page.stem for page in PAGES] == ["first-claim", "grpo", "your-screen"]


# The Jupyter libraries warn about their own defaults.
libraries = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@libraries
@pytest.mark.slow
def test_the_first_claim(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(DOCS / "tutorials" / "first-claim.md", here, monkeypatch)
    assert "SIMULATED" in said
    assert "-> supported" in said
    assert "-> contradicted" in said


@libraries
@pytest.mark.slow
def test_a_screen(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(DOCS / "tutorials" / "your-screen.md", here, monkeypatch)
    assert "base_rate" in said
    assert said.count("pair_copy") == 3
    assert (here / "a549-de.manifest.json").is_file()


@libraries
@pytest.mark.slow
def test_grpo(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_tiny_model(here / "tiny")
    page = DOCS / "tutorials" / "grpo.md"
    assert SIZES in page.read_text(encoding="utf-8")
    said = run(page, here, monkeypatch, **{SIZES: f"model, steps, batch, length = {str(model)!r}, 1, 8, 8"})
    assert "0.0]" in said  # the text without an answer
