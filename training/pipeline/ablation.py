"""Ablations: several recipes under one budget, and their results in one table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.pipeline.model_card import STAGE_LABELS


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe with one seed.

    Args:
        recipe: a file or the name of a shipped recipe.
        seed: of all draws in the run.
        run: the run's name.
    """

    recipe: str
    seed: int
    run: str


def trials(recipes: Sequence[str], seeds: Sequence[int], *, name: str) -> list[Trial]:
    """Every recipe with every seed, recipe by recipe. The name of a run holds the ablation's name, recipe and seed.

    Raises:
        ConfigError: there is no recipe, or two of them would have runs of one name.
    """
    if not recipes or not seeds:
        raise ConfigError("an ablation needs a recipe and a seed", hint="name recipes with --recipe")
    short = [re.sub(r"[^A-Za-z0-9._-]+", "-", Path(recipe).name.removesuffix(".toml")) for recipe in recipes]
    repeated = [label for label in short if short.count(label) > 1]
    if repeated or len(set(seeds)) < len(seeds):
        what = f"two recipes are called {repeated[0]!r}" if repeated else "a seed is given twice"
        raise ConfigError(f"{what}: their runs would have one name", hint="rename one of them")
    return [
        Trial(recipe, seed, f"{name}-{label}-s{seed}")
        for recipe, label in zip(recipes, short, strict=True)
        for seed in seeds
    ]


@dataclass(frozen=True, slots=True)
class StageFigures:
    """What one evaluated stage of a run reached.

    Args:
        recipe: a file or the name of a shipped recipe.
        seed: of all draws in the run.
        run: the run's name.
        stage: `before`, `after warmup` or `after`.
        auroc: per-gene AUROC by token probability, 0 to 1; None where it cannot be computed.
        interval: of `auroc`, low and high.
        brier: mean squared error of the probability, 0 to 1.
        ece: expected calibration error, 0 to 1.
        genes: readout genes that count in `auroc`.
        rows: evaluated questions.
        unparsed: share of sampled answers that cannot be parsed, 0 to 1.
        reward: mean reward of sampled answers, 0 to 1.
        steps: of GRPO before this stage.
    """

    recipe: str
    seed: int
    run: str
    stage: str
    auroc: float | None
    interval: tuple[float, float] | None
    brier: float | None
    ece: float | None
    genes: int
    rows: int
    unparsed: float | None
    reward: float | None
    steps: int

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StageFigures:
        """The figures of their JSON form."""
        return cls(**{**document, "interval": document["interval"] and tuple(document["interval"])})


def stage_figures(trial: Trial, result: Mapping[str, Any]) -> list[StageFigures]:
    """The figures of a run, one for each evaluated stage.

    Args:
        trial: the run.
        result: the JSON form of its `TrainingResult`.
    """
    figures = []
    for stage in STAGE_LABELS:
        found = result.get(stage)
        if not found:
            continue
        likelihood = found["likelihood"]
        interval = likelihood["interval"]
        figures.append(
            StageFigures(
                recipe=trial.recipe,
                seed=trial.seed,
                run=trial.run,
                stage=stage.replace("_", " "),
                auroc=likelihood["per_gene_auroc"],
                interval=None if interval is None else (interval[0], interval[1]),
                brier=likelihood.get("brier"),
                ece=likelihood["ece"],
                genes=likelihood["genes"],
                rows=likelihood["rows"],
                unparsed=found["unparsed_rate"],
                reward=found["mean_reward"],
                steps=result["steps"] if stage == "after" else 0,
            )
        )
    return figures
