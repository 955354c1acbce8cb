"""DeepSpeed and vLLM: settings that are checked here and handed to the trainer. Neither was run on a GPU by us."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import ConfigError

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import PolicyConfig

SHIPPED = Path(__file__).parent / "deepspeed"
_SIZES = (
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
)


def deepspeed_file(name: str) -> Path:
    """The JSON file of a `deepspeed` setting: `zero2` and `zero3` are shipped, all else is a path."""
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


def acceleration_arguments(config: PolicyConfig) -> dict[str, Any]:
    """What the recipe's section `acceleration` adds to TRL's `GRPOConfig`; empty where nothing is asked.

    Raises:
        ConfigError: a package or a GPU is missing, or the settings cannot work.
    """
    import torch

    asked = config.acceleration
    where = "acceleration"
    found: dict[str, Any] = {}
    if asked.deepspeed:
        path = deepspeed_file(asked.deepspeed)
        read_deepspeed(path)
        _need("deepspeed", f"{where}.deepspeed")
        found["deepspeed"] = str(path)
    if asked.vllm != "off":
        _need("vllm", f"{where}.vllm")
        if not torch.cuda.is_available():
            raise ConfigError("vLLM needs a GPU here", where=f"{where}.vllm", hint="set it to off")
        found |= {"use_vllm": True, "vllm_mode": asked.vllm}
        if asked.vllm == "colocate":
            found["vllm_gpu_memory_utilization"] = asked.vllm_memory
        else:
            found["vllm_server_base_url"] = asked.vllm_server
    return found


def _need(package: str, where: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ConfigError(
            f"{package} is not installed", where=where, hint=f"pip install 'rbio-kg[{package}]', or leave it out"
        )
