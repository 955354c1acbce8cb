"""The examples of the docstrings run and print what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "base.verifier",
    "expression.verifier",
    "graph_path.verifier",
    "pooling",
    "scoring_rules",
    "stats.metrics",
    "stats.probability",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"rbio_kg.verifiers.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
