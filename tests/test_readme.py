"""The README is short, its sentences are short, and on a package index none of its links leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from hatch_build import without_relative_links
from tests.support.locations import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(text: str) -> list[str]:
    """The sentences outside code, tables and headings; a link counts by its text."""
    plain = re.sub(r"```.*?```", "\n\n", text, flags=re.DOTALL)
    plain = re.sub(r"^[#|!].*$", "\n\n", plain, flags=re.MULTILINE)
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
    return [part.strip() for part in re.split(r"(?<=[.:!?])\s+|\n\n", plain) if part.strip()]


def test_no_sentence_is_longer_than_25_words() -> None:
    found = prose(TEXT)
    assert len(found) > 10
    assert not [sentence for sentence in found if len(sentence.split()) > 25]


def test_the_readme_is_short() -> None:
    assert len(TEXT.splitlines()) <= 110


def test_the_package_index_shows_no_link_to_a_file() -> None:
    assert any(not target.startswith("http") for target in LINK.findall(TEXT))
    shown = without_relative_links(TEXT)
    assert all(target.startswith("https://") for target in LINK.findall(shown))
    assert "![" not in shown
    assert shown.count("```") == TEXT.count("```")


def test_the_metadata_of_the_package_hold_that_text() -> None:
    command = [sys.executable, "-m", "hatchling", "metadata", "readme"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert without_relative_links(TEXT).strip() == done.stdout.strip()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[a](docs/b.md) and [c](https://d.org)", "a and [c](https://d.org)"),
        ("[a](#part)", "[a](#part)"),
        ("before\n\n![picture](docs/p.svg)\n\nafter", "before\n\nafter"),
        ("see ![picture](docs/p.svg) here", "see picture here"),
        ("![badge](https://a.org/b.svg)", "![badge](https://a.org/b.svg)"),
        ("[write](mailto:a@b.org)", "[write](mailto:a@b.org)"),
    ],
)
def test_relative_links_become_text(text: str, shown: str) -> None:
    assert without_relative_links(text) == shown
