"""A page opened in a real browser without a window: its document after loading, and what its console said."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

# Nothing of the browser itself may talk to a network: this machine has none, and the page must need none.
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
    "--disable-quic", "--enable-logging=stderr", "--v=0",
)  # fmt: skip
_CONSOLE = re.compile(r"^\[[^\]]*:CONSOLE[^\]]*\] (.*)$", re.MULTILINE)
_PATIENCE = 120


@dataclass(frozen=True)
class Page:
    """The document as the browser holds it after loading, and the lines on its console."""

    dom: str
    console: tuple[str, ...]

    @property
    def ids(self) -> list[str]:
        """All ids, in the order of the document."""
        return [value for _, attributes in tags(self.dom) for name, value in attributes.items() if name == "id"]


def browser() -> str:
    """The browser's path; the test skips where there is none."""
    names = (os.environ.get("RBIO_KG_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium, or set RBIO_KG_CHROMIUM)")
    return found


def open_page(path: Path) -> Page:
    """Load a local page and return what came of it; a browser that hangs or fails is an error."""
    with tempfile.TemporaryDirectory(prefix="rbio-kg-browser-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [browser(), *_QUIET, f"--user-data-dir={profile}", "--dump-dom", path.resolve().as_uri()],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip
        try:
            dom, errors = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
    assert process.returncode == 0 and dom.strip(), f"the browser failed:\n{errors[-2000:]}"
    return Page(dom, tuple(_CONSOLE.findall(errors)))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def tags(html: str) -> list[tuple[str, dict[str, str]]]:
    """All start tags with their attributes."""
    parser = _Tags()
    parser.feed(html)
    return parser.found
