"""Several recipes and seeds under one budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.services.train import RecipeChanges, read_recipe, train_policy

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.pipeline.ablation import StageFigures, Trial


@dataclass(frozen=True)
class Ablation:
    """Recipes and seeds that were trained under one budget.

    Args:
        name: first part of the runs' names.
        budget: `steps` and `minutes` of GRPO of each run; None where there is no limit.
        recipes: files or names of shipped recipes.
        seeds: each recipe was trained with each of them.
        rows: the figures of every evaluated stage.
    """

    name: str
    budget: Mapping[str, float | None]
    recipes: tuple[str, ...]
    seeds: tuple[int, ...]
    rows: tuple[StageFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """The document of the command `ablate`."""
        document: dict[str, Any] = plain(asdict(self))
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Ablation:
        """The ablation that `to_json` wrote."""
        from rbio_kg.training.pipeline.ablation import StageFigures

        return cls(
            name=document["name"],
            budget=document["budget"],
            recipes=tuple(document["recipes"]),
            seeds=tuple(document["seeds"]),
            rows=tuple(StageFigures.from_json(row) for row in document["rows"]),
        )


def ablate(
    workspace: WorkspaceBase,
    progress: Progress,
    *,
    recipes: list[str],
    seeds: list[int],
    steps: int | None,
    minutes: float | None,
    name: str,
) -> Ablation:
    """Train every recipe with every seed under one budget."""
    from rbio_kg.training.pipeline.ablation import stage_figures, trials
    from rbio_kg.training.pipeline.train import TrainingOptions

    found: list[StageFigures] = []
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
        found += stage_figures(trial, run(trial, number))
    return Ablation(name, budget, tuple(recipes), tuple(seeds), tuple(found))
