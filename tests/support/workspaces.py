"""One workspace on the shipped sample that all tests of the interfaces share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.workspace import Workspace
from tests.support.commands import invoke
from tests.support.tiny_model import save_tiny_model

RECIPE = """
[model]
name = "{model}"
[warmup]
examples = 32
batch_size = 8
[grpo]
steps = 2
prompts = 2
generations = 2
max_tokens = 12
questions = 8
explained = 2
[evaluation]
rows = 60
vote_rows = 8
samples = 1
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    workspace = tmp_path_factory.mktemp("sample") / "workspace"
    document = invoke(workspace, "build", "--sources", str(sample_directory()))
    with Workspace(workspace) as opened:
        # One server for all commands of this module: whoever holds a store open shares it.
        assert opened.store.counts()["nodes"] == document["nodes"]
        yield workspace, document


@pytest.fixture(scope="session")
def fitted(built: tuple[Path, dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    workspace, _ = built
    links = invoke(workspace, "train", "link-predictor", "--epochs", "3", "--seed", "1")
    expression = invoke(workspace, "train", "expression", "--seed", "1")
    return workspace, {"links": links, "expression": expression}


@pytest.fixture(scope="session")
def trained(
    fitted: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, dict[str, Any]]:
    workspace, _ = fitted
    folder = tmp_path_factory.mktemp("recipe")
    save_tiny_model(folder / "model")
    recipe = folder / "recipe.toml"
    # Neighbours are outcomes of known knockdowns, which the audit looks through.
    shown = '[questions]\nfacts = ["rate", "estimate", "neighbours", "link"]\n'
    recipe.write_text(RECIPE.format(model=folder / "model") + shown)
    return workspace, recipe, invoke(workspace, "train", "policy", "--config", str(recipe), "--name", "tiny")
