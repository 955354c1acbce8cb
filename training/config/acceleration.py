"""The recipe's section `[acceleration]`: DeepSpeed and vLLM, checked here and passed to the trainer.

Neither was ever run on a GPU in this project.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.config.section import Section

SHIPPED = Path(__file__).parent / "deepspeed"
_SIZES = (
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
)


class AccelerationSettings(Section):
    """Training on more hardware (see `rbio_kg.training.config.acceleration`); not tested on GPUs."""

    deepspeed: str = Field(default="", description="zero2, zero3, or a DeepSpeed JSON file; empty: without DeepSpeed")
    vllm: Literal["off", "colocate", "server"] = Field(
        default="off", description="generation by vLLM: in the training processes, or by a server"
    )
    vllm_memory: float = Field(default=0.3, gt=0, lt=1, description="share of a GPU's memory for vLLM (colocate)")
    vllm_server: str = Field(default="http://127.0.0.1:8000", description="address of the vLLM server (server)")


def deepspeed_file(name: str) -> Path:
    """The JSON file of a `deepspeed` setting: `zero2` and `zero3` are shipped, anything else is a path."""
    shipped = SHIPPED / f"{name}.json"
    return shipped if "/" not in name and shipped.is_file() else Path(name).expanduser()


def read_deepspeed(path: Path) -> dict[str, Any]:
    """A DeepSpeed configuration that can work with this trainer.

    Raises:
        ConfigError: it is missing, no JSON object, has no ZeRO stage 0 to 3, or fixes a batch size.
    """
    hint = "use zero2, zero3, or a DeepSpeed JSON file"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError("there is no such DeepSpeed configuration", where=path, hint=hint) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read as JSON ({error})", where=path, hint=hint) from error
    zero = found.get("zero_optimization") if isinstance(found, Mapping) else None
    stage = zero.get("stage") if isinstance(zero, Mapping) else None
    if stage not in (0, 1, 2, 3) or isinstance(stage, bool):
        raise ConfigError("zero_optimization.stage must be 0, 1, 2 or 3", where=path, hint=hint)
    fixed = [name for name in _SIZES if found.get(name, "auto") != "auto"]
    if fixed:
        raise ConfigError(
            f'{fixed[0]} must be "auto": the recipe\'s grpo.prompts and grpo.generations decide it',
            where=path,
            hint='write "auto" there',
        )
    return dict(found)


def acceleration_arguments(settings: AccelerationSettings) -> dict[str, Any]:
    """What the section adds to TRL's `GRPOConfig`; empty by default.

    Raises:
        ConfigError: a package or a GPU is missing, or the settings cannot work.
    """
    import torch

    where = "acceleration"
    found: dict[str, Any] = {}
    if settings.deepspeed:
        path = deepspeed_file(settings.deepspeed)
        read_deepspeed(path)
        _need("deepspeed", f"{where}.deepspeed")
        found["deepspeed"] = str(path)
    if settings.vllm != "off":
        _need("vllm", f"{where}.vllm")
        if not torch.cuda.is_available():
            raise ConfigError("vLLM needs a GPU here", where=f"{where}.vllm", hint="set it to off")
        found |= {"use_vllm": True, "vllm_mode": settings.vllm}
        if settings.vllm == "colocate":
            found["vllm_gpu_memory_utilization"] = settings.vllm_memory
        else:
            found["vllm_server_base_url"] = settings.vllm_server
    return found


def _need(package: str, where: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ConfigError(
            f"{package} is not installed", where=where, hint=f"pip install 'rbio-kg[{package}]', or leave it out"
        )
