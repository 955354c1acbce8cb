"""The SFT checkpoint: one file from which SFT goes on to the same weights."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rbio_kg.core.atomic_io import atomic_path
from rbio_kg.core.errors import TrainingError
from rbio_kg.training.sft.examples import EncodedExample
from rbio_kg.training.sft.history import SftHistory

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import WarmupSettings


@dataclass
class SftState:
    """What changes while SFT runs.

    Args:
        fingerprint: of the training (see `fingerprint`).
        parameters: the trainable parameters, torch tensors.
        optimiser: a torch optimiser of them.
        history: the losses so far.
        done: finished steps.
    """

    fingerprint: str
    parameters: Sequence[Any]
    optimiser: Any
    history: SftHistory
    done: int = 0


def fingerprint(encoded: Sequence[EncodedExample], settings: WarmupSettings, seed: int) -> str:
    """SHA-256 of the examples, the settings and the seed: the checkpoint of another training is refused."""
    digest = hashlib.sha256(f"{settings.model_dump_json()} {seed}".encode())
    for item in encoded:
        digest.update(np.asarray(item.ids, dtype=np.int64).tobytes() + np.float64(item.q).tobytes())
    return digest.hexdigest()


def save_checkpoint(path: Path, state: SftState) -> None:
    """Write the state; the file appears complete or not at all."""
    import torch

    content = {
        "mark": state.fingerprint,
        "done": state.done,
        "parameters": [parameter.detach().cpu() for parameter in state.parameters],
        "optimiser": state.optimiser.state_dict(),
        "history": dict(vars(state.history)),
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def restore_checkpoint(path: Path, state: SftState) -> None:
    """Set the state to what the file holds.

    Raises:
        TrainingError: it is corrupt, or of another training.
    """
    import torch

    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found, done = content["mark"], int(content["done"])
    except (OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"the checkpoint is corrupt ({type(error).__name__})", where=path, hint="delete it and start the run again"
        ) from error
    if found != state.fingerprint:
        raise TrainingError(
            "the checkpoint has other examples or settings", where=path, hint="give the new run another name"
        )
    with torch.no_grad():
        for parameter, value in zip(state.parameters, content["parameters"], strict=True):
            parameter.copy_(value)
    state.optimiser.load_state_dict(content["optimiser"])
    for name, value in content["history"].items():
        setattr(state.history, name, value)
    state.done = done
