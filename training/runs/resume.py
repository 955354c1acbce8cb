"""Going on with a run: the command that does it, and the settings in which two recipes differ."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
    """The command that goes on with the run of a folder, for a shell in the present folder.

    It names the workspace where a command without `--workspace` would take another one.
    """
    root, here = folder.absolute().parent.parent, Path("workspace").absolute()
    command = ["rbio-kg", "train", "policy", "--resume", "--name", folder.name]
    if root != here or os.environ.get("RBIO_KG_WORKSPACE"):
        command += ["--workspace", str(root)]
    return shlex.join(command)
