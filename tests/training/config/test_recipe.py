"""Recipes: an error names the setting, and the default is complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.config.recipe import PolicyConfig
from tests.support.locations import ROOT


def sections() -> list[Any]:
    return [(name, type(getattr(PolicyConfig(), name))) for name in PolicyConfig.model_fields if name != "seed"]


def test_the_default_is_the_measured_recipe() -> None:
    recipe = PolicyConfig()
    assert (recipe.reward.scoring, recipe.grpo.scale_rewards) == ("brier", "none")
    assert PolicyConfig.make(recipe.model_dump(mode="json")) == recipe


def test_every_setting_is_described() -> None:
    for name, kind in sections():
        for field, info in kind.model_fields.items():
            assert info.description, f"{name}.{field}"


def test_a_file_and_changes(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text("seed = 3\n[grpo]\nsteps = 9\nprompts = 2\n")
    recipe = PolicyConfig.read(file, **{"grpo.steps": 1, "seed": None})
    assert (recipe.seed, recipe.grpo.steps, recipe.grpo.prompts) == (3, 1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[grpo]\nstep = 3\n", "grpo.step: "),
        ("[grpo]\ngenerations = 1\n", "grpo.generations: .*greater than or equal to 2"),
        ("[warmup]\nbatch_size = 7\n", "warmup.batch_size: .*multiple of 2"),
        ("[grpo]\nscale_rewards = 'group'\n", "keeps only the sign"),
        ("[grpo]\nscale_rewards = 'group'\n[reward]\nscoring = 'linear'\nshare_weight = 0.5\n", "cannot go with"),
        ("[grpo]\ngenerations = 2\n[reward]\nshare_weight = 0.5\n", "3 or more"),
        ("[model]\nmethod = 'full'\nprecision = 'bfloat16'\n", "needs model.precision"),
        ("[grpo\n", "cannot be read"),
        ("[reward]\nscoring = 'guess'\n", "reward.scoring: .*'brier'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        PolicyConfig.read(file)
    assert caught.value.where == str(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such recipe"):
        PolicyConfig.read(tmp_path / "none.toml")


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.toml")), ids=str)
def test_the_example_recipes_are_read(file: Path) -> None:
    recipe = PolicyConfig.read(file)
    assert f"--config examples/{file.name}" in file.read_text(encoding="utf-8")
    assert recipe.reward.verifiers == PolicyConfig().reward.verifiers


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("\ufeff[grpo]\nsteps = 7\n", encoding="utf-8")
    assert PolicyConfig.read(path).grpo.steps == 7
