"""What MkDocs does while it builds the site: the page of the commands, and links to files outside docs/.

A page may link to a source file. In a checkout the link works; in the site it becomes text, because the file is not
part of the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.documents.cli import cli_document

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

CLI_PAGE = "reference/cli.md"
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the page of the commands."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, CLI_PAGE, content=cli_document()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace links that leave docs/ by their text."""
    return unlink_outside(markdown, Path(page.file.src_uri).parent)


def unlink_outside(markdown: str, folder: Path) -> str:
    """A page's text in which links to files outside docs/ are plain text.

    Args:
        markdown: the page.
        folder: its folder, relative to docs/.

    >>> unlink_outside("[code](../../rbio_kg/workspace.py), [page](../index.md)", Path("howto"))
    'code, [page](../index.md)'
    """

    def replaced(match: re.Match[str]) -> str:
        return match[1] if _leaves(folder, match[2]) else match[0]

    return _LINK.sub(replaced, markdown)


def _leaves(folder: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return False
    depth = len([part for part in folder.parts if part != "."])
    for part in target.split("/"):
        depth += -1 if part == ".." else 0 if part == "." else 1
        if depth < 0:
            return True
    return False
