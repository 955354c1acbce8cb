"""The warm-up's checkpoint: one file with all that a warm-up needs to go on to the same weights."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rbio_kg.core.atomic_io import atomic_path
from rbio_kg.core.errors import TrainingError
from rbio_kg.training.sft.examples import EncodedExample

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import WarmupSettings
    from rbio_kg.training.sft.history import SftHistory


def fingerprint(encoded: Sequence[EncodedExample], settings: WarmupSettings, seed: int) -> str:
    """Of the lessons, the settings and the seed: a checkpoint of others is refused."""
    digest = hashlib.sha256(f"{settings.model_dump_json()} {seed}".encode())
    for item in encoded:
        digest.update(np.asarray(item.ids, dtype=np.int64).tobytes() + np.float64(item.q).tobytes())
    return digest.hexdigest()


def save_checkpoint(
    path: Path, mark: str, done: int, *, parameters: Sequence[Any], optimiser: Any, history: SftHistory
) -> None:
    """Write the state after `done` steps; the file appears whole or not."""
    import torch

    state = {
        "mark": mark,
        "done": done,
        "parameters": [parameter.detach().cpu() for parameter in parameters],
        "optimiser": optimiser.state_dict(),
        "history": dict(vars(history)),
    }
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def restore_checkpoint(path: Path, mark: str, parameters: Sequence[Any], optimiser: Any, history: SftHistory) -> int:
    """Bring everything to where the file was written, and return its step.

    Raises:
        TrainingError: it is corrupt, or of another training.
    """
    import torch

    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        found, done = state["mark"], int(state["done"])
    except (OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"the checkpoint is corrupt ({type(error).__name__})", where=path, hint="delete it and start the run again"
        ) from error
    if found != mark:
        raise TrainingError(
            "the checkpoint is of other lessons or settings", where=path, hint="give the new run another name"
        )
    with torch.no_grad():
        for parameter, value in zip(parameters, state["parameters"], strict=True):
            parameter.copy_(value)
    optimiser.load_state_dict(state["optimiser"])
    for name, value in state["history"].items():
        setattr(history, name, value)
    return done
