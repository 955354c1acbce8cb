"""The callback by which a long computation reports its progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float | None], None]
"""Called with a message and the finished share, 0 to 1; the share is None where it is unknown."""


def silent(message: str, share: float | None = None) -> None:
    """A `Progress` that reports nothing."""
