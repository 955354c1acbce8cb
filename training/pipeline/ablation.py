"""Ablations: several recipes under one budget, and what each came to in one table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rbio_kg.core.errors import ConfigError

STAGES = ("before", "after_warmup", "after")


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe with one seed.

    Args:
        recipe: a file or the name of a shipped recipe.
        seed: of everything in the run.
        run: the run's name.
    """

    recipe: str
    seed: int
    run: str


def trials(recipes: Sequence[str], seeds: Sequence[int], *, name: str) -> list[Trial]:
    """Every recipe with every seed, recipe by recipe; a run is named after all three.

    Raises:
        ConfigError: there is no recipe, or two of them would have runs of one name.
    """
    if not recipes or not seeds:
        raise ConfigError("an ablation needs a recipe and a seed", hint="name recipes with --recipe")
    short = [re.sub(r"[^A-Za-z0-9._-]+", "-", Path(recipe).name.removesuffix(".toml")) for recipe in recipes]
    twice = [one for one in short if short.count(one) > 1]
    if twice or len(set(seeds)) < len(seeds):
        what = f"two recipes are called {twice[0]!r}" if twice else "a seed is given twice"
        raise ConfigError(f"{what}: their runs would have one name", hint="rename one of them")
    return [
        Trial(recipe, seed, f"{name}-{label}-s{seed}")
        for recipe, label in zip(recipes, short, strict=True)
        for seed in seeds
    ]


def result_rows(trial: Trial, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a run came to, one row a stage: `recipe`, `seed`, `run`, `stage`, `auroc` (per gene, by likelihood),
    `interval`, `brier`, `ece`, `genes`, `rows`, `unparsed`, `reward` (both of sampled answers), `steps`.

    Args:
        trial: which run.
        result: the document of `train_policy`.
    """
    rows = []
    for stage in STAGES:
        found = result.get(stage)
        if not found:
            continue
        likelihood = found["likelihood"]
        rows.append(
            {
                "recipe": trial.recipe,
                "seed": trial.seed,
                "run": trial.run,
                "stage": stage.replace("_", " "),
                "auroc": likelihood["per_gene_auroc"],
                "interval": likelihood["interval"],
                "brier": likelihood.get("brier"),
                "ece": likelihood["ece"],
                "genes": likelihood["genes"],
                "rows": likelihood["rows"],
                "unparsed": found["unparsed_rate"],
                "reward": found["mean_reward"],
                "steps": result["steps"] if stage == "after" else 0,
            }
        )
    return rows
