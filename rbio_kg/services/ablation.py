"""Several recipes and seeds under one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.services.train import RecipeChanges, read_recipe, train_policy

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
    from rbio_kg.training.pipeline.train import TrainingOptions

    found: list[dict[str, Any]] = []
    planned = trials(recipes, seeds, name=name)
    budget = {"steps": steps, "minutes": minutes}
    changes = [RecipeChanges(steps, trial.seed, minutes) for trial in planned]
    # Every recipe is read before the first one is trained.
    for trial, change in zip(planned, changes, strict=True):
        read_recipe(workspace, trial.recipe, change)

    def run(trial: Trial, number: int) -> dict[str, Any]:
        def report(message: str, share: float | None) -> None:
            done = None if share is None else (number + share) / len(planned)
            progress(f"{trial.run}: {message}", done)

        result = train_policy(
            workspace,
            trial.recipe,
            name=trial.run,
            changes=changes[number],
            options=TrainingOptions(resume=True),
            progress=report,
        )
        return {} if result is None else plain(result.to_json())

    for number, trial in enumerate(planned):
        found += result_rows(trial, run(trial, number))
    return {
        "name": name,
        "budget": budget,
        "recipes": recipes,
        "seeds": seeds,
        "rows": plain(found),
    }
