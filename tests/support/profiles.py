"""Hypothesis profiles: `fast` for every day, `full` for the complete suite; HYPOTHESIS_PROFILE chooses."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("fast", max_examples=25, derandomize=True, database=None, **_COMMON)
settings.register_profile("full", max_examples=100, **_COMMON)


def load_profile() -> None:
    """Load the profile that HYPOTHESIS_PROFILE names, `fast` without it."""
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def examples(share: float) -> int:
    """A share of the profile's number of examples, for tests whose examples cost much more or much less than others."""
    return max(1, round(settings.default.max_examples * share))
