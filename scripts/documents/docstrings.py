"""What mkdocstrings reads otherwise than we write it: `Example:` is a section of doctests, like `Examples:`."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Renames the section before docstrings are parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called once for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = examples_section(obj.docstring.value)


def examples_section(text: str) -> str:
    """A docstring whose section of examples has the name that mkdocstrings knows."""
    return re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
