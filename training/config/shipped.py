"""The recipes that ship with the package, by name: the paper's compositions in two variants, and the default."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from rbio_kg.core.errors import ConfigError

FOLDER = Path(__file__).parent / "recipes"
DEFAULT = "graph"
"""The recipe of a policy where none is named."""


def recipe_names() -> list[str]:
    """Names of the shipped recipes, the default one first."""
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return [DEFAULT, *(name for name in names if name != DEFAULT)]


def find_recipe(name: str | Path) -> Path:
    """The file of a recipe: a path, or the name of a shipped one.

    Raises:
        ConfigError: there is neither; the error names the shipped ones.
    """
    path = Path(name)
    if path.is_file():
        return path
    if str(name) in recipe_names():
        return FOLDER / f"{name}.toml"
    raise ConfigError(
        "there is no such recipe", where=path, hint="give a TOML file, or one of " + ", ".join(recipe_names())
    )


def is_shipped(path: Path) -> bool:
    """Whether a recipe's file is one of the package's."""
    return path.parent == FOLDER


def describe_recipes() -> list[dict[str, Any]]:
    """Each shipped recipe: `name`, `about` (its first line), `verifiers`, `families`, `assignment`."""
    found: list[dict[str, Any]] = []
    for name in recipe_names():
        text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        values = tomllib.loads(text)
        found.append(
            {
                "name": name,
                "about": text.splitlines()[0].removeprefix("# "),
                "verifiers": values["reward"]["verifiers"],
                "families": values.get("questions", {}).get("families", []),
                "assignment": values["reward"].get("assignment", "all"),
            }
        )
    return found
