"""Policies by the command line: what is checked of a recipe before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import fails


@pytest.mark.parametrize(
    "recipe",
    [
        "[questions]\nsplit_scheme = 'global'\n",
        "[questions]\nsplit_scheme = 'global'\nprompt = 'tools'\n[reward]\nverifiers = {graph_path = 1.0}\n",
        "[questions]\nsplit_scheme = 'global'\nprompt = 'closed'\n"
        "[reward]\nverifiers = {graph_path = 1.0}\nrelative_to = 'gene_prior'\n",
        "[questions]\nsplit_scheme = 'global'\nprompt = 'closed'\n[reward]\nverifiers = {expression = 1.0}\n",
    ],
    ids=["open book", "tools", "relative to the gene's prior", "paid by the expression verifier"],
)
def test_what_teaches_a_policy_is_held_to_its_protocol(
    recipe: str, fitted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(recipe)
    reported = fails(fitted[0], "train", "policy", "--config", str(file), "--dry-run")
    assert "the expression verifier was fitted under official" in reported
