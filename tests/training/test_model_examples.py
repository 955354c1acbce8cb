"""The examples in the docstrings of models, SFT and pipeline are right."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    ["models.answer_tokens", "models.randomness", "pipeline.result", "runs.resume", "sft.examples", "sft.targets"],
)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"rbio_kg.training.{name}"))
    assert found.attempted
    assert not found.failed
