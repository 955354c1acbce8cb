"""The documentation site builds without a warning, and its pages and links are those of the repository."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from rbio_kg.cli.app import app
from scripts.documents import site
from scripts.documents.cli import cli_document
from tests.support.locations import DOCS, ROOT


def commands(command: object, words: tuple[str, ...] = ()) -> list[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [" ".join(words)]
    return [line for name, item in inner.items() for line in commands(item, (*words, name))]


def navigation(part: object) -> list[str]:
    if isinstance(part, str):
        return [part]
    items = part if isinstance(part, list) else list(part.values()) if isinstance(part, dict) else []
    return [page for item in items for page in navigation(item)]


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    page = (tmp_path / "site" / "reference" / "cli.html").read_text(encoding="utf-8")
    assert "verifiers check" in page
    python = (tmp_path / "site" / "reference" / "python.html").read_text(encoding="utf-8")
    assert "evaluate_policy" in python  # also what the facade inherits
    for path in (tmp_path / "site").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', text), (
            f"{path.name} loads from outside"
        )


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = navigation(settings["nav"])
    assert len(pages) == len(set(pages))
    assert set(pages) == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} | {site.CLI_PAGE}


def test_the_page_of_the_commands_has_every_command() -> None:
    titles = re.findall(r"^### (.+)$", cli_document(), re.MULTILINE)
    assert sorted(titles) == sorted(commands(get_command(app)))


def test_the_page_of_the_commands_says_what_options_do() -> None:
    section = cli_document().partition("### explain\n")[2].partition("\n### ")[0]
    assert "`SUBJECT`" in section
    assert re.search(r"^\| `--cell-line[^`]*` \|", section, re.MULTILINE)
    assert "required" not in section.partition("--relation")[2].partition("\n")[0]


def test_examples() -> None:
    found = doctest.testmod(site)
    assert found.attempted and not found.failed


@pytest.mark.parametrize(
    ("folder", "text", "shown"),
    [
        (".", "[a](howto/build.md#x)", "[a](howto/build.md#x)"),
        (".", "[a](../README.md)", "a"),
        ("howto", "[a](../index.md)", "[a](../index.md)"),
        ("howto", "[a](../../README.md#top) and [b](https://x.org/../..)", "a and [b](https://x.org/../..)"),
        ("howto", "![a](../pipeline.svg)", "![a](../pipeline.svg)"),
        ("howto", "[a](#here)", "[a](#here)"),
    ],
)
def test_links_that_leave_the_documentation_become_text(folder: str, text: str, shown: str) -> None:
    assert site.unlink_outside(text, Path(folder)) == shown
