"""The examples in docstrings give what they show."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from rbio_kg.core import atomic_io, claims


@pytest.mark.parametrize("module", [atomic_io, claims])
def test_examples(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
