"""Shipped recipes by name, and an ablation of two recipes on the sample with a tiny model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.training.config.shipped import recipe_names
from tests.support.commands import fails, invoke
from tests.support.tiny_model import save_tiny_model
from tests.support.workspaces import RECIPE


def test_recipes_are_listed(built: tuple[Path, dict[str, Any]]) -> None:
    found = invoke(built[0], "recipes", "list")["recipes"]
    assert [item["name"] for item in found] == recipe_names()


@pytest.mark.parametrize("name", ["exp", "mlp", "go-exp-all"])
def test_a_shipped_recipe_goes_by_its_name(fitted: tuple[Path, dict[str, Any]], tmp_path: Path, name: str) -> None:
    model = str(save_tiny_model(tmp_path / "tiny"))
    dry = invoke(fitted[0], "train", "policy", "--config", name, "--model", model, "--dry-run")
    assert dry["questions"]["warmup"] > 0
    assert "there is no such recipe" in fails(fitted[0], "train", "policy", "--config", f"{name}-none", "--dry-run")


def test_two_recipes_under_one_budget(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, _ = fitted
    model = save_tiny_model(tmp_path / "tiny")
    short, plain = tmp_path / "short.toml", tmp_path / "plain.toml"
    short.write_text(RECIPE.format(model=model) + '[questions]\nfacts = ["rate", "link"]\nbudget = 8\n')
    plain.write_text(RECIPE.format(model=model) + "[questions]\nshuffle_names = true\n")
    command = ["ablate", "--recipe", str(short), "--recipe", str(plain), "--steps", "1", "--seed", "3", "--name", "abl"]
    document = invoke(workspace, *command)
    assert [(row["recipe"], row["stage"]) for row in document["rows"]] == [
        (str(recipe), stage) for recipe in (short, plain) for stage in ("before", "after warmup", "after")
    ]
    for row in document["rows"]:
        assert 0 <= row["brier"] <= 1
        assert row["interval"][0] <= row["auroc"] <= row["interval"][1]
        assert row["unparsed"] is not None
    assert document["rows"][0]["genes"] == document["rows"][3]["genes"]  # the same evaluation
    manifest = workspace / "runs" / "abl-short-s3" / "manifest.json"
    kept = manifest.read_bytes()
    assert json.loads(kept)["config"]["grpo"]["steps"] == 1
    assert json.loads(kept)["seeds"] == {"recipe": 3}
    assert invoke(workspace, *command)["rows"] == document["rows"]
    assert manifest.read_bytes() == kept  # nothing was made again
    for run in (workspace / "runs").glob("abl-*"):
        shutil.rmtree(run)  # the workspace is shared with other tests, which list its runs


def test_every_recipe_is_read_before_the_first_is_trained(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(RECIPE.format(model=save_tiny_model(tmp_path / "tiny")))
    bad.write_text("[grpo]\nstep = 3\n")
    reported = fails(fitted[0], "ablate", "--recipe", str(good), "--recipe", str(bad), "--name", "never")
    assert "grpo.step" in reported
    assert not list((fitted[0] / "runs").glob("never-*"))
