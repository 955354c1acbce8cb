"""A trained policy on disk: the untrained model, and the adapter or the weights of each stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import atomic_folder, write_text
from rbio_kg.core.errors import ModelError
from rbio_kg.training.models.loading import Precision, load_model, quiet
from rbio_kg.training.models.public_base import name_base, public_name
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.runs.resume import resume_command

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import Method
    from rbio_kg.training.runs.run_folder import Run

STAGES = ("warmup", "grpo")


def save_stage(
    model: Any, tokenizer: Any, folder: Path, stage: str, weights: dict[str, Any] | None = None, *, base: str = ""
) -> None:
    """Save a stage's adapter, or for full training all weights, as `folder/stage`; it appears complete or not at all.

    Args:
        model: trained.
        tokenizer: of the model.
        folder: a run's `model` folder.
        stage: `warmup` or `grpo`.
        weights: saved instead of the model's own, where they were gathered from several processes.
        base: the recipe's `model.name`; the adapter names it as others know it.
    """
    if base:
        name_base(model, public_name(base))
    with atomic_folder(folder / stage) as temporary, quiet():
        model.save_pretrained(temporary, **({} if weights is None else {"state_dict": weights}))
        tokenizer.save_pretrained(temporary)
        # PEFT's empty form of a card names the place of the base model; a finished run gets a card of its own.
        (temporary / "README.md").unlink(missing_ok=True)


def stage_saved(folder: Path, stage: str) -> bool:
    """Whether a stage is finished and saved."""
    return (folder / stage).is_dir()


def trained_stages(run: Run) -> list[str]:
    """The saved stages of a run, in their order.

    Raises:
        ModelError: there is none yet.
    """
    stages = [stage for stage in STAGES if stage_saved(run.model, stage)]
    if not stages:
        raise ModelError(
            f"run {run.folder.name} has no trained model yet ({run.status})",
            where=run.model,
            hint=f"finish it: {resume_command(run.folder)}",
        )
    return stages


def merged(model: Any) -> Any:
    """A plain model with its adapter added to the weights; a model without an adapter as it is."""
    with quiet():
        return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def load_stages(base: str, folder: Path, method: Method, precision: Precision, upto: str = STAGES[-1]) -> LanguageModel:
    """The model after the saved stages up to `upto` (`warmup` or `grpo`).

    Args:
        base: where the untrained model is.
        folder: a run's `model` folder.
        method: how it was trained.
        precision: of the weights.
        upto: the last stage to add; stages that were not trained are skipped.

    Raises:
        ModelError: a part is missing or corrupt.
    """
    stages = [stage for stage in STAGES[: STAGES.index(upto) + 1] if stage_saved(folder, stage)]
    if method == "full":
        return load_model(str(folder / stages[-1]) if stages else base, precision)
    loaded = load_model(base, precision)
    model = loaded.model
    for stage in stages:
        model = merged(with_adapter(model, folder / stage))
    return LanguageModel(model, loaded.tokenizer, loaded.path)


def stage_models(base: str, run: Run, method: Method, precision: Precision) -> dict[str, Callable[[], LanguageModel]]:
    """Loaders of the untrained model and of the model after each saved stage, by the names of the run's evaluations."""
    models = {"before": partial(load_model, base, precision)}
    if len(trained_stages(run)) > 1:
        models["after_warmup"] = partial(load_stages, base, run.model, method, precision, STAGES[0])
    return {**models, "after": partial(load_stages, base, run.model, method, precision)}


def with_adapter(model: Any, folder: Path) -> Any:
    """A model with the adapter that a folder holds, not merged.

    Raises:
        ModelError: the adapter is missing or corrupt, or of another model.
    """
    from peft import PeftModel

    with quiet():
        try:
            return PeftModel.from_pretrained(model, str(folder))
        except Exception as error:  # the readers raise whatever a corrupt file leads to
            raise ModelError(
                f"the adapter cannot be loaded ({type(error).__name__})", where=folder, hint="train the run again"
            ) from error


def save_facts_settings(folder: Path, thresholds: list[float], neighbours: int) -> None:
    """Save how similarities become digits in the prompt: an evaluation must show them the same way."""
    write_text(folder / "facts.json", json.dumps({"thresholds": thresholds, "neighbours": neighbours}, indent=1) + "\n")


def read_facts_settings(folder: Path) -> tuple[list[float], int]:
    """The thresholds and the number of neighbours that `save_facts_settings` wrote.

    Raises:
        ModelError: it is missing or corrupt.
    """
    path = folder / "facts.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [float(value) for value in found["thresholds"]], int(found["neighbours"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot be read ({type(error).__name__})", where=path, hint="train the run again") from error
