"""Several recipes and seeds under one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.services.train import read_recipe, run_policy

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase


def ablate(
    workspace: WorkspaceBase,
    progress: Progress,
    *,
    recipes: list[str],
    seeds: list[int],
    steps: int | None,
    minutes: float | None,
    name: str,
) -> dict[str, Any]:
    """Train every recipe with every seed under one budget; the document of `ablate`."""
    from rbio_kg.training.pipeline.ablation import Trial, result_rows, trials

    found: list[dict[str, Any]] = []
    planned = trials(recipes, seeds, name=name)
    # Every recipe is read before the first one is trained.
    for trial in planned:
        read_recipe(workspace, trial.recipe, steps, seed=trial.seed, minutes=minutes)

    def run(trial: Trial, number: int) -> dict[str, Any]:
        def report(message: str, share: float | None) -> None:
            done = None if share is None else (number + share) / len(planned)
            progress(f"{trial.run}: {message}", done)

        return run_policy(
            workspace,
            report,
            config=trial.recipe,
            name=trial.run,
            resume=True,
            steps=steps,
            seed=trial.seed,
            minutes=minutes,
        )

    for number, trial in enumerate(planned):
        found += result_rows(trial, run(trial, number))
    return {
        "name": name,
        "budget": {"steps": steps, "minutes": minutes},
        "recipes": recipes,
        "seeds": seeds,
        "rows": plain(found),
    }
