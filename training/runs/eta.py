"""The remaining time of a training, in words."""

from __future__ import annotations

import time


def time_left(started: float, done: int, left: int) -> str:
    """`, 12 min left`, from the steps done since `started` (`time.monotonic()`); empty at the start and the end."""
    if done <= 0 or left <= 0:
        return ""
    return f", {spoken((time.monotonic() - started) / done * left)} left"


def spoken(seconds: float) -> str:
    """A time for people: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
