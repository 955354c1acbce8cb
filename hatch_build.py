"""The README of the wheel and of PyPI: there, links to files of the repository lead nowhere.

Pictures are left out and links to files become their text. Absolute links stay.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = r"\((?![a-z]+:|#)[^)\s]+\)"


def without_relative_links(text: str) -> str:
    """A Markdown text without pictures and links that are relative to the repository."""
    pictures = re.sub(rf"^!\[[^\]]*\]{_RELATIVE}\n\n?", "", text, flags=re.MULTILINE)
    return re.sub(rf"!?\[([^\]]*)\]{_RELATIVE}", r"\1", pictures)


class ReadmeHook(MetadataHookInterface):
    """Gives the package its description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme`, which pyproject.toml declares as dynamic."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": without_relative_links(text)}
