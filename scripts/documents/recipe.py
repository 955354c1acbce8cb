"""docs/reference/recipe.md: every setting of a recipe with its default, its range and what it does.

`python -m scripts.documents.recipe` writes it; a test fails while it is stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rbio_kg.core.atomic_io import write_text
from rbio_kg.report.card_text import markdown_table
from rbio_kg.training.config.recipe import PolicyConfig

_TOP = """# Every setting of a recipe

<!-- Written by `python -m scripts.documents.recipe`; do not edit. -->

A recipe is a TOML file for `rbio-kg train policy --config`; what it leaves out has the default. Unknown names and
values out of range are errors. How the stages work: [training.md](../howto/training.md).
"""
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}
_TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", dict: "table", list: "list"}


def recipe_document() -> str:
    """The page, one table a section, as the recipe's own model describes it."""
    sections, alone = [], []
    for name, field in PolicyConfig.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            rows = [_row(*item) for item in part.model_fields.items()]
            sections.append(f"## [{name}]\n\n{(part.__doc__ or '').strip()}\n\n{_table(rows)}\n")
        else:
            alone.append(_row(name, field))
    return "\n".join([_TOP, f"## Before all sections\n\n{_table(alone)}\n", *sections])


def _table(rows: list[list[str]]) -> str:
    return markdown_table(("setting", "default", "values", "what it does"), rows)


def _row(name: str, field: FieldInfo) -> list[str]:
    default = field.get_default(call_default_factory=True)
    shown = "none" if default is None else json.dumps(default)
    return [f"`{name}`", f"`{shown}`", _values(field), (field.description or "").replace("|", "or")]


def _values(field: FieldInfo) -> str:
    bounds = [
        f"{words} {value:g}"
        for item in field.metadata
        for key, words in _BOUNDS.items()
        if (value := getattr(item, key, None)) is not None
    ]
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, UnionType):
        kinds = [_kind(part) for part in inner if part is not NoneType]
        return " or ".join([*kinds, "absent"] if NoneType in inner else kinds)
    if origin is list:
        return f"list of {_kind(inner[0])}"
    return _TYPES.get(origin or annotation, str(annotation))


def main(folder: Path) -> None:
    """Write the document into a folder."""
    write_text(folder / "recipe.md", recipe_document())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
