"""Going on with a run: the command that does it, and the settings in which two recipes differ."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rbio_kg.core.paths import WorkspacePaths


@dataclass(frozen=True)
class SettingDifference:
    """A setting that two recipes have with different values.

    Args:
        key: dotted name, such as `grpo.steps`.
        recorded: value in the run's recipe; None where it has none.
        given: value in the other recipe; None where it has none.
    """

    key: str
    recorded: Any
    given: Any

    def __str__(self) -> str:
        return f"{self.key} (recorded {self.recorded!r}, given {self.given!r})"


def recipe_differences(
    recorded: Mapping[str, Any], given: Mapping[str, Any], prefix: str = ""
) -> list[SettingDifference]:
    """The settings that differ between two recipes, by name.

    Example:
        >>> recorded, given = {"grpo": {"steps": 4, "beta": 0.0}}, {"grpo": {"steps": 6, "beta": 0.0}}
        >>> [str(item) for item in recipe_differences(recorded, given)]
        ['grpo.steps (recorded 4, given 6)']
    """
    found: list[SettingDifference] = []
    for name in sorted({*recorded, *given}):
        mine, other = recorded.get(name), given.get(name)
        if isinstance(mine, Mapping) and isinstance(other, Mapping):
            found += recipe_differences(mine, other, f"{prefix}{name}.")
        elif mine != other:
            found.append(SettingDifference(prefix + name, mine, other))
    return found


def resume_command(folder: Path) -> str:
    """The command that goes on with the run of a folder; see `WorkspacePaths.command`."""
    paths = WorkspacePaths(folder.absolute().parent.parent)
    return paths.command(f"train policy --resume --name {shlex.quote(folder.name)}")
