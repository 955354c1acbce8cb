"""Ablations: what is run, under which name, and what of a run stands in the table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.pipeline.ablation import Trial, stage_figures, trials


def test_every_recipe_with_every_seed() -> None:
    planned = trials(["tf", "some/where/my recipe.toml"], [0, 1], name="a")
    assert [trial.run for trial in planned] == ["a-tf-s0", "a-tf-s1", "a-my-recipe-s0", "a-my-recipe-s1"]
    assert planned[2].recipe == "some/where/my recipe.toml"


@pytest.mark.parametrize(
    ("recipes", "seeds", "message"),
    [
        (["tf", "elsewhere/tf.toml"], [0], "two recipes are called 'tf'"),
        (["tf"], [1, 1], "a seed is given twice"),
        ([], [0], "needs a recipe"),
    ],
)
def test_collisions_are_refused(recipes: list[str], seeds: list[int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trials(recipes, seeds, name="a")


def test_rows_are_of_the_evaluated_stages() -> None:
    likelihood = {"per_gene_auroc": 0.6, "interval": [0.5, 0.7], "brier": 0.2, "ece": 0.1, "genes": 9, "rows": 60}
    found: dict[str, Any] = {"likelihood": likelihood, "unparsed_rate": 0.25, "mean_reward": 0.8}
    result = {"before": found, "after_warmup": None, "after": found, "steps": 4}
    rows = stage_figures(Trial("tf", 1, "a-tf-s1"), result)
    assert [row.stage for row in rows] == ["before", "after"]
    assert [row.steps for row in rows] == [0, 4]
    assert asdict(rows[1]) | {"stage": ""} == {
        "recipe": "tf", "seed": 1, "run": "a-tf-s1", "stage": "", "auroc": 0.6, "interval": (0.5, 0.7), "brier": 0.2,
        "ece": 0.1, "genes": 9, "rows": 60, "unparsed": 0.25, "reward": 0.8, "steps": 4,
    }  # fmt: skip
