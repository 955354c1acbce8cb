"""Whether what was made earlier belongs to the build of the graph that is in use."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rbio_kg.core.errors import StaleError, StaleWarning


class MadeRun(Protocol):
    """What a run's manifest says of its origin."""

    @property
    def name(self) -> str:
        """The run's name."""
        ...

    @property
    def build_id(self) -> str:
        """The build that it was trained on."""
        ...

    @property
    def origin(self) -> Mapping[str, Any]:
        """What it rests on; `stale` holds what was stale when it was trained."""
        ...


class StaleParts:
    """Refuses, or notes, what was made on another build than the one in use. A workspace is one.

    Args:
        allow_stale: go on, and mark it in `stale`, instead of raising StaleError.
    """

    def __init__(self, *, allow_stale: bool) -> None:
        self.allow_stale = allow_stale
        self.stale: dict[str, str] = {}
        """What rests on another build than the one in use, with the reason, by name."""
        self.say_stale: Callable[[str], None] = _warn

    @property
    def build_id(self) -> str:
        """Id of the build in use."""
        raise NotImplementedError

    def command(self, text: str) -> str:
        """A command line that works as printed."""
        raise NotImplementedError

    def mark_stale(self, name: str, reason: str) -> None:
        """Note that something of another build is in use, and say it once."""
        if self.stale.get(name) != reason:
            self.stale[name] = reason
            self.say_stale(f"stale: {reason}")

    def accept_build(self, name: str, build_id: str | None, *, made: str = "fitted", again: str) -> None:
        """Check that something was made on the build in use.

        Args:
            name: of what was made.
            build_id: of the build that it was made on; None where that is not recorded.
            made: how, as in "NAME was fitted on".
            again: the arguments of `rbio-kg` that make it again.

        Raises:
            StaleError: it was made on another build, and `allow_stale` was not given.
        """
        used = self.build_id
        if build_id == used:
            self.stale.pop(name, None)
            return
        there = f"build {build_id}" if build_id else "a build that was not recorded"
        reason = f"{name} was {made} on {there}, but the graph in use is build {used}"
        if not self.allow_stale:
            raise StaleError(reason, hint=f"run {self.command(again)}, or go on with --allow-stale")
        self.mark_stale(name, reason)

    def accept_run(self, run: MadeRun) -> None:
        """Check that a run was trained on the build in use, and mark one that was trained with stale parts.

        Raises:
            StaleError: as `accept_build`.
        """
        name = f"run {run.name}"
        self.accept_build(name, run.build_id, made="trained", again="train policy")
        for part, reason in run.origin.get("stale", {}).items():
            self.mark_stale(f"{name}: {part}", f"{name} was trained with a stale part: {reason}")


def _warn(text: str) -> None:
    warnings.warn(text, StaleWarning, stacklevel=4)
